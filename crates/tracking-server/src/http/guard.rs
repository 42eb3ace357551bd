//! Who may ask, and what every answer carries.
//!
//! A server on a person's own machine is in reach of every web page that person opens. Two checks keep pages of others
//! out: the name in `Host` must be one of ours (else a foreign name could be pointed at this machine), and the `Origin`
//! of a request must be the page's own server. Programs send no `Origin` and are not touched.

use std::collections::HashSet;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN};
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use idiom_tracking_api::ErrorCode;

use super::AppState;
use super::failure::Failure;
use crate::ServerConfig;

const PAGE_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:";

/// The names and origins that are let in.
pub(crate) struct Guard {
    hosts: HashSet<String>,
    origins: HashSet<String>,
}

impl Guard {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let own = ["localhost", "127.0.0.1", "[::1]", config.host.as_str()];
        let allowed = config.allowed_hosts.iter().map(String::as_str);
        let hosts = own
            .into_iter()
            .chain(allowed)
            .map(str::to_ascii_lowercase)
            .collect();
        let origins = config
            .allowed_origins
            .iter()
            .map(|origin| origin.trim_end_matches('/').to_ascii_lowercase());
        Self {
            hosts,
            origins: origins.collect(),
        }
    }

    fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Failure> {
        let authority = uri
            .authority()
            .map(|authority| authority.as_str().to_owned());
        let host = authority
            .or_else(|| single(headers, &HOST))
            .unwrap_or_default()
            .to_ascii_lowercase();
        if !self.hosts.contains(name_of(&host)) && !self.hosts.contains(host.as_str()) {
            let message = format!(
                "the host `{host}` is not allowed here; `--allowed-hosts` of the server allows it"
            );
            return Err(Failure::new(ErrorCode::PermissionDenied, message));
        }
        if !headers.contains_key(ORIGIN) {
            return Ok(());
        }
        let origin = single(headers, &ORIGIN)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let is_own = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"))
            == Some(host.as_str());
        if is_own || self.origins.contains(&origin) {
            return Ok(());
        }
        let message = format!(
            "the origin `{origin}` is not allowed here; `--allowed-origins` of the server allows it"
        );
        Err(Failure::new(ErrorCode::PermissionDenied, message))
    }
}

/// A header that stands there exactly once.
fn single(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).into_iter();
    let only = values.next()?.to_str().ok()?.to_owned();
    values.next().is_none().then_some(only)
}

/// A host without its port; an IPv6 address keeps its brackets.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() =>
        {
            name
        }
        _ => host,
    }
}

/// Refuses requests from names and pages that are not ours.
pub(super) async fn check(State(app): State<AppState>, request: Request, next: Next) -> Response {
    match app.guard.check(request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    }
}

/// Adds what browsers should hold to.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(PAGE_POLICY));
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    headers.insert("x-frame-options", HeaderValue::from_static("SAMEORIGIN"));
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn lets_in(host: &str, origin: Option<&str>) -> bool {
        let config = ServerConfig {
            allowed_hosts: vec!["lab.example".into()],
            allowed_origins: vec!["https://pages.example".into()],
            ..ServerConfig::new(Path::new("db"), Path::new("artifacts"))
        };
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        Guard::new(&config)
            .check(&headers, &Uri::from_static("/"))
            .is_ok()
    }

    #[test]
    fn only_our_own_names_are_hosts() {
        assert!(lets_in("127.0.0.1:5151", None));
        assert!(lets_in("LOCALHOST:80", None));
        assert!(lets_in("[::1]:5151", None));
        assert!(lets_in("lab.example", None));
        assert!(!lets_in("evil.example", None));
        assert!(!lets_in("127.0.0.1.evil.example:5151", None));
        assert!(!lets_in("localhost:5151:x", None));
        assert!(!lets_in("", None));
    }

    #[test]
    fn only_pages_of_this_very_server_may_send_requests() {
        assert!(lets_in("localhost:5151", Some("http://localhost:5151")));
        assert!(lets_in("localhost:5151", Some("https://pages.example")));
        assert!(!lets_in("localhost:5151", Some("http://localhost:3000")));
        assert!(!lets_in(
            "localhost:5151",
            Some("http://localhost:5151.evil.example")
        ));
        assert!(!lets_in("localhost:5151", Some("null")));
    }
}
