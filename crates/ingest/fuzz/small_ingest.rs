//! A small ingest around some bytes, in the world that the ordinary tests use.

#[allow(dead_code, reason = "each target takes one")]
pub(crate) mod bodies;
#[allow(dead_code, unused_imports, reason = "the ordinary tests use all of it")]
#[path = "../tests/ingest/world.rs"]
mod world;

use bodies::Body;
use world::World;

thread_local! {
    static WORLD: World = bodies::prepared();
}

/// One input of the fuzzer, in the place of the body's file.
pub(crate) fn of(body: &Body, bytes: &[u8]) {
    WORLD.with(|world| _ = bodies::ingest(world, body, bytes));
}
