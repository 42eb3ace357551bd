//! MLflow's error form: a code with a fixed HTTP status, and a message for people.
//!
//! Which codes exist, and which status each has, follows MLflow 3.17 except where that loses data (see
//! [`ErrorCode::BadRequest`]).

use serde::{Deserialize, Serialize};

/// Why a request was refused. Unknown codes of other servers read as [`ErrorCode::InternalError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// Something in the request is wrong; sending it again will not help.
    InvalidParameterValue,
    /// The name is taken.
    ResourceAlreadyExists,
    /// The request cannot be read. MLflow answers this for passing faults too, so clients may try again.
    BadRequest,
    /// No such experiment, run, metric or artifact.
    ResourceDoesNotExist,
    /// Known, but not allowed.
    PermissionDenied,
    /// Not known: a token or password is missing or wrong.
    Unauthenticated,
    /// Two writers met.
    ResourceConflict,
    /// Too much at once; try again later.
    RequestLimitExceeded,
    /// No such route on this server.
    EndpointNotFound,
    /// The server cannot answer now; try again later.
    TemporarilyUnavailable,
    /// A fault of the server itself.
    #[serde(other)]
    InternalError,
}

impl ErrorCode {
    /// The HTTP status that goes with the code.
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidParameterValue | Self::ResourceAlreadyExists | Self::BadRequest => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied => 403,
            Self::ResourceDoesNotExist | Self::EndpointNotFound => 404,
            Self::ResourceConflict => 409,
            Self::RequestLimitExceeded => 429,
            Self::TemporarilyUnavailable => 503,
            Self::InternalError => 500,
        }
    }
}

/// The body of every refused request: `{"error_code": "...", "message": "..."}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The machine's reading.
    pub error_code: ErrorCode,
    /// The person's reading, worded as MLflow words it where MLflow has the same error.
    #[serde(default)]
    pub message: String,
}

impl ApiError {
    /// An error of the given code.
    pub fn new(error_code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            error_code,
            message: message.into(),
        }
    }

    /// Something in the request is wrong (400).
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParameterValue, message)
    }

    /// What was asked for is not there (404).
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ResourceDoesNotExist, message)
    }

    /// What to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self.error_code {
            ErrorCode::Unauthenticated => {
                Some("set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD".to_owned())
            }
            ErrorCode::RequestLimitExceeded | ErrorCode::TemporarilyUnavailable => {
                Some("try again in a moment".to_owned())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_travel_by_their_mlflow_names() {
        let body = serde_json::to_string(&ApiError::invalid("no")).unwrap();
        assert_eq!(
            body,
            r#"{"error_code":"INVALID_PARAMETER_VALUE","message":"no"}"#
        );
    }

    #[test]
    fn a_code_nobody_knows_reads_as_internal_error() {
        let error: ApiError =
            serde_json::from_str(r#"{"error_code":"CUSTOMER_UNAUTHORIZED"}"#).unwrap();
        assert_eq!(error.error_code, ErrorCode::InternalError);
    }
}
