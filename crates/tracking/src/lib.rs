//! The tracking client: what a training run logs reaches an MLflow server, and never slows or kills the run.
//!
//! Spool first, always. A `log_*` call copies into a bounded channel and returns. One thread writes the
//! channel to a file in the run's folder ([`spool`]); a second reads that file and sends it, in order
//! ([`delivery`]). A server that is away, slow or full only lets the file grow; [`sync`] sends it later, from
//! any process. Sending twice is harmless: the run is found again by its `idiom.uid` tag, timestamps are
//! fixed at log time, and a server stores the same point once.
//!
//! Not here: the messages themselves (`idiom-tracking-api`), the server, the environment (the binary reads
//! `MLFLOW_TRACKING_*` and fills a [`ClientConfig`]), what is worth logging (`idiom-train`).

mod backoff;
mod clock;
mod config;
mod delivery;
mod error;
mod ledger;
mod leftover;
mod locks;
mod pauses;
mod run;
mod sender;
mod shared;
mod spool;
mod sync;
mod writer;

pub use config::{ClientConfig, RunSpec, Timing};
pub use error::TrackingError;
pub use idiom_tracking_api::RunStatus;
pub use ledger::Ledger;
pub use leftover::{Leftover, leftover};
pub use run::Run;
pub use sync::sync;
