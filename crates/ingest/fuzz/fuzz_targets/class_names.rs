//! Any bytes in the place of `CLASS_NAMES`, see `bodies.rs`.
#![no_main]

#[path = "../small_ingest.rs"]
mod small_ingest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| small_ingest::of(&small_ingest::bodies::CLASS_NAMES, bytes));
