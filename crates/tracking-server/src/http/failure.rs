//! What a refused request gets: a status and MLflow's `{"error_code", "message"}`, always JSON.
//!
//! Faults of the server are logged with their cause and answered without it: no SQL and no path leaves the house.

use std::any::Any;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use idiom_tracking_api::{ApiError, ErrorCode};

use crate::artifacts::ArtifactError;
use crate::store::StoreError;

/// What most handlers return.
pub(super) type Answer<T> = Result<Json<T>, Failure>;

/// A refused request.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    error: ApiError,
}

impl Failure {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        ApiError::new(code, message).into()
    }

    /// The same, under another HTTP status than the code's own.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Its HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    fn internal() -> Self {
        Self::new(
            ErrorCode::InternalError,
            "the server failed; its log says more",
        )
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let status = StatusCode::from_u16(error.error_code.http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, error }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(error) => error.into(),
            StoreError::Database(sqlx::Error::PoolTimedOut) => Self::new(
                ErrorCode::TemporarilyUnavailable,
                "too many requests at once; try again in a moment",
            ),
            StoreError::Database(error) => {
                tracing::error!(%error, "the database failed");
                Self::internal()
            }
            StoreError::Lost => Self::new(
                ErrorCode::InternalError,
                "the write was not stored; try again",
            ),
        }
    }
}

impl From<ArtifactError> for Failure {
    fn from(error: ArtifactError) -> Self {
        match error {
            ArtifactError::Refused(error) => error.into(),
            ArtifactError::TooLarge { limit } => {
                let message = format!("an artifact may have at most {limit} bytes");
                Self::new(ErrorCode::InvalidParameterValue, message)
                    .with_status(StatusCode::PAYLOAD_TOO_LARGE)
            }
            ArtifactError::Interrupted => Self::new(
                ErrorCode::BadRequest,
                "the upload broke off; nothing was stored",
            ),
            ArtifactError::Storage(error) => {
                tracing::error!(%error, "the store of artifacts failed");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(self.error)).into_response()
    }
}

/// What a panic in a handler turns into.
pub(super) fn panicked(_cause: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request panicked");
    Failure::internal().into_response()
}
