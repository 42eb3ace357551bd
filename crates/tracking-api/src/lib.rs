//! What a tracking client and a tracking server say to each other: MLflow's REST 2.0 messages, its limits and error
//! codes, the names of logged pictures, page tokens, and the grammar of run searches.
//!
//! `idiom-tracking` (the client inside a training run) and `idiom-tracking-server` meet only here, so that neither
//! knows the other. The wire is MLflow's own: its Python client speaks to our server, ours to its server.
//!
//! Not here: sending, storing, retrying. This crate is types and pure functions; it opens no socket and no file.

pub mod error;
pub mod images;
pub mod limits;
pub mod messages;
pub mod number;
pub mod page_token;
pub mod search;

pub use error::{ApiError, ErrorCode};
pub use messages::*;

/// Where a server listens unless told otherwise.
pub const DEFAULT_HOST: &str = "127.0.0.1";
/// The port a server listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 5151;
/// Every REST route stands under this prefix, e.g. `/api/2.0/mlflow/runs/log-batch`.
pub const API_PREFIX: &str = "/api/2.0/mlflow";
/// Web pages use this second prefix for the same routes.
pub const AJAX_PREFIX: &str = "/ajax-api/2.0/mlflow";
/// Artifacts are read and written under this prefix: `ARTIFACT_PREFIX/<path>`.
pub const ARTIFACT_PREFIX: &str = "/api/2.0/mlflow-artifacts/artifacts";
/// `GET /version` of a server of ours answers this word, a space and its version.
pub const SERVER_NAME: &str = "idiom";
/// The tag under which a client finds its own run again after a restart.
pub const RUN_UID_TAG: &str = "idiom.uid";
