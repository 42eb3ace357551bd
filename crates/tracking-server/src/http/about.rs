//! What the server says about itself: `/health`, `/version`, `server-info`.
//!
//! `/version` begins with `idiom`, by which others of ours know it; MLflow's client does not read it. `server-info` is
//! what that client reads to learn what a server can do; ours also tells which database it is, for processes of ours that would
//! go on serving it.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use idiom_tracking_api::SERVER_NAME;
use serde::Serialize;

use super::AppState;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/health", get(|| async { "OK" }))
        .route("/version", get(|| async { version() }))
        .route("/api/3.0/mlflow/server-info", get(info))
        .route("/ajax-api/3.0/mlflow/server-info", get(info))
}

async fn info(State(app): State<AppState>) -> Json<ServerInfo> {
    Json(ServerInfo {
        idiom_database: app.database.clone(),
        ..INFO
    })
}

fn version() -> String {
    format!("{SERVER_NAME} {}", env!("CARGO_PKG_VERSION"))
}

#[derive(Serialize)]
struct ServerInfo {
    store_type: &'static str,
    workspaces_enabled: bool,
    trace_archival_enabled: bool,
    multipart_uploads_enabled: bool,
    multipart_downloads_enabled: bool,
    presigned_upload_run_id_supported: bool,
    presigned_upload_model_id_supported: bool,
    /// See [`crate::DatabasePlace::mark`].
    idiom_database: Option<String>,
}

const INFO: ServerInfo = ServerInfo {
    store_type: "SqlStore",
    workspaces_enabled: false,
    trace_archival_enabled: false,
    multipart_uploads_enabled: false,
    multipart_downloads_enabled: false,
    presigned_upload_run_id_supported: false,
    presigned_upload_model_id_supported: false,
    idiom_database: None,
};
