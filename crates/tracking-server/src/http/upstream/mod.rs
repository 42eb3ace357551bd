//! Our pages before another server: `--upstream URI` of a real MLflow server.
//!
//! What stands under MLflow's prefixes goes there and back as it is. What our pages read under `/api/idiom` is put
//! together from MLflow's own routes: searches, curves (thinned out here), pictures. Accounts, sessions and pages stay
//! ours; the other server is asked with the credentials this one was started with.
//!
//! Not here: least and greatest of curves and the ledger, which MLflow does not keep; news, which it does not send.

mod forward;
mod reading;

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use idiom_tracking_api::{AJAX_PREFIX, API_PREFIX, ErrorCode};
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::AppState;
use super::failure::Failure;
use crate::{ServerError, UpstreamConfig};

/// How long a connection may take to be made, and how long the other server may be silent.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// The server behind our pages.
pub(crate) struct Upstream {
    client: Client,
    uri: String,
}

impl Upstream {
    /// A client of that server; asks it nothing yet.
    pub(crate) fn new(config: &UpstreamConfig) -> Result<Self, ServerError> {
        let unfit = |reason: String| ServerError::Upstream {
            uri: config.uri.clone(),
            reason,
        };
        let uri = config.uri.trim_end_matches('/').to_owned();
        let is_web = uri.starts_with("http://") || uri.starts_with("https://");
        if !is_web {
            return Err(unfit(
                "it must begin with `http://` or `https://`".to_owned(),
            ));
        }
        let mut headers = HeaderMap::new();
        if let Some(authorization) = &config.authorization {
            let mut value = HeaderValue::from_str(authorization)
                .map_err(|_| unfit("its credentials hold a character no header may".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let client = Client::builder()
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(ANSWER_WITHIN)
            .build()
            .map_err(|error| unfit(error.to_string()))?;
        Ok(Self { client, uri })
    }

    fn away(&self, error: &reqwest::Error) -> Failure {
        tracing::warn!(%error, uri = self.uri, "the server behind the pages did not answer");
        let message = format!(
            "the tracking server at {} behind these pages did not answer",
            self.uri
        );
        Failure::new(ErrorCode::TemporarilyUnavailable, message)
    }
}

/// Answers what is the other server's to answer; everything where there is none, and the rest, is ours.
pub(super) async fn answer(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let Some(upstream) = &app.upstream else {
        return next.run(request).await;
    };
    let path = request.uri().path().to_owned();
    let answered = match path.as_str() {
        "/api/idiom/runs/search" if request.method() == Method::POST => {
            upstream
                .forward_to(request, "/api/2.0/mlflow/runs/search")
                .await
        }
        "/api/idiom/metrics" => upstream.curves(request).await,
        "/api/idiom/summaries" => upstream.summaries(request).await,
        "/api/idiom/images" => upstream.images(request).await,
        "/api/idiom/ledger" => Ok(reading::no_ledger()),
        path if is_theirs(path) => upstream.forward(request).await,
        _ => return next.run(request).await,
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

/// MLflow's routes but for accounts, which are ours.
fn is_theirs(path: &str) -> bool {
    let mlflow = [API_PREFIX, AJAX_PREFIX]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix));
    match mlflow {
        Some(rest) => !rest.starts_with("/users/"),
        None => {
            path.starts_with("/api/2.0/")
                || path.starts_with("/ajax-api/")
                || path == "/get-artifact"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_pages_and_our_own_routes_stay_here() {
        for path in [
            "/api/2.0/mlflow/runs/get",
            "/ajax-api/2.0/mlflow/runs/search",
            "/get-artifact",
            "/api/2.0/mlflow-artifacts/artifacts/1/a.png",
            "/api/2.0/mlflow/registered-models/search",
        ] {
            assert!(is_theirs(path), "{path}");
        }
        for path in [
            "/api/2.0/mlflow/users/create",
            "/",
            "/login",
            "/api/idiom/audit",
            "/assets/1/run.js",
            "/version",
        ] {
            assert!(!is_theirs(path), "{path}");
        }
    }
}
