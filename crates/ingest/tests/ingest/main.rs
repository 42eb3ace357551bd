//! What an ingest promises, seen from outside: rows, rejects, sums, bytes, and what survives a kill.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod folder;
mod killed;
mod packages;
mod preview;
mod retry;
mod revision;
mod shares;
mod world;
