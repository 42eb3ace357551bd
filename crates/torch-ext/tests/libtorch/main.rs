//! What the shim brings from libtorch, one module a file; one program, since each costs a link.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod adam;
mod process_group;
mod runtime;
