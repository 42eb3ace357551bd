//! What a client is told: where the server is, who it is, how patient to be, and what the run is called.
//!
//! Nothing here is read from the environment; the binary does that. `Debug` never shows a secret.

use std::fmt;
use std::time::Duration;

/// Where the server is and how to speak to it.
#[derive(Clone)]
pub struct ClientConfig {
    /// `http://` or `https://`, host, port, and a path where the server stands behind one.
    pub uri: String,
    /// Sent as `Authorization: Bearer`, unless a username and a password are given.
    pub token: Option<String>,
    /// With `password`: sent as basic authentication, which wins over `token` as it does in MLflow.
    pub username: Option<String>,
    /// See `username`.
    pub password: Option<String>,
    /// How long to wait for what.
    pub timing: Timing,
}

impl ClientConfig {
    /// A server without accounts, with the usual timing.
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            token: None,
            username: None,
            password: None,
            timing: Timing::default(),
        }
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "(hidden)");
        out.debug_struct("ClientConfig")
            .field("uri", &without_credentials(&self.uri))
            .field("token", &hidden(&self.token))
            .field("username", &self.username)
            .field("password", &hidden(&self.password))
            .field("timing", &self.timing)
            .finish()
    }
}

/// A URI without the `user:password@` it may hold, for messages.
pub(crate) fn without_credentials(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.to_owned();
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => uri.to_owned(),
    }
}

/// How long to wait for what. The defaults are for real servers; tests use shorter ones.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The longest a logged item waits for company before it is sent.
    pub flush_interval: Duration,
    /// How often the spool is forced to disk; a power cut loses at most this much.
    pub fsync_interval: Duration,
    /// The first pause after a failed request; it doubles from there, with jitter.
    pub shortest_backoff: Duration,
    /// The longest pause, `Retry-After` aside.
    pub longest_backoff: Duration,
    /// The longest pause a server may ask for by `Retry-After`.
    pub longest_retry_after: Duration,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest one request may take, answer included; uploads get more by their size.
    pub request_timeout: Duration,
    /// How long [`crate::sync`] tries without any progress before it gives up.
    pub sync_patience: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            flush_interval: Duration::from_secs(1),
            fsync_interval: Duration::from_secs(1),
            shortest_backoff: Duration::from_secs(2),
            longest_backoff: Duration::from_secs(60),
            longest_retry_after: Duration::from_secs(600),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            sync_patience: Duration::from_secs(30),
        }
    }
}

/// What the run is called and begins with.
#[derive(Clone, Debug, Default)]
pub struct RunSpec {
    /// The experiment's name; it is made when the server does not know it.
    pub experiment: String,
    /// The run's name, for people.
    pub run_name: String,
    /// Notes by key; set again each time the run is taken up.
    pub tags: Vec<(String, String)>,
    /// What the run was started with; fixed at the first start.
    pub params: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let config = ClientConfig {
            token: Some("tok-123".into()),
            username: Some("ada".into()),
            password: Some("pass-123".into()),
            ..ClientConfig::new("http://bob:pass-123@host:1/x@y")
        };
        let shown = format!("{config:?}");
        assert!(!shown.contains("123"), "{shown}");
        assert!(
            shown.contains("http://host:1/x@y") && shown.contains("ada"),
            "{shown}"
        );
    }
}
