//! What an answer means for what we do next: try later, leave this item, ask a person, or find the run anew.

use std::time::Duration;

use idiom_tracking_api::{ApiError, ErrorCode};

/// Why a request did not do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It passes: the network, too many requests, a server in trouble.
    Passing {
        reason: String,
        retry_after: Option<Duration>,
    },
    /// This very content will never be taken.
    Refused(String),
    /// Nothing will be taken until a person acts: no rights, or a deleted run.
    Blocked(String),
    /// Not the answer of a tracking server, or of one that has this route.
    Strange(String),
    /// The server does not know what we named.
    Missing(String),
    /// The name is taken.
    Exists,
}

impl Fault {
    pub(crate) fn passing(reason: impl ToString) -> Self {
        Self::Passing {
            reason: reason.to_string(),
            retry_after: None,
        }
    }

    /// Reads an answer that is not a success.
    pub(crate) fn of_answer(status: u16, body: &str, retry_after: Option<Duration>) -> Self {
        let error: Option<ApiError> = serde_json::from_str(body).ok();
        let code = error.as_ref().map(|error| error.error_code);
        let reason = match &error {
            Some(error) => format!("{status}: {}", excerpt(&error.message)),
            None => format!("{status}: {}", excerpt(body)),
        };
        match (status, code) {
            (408 | 409 | 425 | 429 | 500..=599, _) | (400, Some(ErrorCode::BadRequest)) => {
                Self::Passing {
                    reason,
                    retry_after,
                }
            }
            (413, _) | (400, Some(ErrorCode::InvalidParameterValue)) => Self::Refused(reason),
            (400, Some(ErrorCode::ResourceAlreadyExists)) => Self::Exists,
            (404, Some(ErrorCode::ResourceDoesNotExist)) => Self::Missing(reason),
            (401 | 403, _) => Self::Blocked(reason),
            _ => Self::Strange(reason),
        }
    }

    /// What happened, for people.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Passing { reason, .. } => reason,
            Self::Refused(reason)
            | Self::Blocked(reason)
            | Self::Strange(reason)
            | Self::Missing(reason) => reason,
            Self::Exists => "the name is taken",
        }
    }
}

/// The first line of a text, shortened.
fn excerpt(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    idiom_tracking_api::limits::cut(line, 300).0.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, code: &str) -> Fault {
        Fault::of_answer(
            status,
            &format!(r#"{{"error_code":"{code}","message":"m"}}"#),
            None,
        )
    }

    #[test]
    fn what_passes_is_tried_again() {
        let passing = Fault::Passing {
            reason: "503: m".into(),
            retry_after: None,
        };
        assert_eq!(of(503, "TEMPORARILY_UNAVAILABLE"), passing);
        for (status, code) in [
            (429, "REQUEST_LIMIT_EXCEEDED"),
            (408, ""),
            (500, ""),
            (400, "BAD_REQUEST"),
        ] {
            assert!(
                matches!(of(status, code), Fault::Passing { .. }),
                "{status} {code}"
            );
        }
        let page = Fault::of_answer(502, "<html>\nBad Gateway", None);
        assert_eq!(page.reason(), "502: <html>");
    }

    #[test]
    fn only_a_refusal_of_the_content_kills_an_item() {
        assert_eq!(
            of(400, "INVALID_PARAMETER_VALUE"),
            Fault::Refused("400: m".into())
        );
        assert!(matches!(Fault::of_answer(413, "", None), Fault::Refused(_)));
        assert!(matches!(
            Fault::of_answer(400, "<html>", None),
            Fault::Strange(_)
        ));
        assert!(matches!(of(404, "ENDPOINT_NOT_FOUND"), Fault::Strange(_)));
        assert!(matches!(of(401, "UNAUTHENTICATED"), Fault::Blocked(_)));
        assert!(matches!(of(403, "PERMISSION_DENIED"), Fault::Blocked(_)));
        assert!(matches!(
            of(404, "RESOURCE_DOES_NOT_EXIST"),
            Fault::Missing(_)
        ));
    }
}
