//! What an ingest promises, seen from outside: rows, rejects, sums, bytes, and what survives a kill.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod classes;
mod coco;
mod folder;
mod hostile;
mod killed;
mod lists;
mod packages;
mod parquet;
mod preview;
mod report;
mod retry;
mod revision;
mod server;
mod shares;
mod steps;
mod tars;
mod web;
mod world;
