//! What an ingest promises, seen from outside: rows, rejects, sums, bytes, and what survives a kill.

mod folder;
mod killed;
mod packages;
mod world;
