//! The server, asked through HTTP on a loopback port of its own: what it promises, claim by claim.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod accounts;
mod artifacts;
mod batches;
mod charts;
mod experiments;
mod extension;
mod life;
mod manners;
mod mlflow_client;
mod postgres;
mod refusals;
mod runs;
mod s3;
mod search;
mod served;
mod upkeep;
mod uploads;
mod upstream;
