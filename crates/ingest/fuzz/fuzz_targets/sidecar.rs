//! Any bytes in the place of `SIDECAR`, see `bodies.rs`.
#![no_main]

#[path = "../world.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| world::ingest(world::bodies::SIDECAR, bytes));
