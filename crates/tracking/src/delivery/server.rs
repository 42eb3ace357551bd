//! One tracking server over HTTP: a request, its answer, and what a failure means. No memory, no retries.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use reqwest::Url;
use reqwest::blocking::{Body, Client, RequestBuilder, Response};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Fault;
use crate::backoff::parse_retry_after;
use crate::config::without_credentials;
use crate::{ClientConfig, TrackingError};
use idiom_tracking_api::{API_PREFIX, ARTIFACT_PREFIX, SERVER_NAME};

/// The slowest line an upload is given time for.
const SLOWEST_BYTES_PER_SECOND: u64 = 100_000;

/// A server and our credentials.
pub(crate) struct Server {
    client: Client,
    base: Url,
    config: ClientConfig,
}

impl Server {
    /// Opens no connection yet. Not to be called from asynchronous code.
    pub(crate) fn new(config: &ClientConfig) -> Result<Self, TrackingError> {
        let base = parse_address(&config.uri)?;
        let mut builder = Client::builder()
            .connect_timeout(config.timing.connect_timeout)
            .timeout(config.timing.request_timeout)
            .user_agent(concat!("idiom/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&base) {
            // A proxy cannot reach this machine's own loopback address.
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| bad_address(&config.uri, &error.to_string()))?;
        Ok(Self {
            client,
            base,
            config: config.clone(),
        })
    }

    /// The address, for messages.
    pub(crate) fn name(&self) -> String {
        without_credentials(&self.config.uri)
    }

    pub(crate) fn get<A: DeserializeOwned>(
        &self,
        route: &str,
        query: &impl Serialize,
    ) -> Result<A, Fault> {
        let request = self
            .client
            .get(self.url(&format!("{API_PREFIX}/{route}")))
            .query(query);
        read(self.send(request)?)
    }

    pub(crate) fn post<A: DeserializeOwned>(
        &self,
        route: &str,
        message: &impl Serialize,
    ) -> Result<A, Fault> {
        let request = self
            .client
            .post(self.url(&format!("{API_PREFIX}/{route}")))
            .json(message);
        read(self.send(request)?)
    }

    /// Whether the server is one of ours: MLflow answers a bare version.
    pub(crate) fn is_ours(&self) -> Result<bool, Fault> {
        let answer = self.send(self.client.get(self.url("/version")))?;
        Ok(answer
            .text()
            .map_err(|error| chain(&error))?
            .starts_with(SERVER_NAME))
    }

    /// Uploads a file's bytes as they are now to `path` under a run's `artifact_uri`.
    pub(crate) fn put(&self, artifact_uri: &str, path: &str, file: &Path) -> Result<(), Fault> {
        let url = self.artifact_url(artifact_uri, path)?;
        let unreadable =
            |error: std::io::Error| Fault::Refused(format!("{}: {error}", file.display()));
        let bytes = File::open(file).map_err(unreadable)?;
        let length = bytes.metadata().map_err(unreadable)?.len();
        let patience = self.config.timing.request_timeout
            + Duration::from_secs(length / SLOWEST_BYTES_PER_SECOND);
        let request = self
            .client
            .put(url)
            .header(CONTENT_TYPE, "application/octet-stream")
            .timeout(patience)
            .body(Body::sized(bytes, length));
        self.send(request).map(drop)
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// `mlflow-artifacts:/3/RUN/artifacts` lies on the tracking server, `mlflow-artifacts://HOST/...` on another one,
    /// `http://...` where it says. Other schemes (`s3:`, `file:`) are stores that a client would write to itself.
    fn artifact_url(&self, artifact_uri: &str, path: &str) -> Result<Url, Fault> {
        let unusable = || {
            Fault::Refused(format!(
                "artifacts of this run lie at `{artifact_uri}`, not behind a server"
            ))
        };
        let root = Url::parse(artifact_uri).map_err(|_| unusable())?;
        let mut url = match root.scheme() {
            "http" | "https" => root,
            "mlflow-artifacts" => {
                let mut url = self.url(&format!(
                    "{ARTIFACT_PREFIX}/{}",
                    root.path().trim_start_matches('/')
                ));
                if root.host_str().is_some_and(|host| !host.is_empty()) {
                    url.set_host(root.host_str()).map_err(|_| unusable())?;
                    url.set_port(root.port()).map_err(|()| unusable())?;
                }
                url
            }
            _ => return Err(unusable()),
        };
        url.path_segments_mut()
            .map_err(|()| unusable())?
            .pop_if_empty()
            .extend(path.split('/'));
        Ok(url)
    }

    fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let request = request
            .build()
            .map_err(|error| Fault::Strange(error.to_string()))?;
        // Credentials are for the tracking server, not for wherever its artifacts lie.
        let known = request.url().origin() == self.base.origin();
        let request = RequestBuilder::from_parts(self.client.clone(), request);
        let answer = if known {
            self.authorised(request)
        } else {
            request
        }
        .send()
        .map_err(|error| chain(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status().as_u16();
        let header = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|value| parse_retry_after(value, SystemTime::now()));
        Err(Fault::of_answer(
            status,
            &answer.text().unwrap_or_default(),
            retry_after,
        ))
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        let ClientConfig {
            token,
            username,
            password,
            ..
        } = &self.config;
        match (username, password, token) {
            (Some(username), Some(password), _) => request.basic_auth(username, Some(password)),
            (_, _, Some(token)) => request.bearer_auth(token),
            _ => request,
        }
    }
}

fn read<A: DeserializeOwned>(answer: Response) -> Result<A, Fault> {
    let text = answer.text().map_err(|error| chain(&error))?;
    serde_json::from_str(&text)
        .map_err(|error| Fault::Strange(format!("its answer is not MLflow's: {error}")))
}

/// The fault of a request without an answer, with all its causes, for `error sending request` alone helps nobody.
fn chain(error: &reqwest::Error) -> Fault {
    // The address is in the message already, and may hold credentials here.
    let mut reason = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        "no connection".to_owned()
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.source().is_none() {
            reason = format!("{reason}: {inner}");
        }
        cause = inner.source();
    }
    Fault::passing(reason)
}

fn parse_address(uri: &str) -> Result<Url, TrackingError> {
    let url = Url::parse(uri).map_err(|error| bad_address(uri, &error.to_string()))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        scheme => Err(bad_address(
            uri,
            &format!("`{scheme}` is not a scheme that a server can be reached by"),
        )),
    }
}

fn bad_address(uri: &str, reason: &str) -> TrackingError {
    TrackingError::Address {
        uri: without_credentials(uri),
        reason: reason.to_owned(),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, artifact_uri: &str, expected: &str) {
        let server = Server::new(&ClientConfig::new(uri)).unwrap();
        let url = server
            .artifact_url(artifact_uri, "images/a b%c.png")
            .unwrap();
        assert_eq!(url.as_str(), expected);
    }

    // Expected: MlflowArtifactsRepository.resolve_uri of mlflow 3.17.2, and the file's name percent-encoded.
    #[test]
    fn artifacts_lie_where_mlflows_client_puts_them() {
        let path = "api/2.0/mlflow-artifacts/artifacts/3/R/artifacts/images/a%20b%25c.png";
        check(
            "http://h:1",
            "mlflow-artifacts:/3/R/artifacts",
            &format!("http://h:1/{path}"),
        );
        check(
            "http://h:1/p/",
            "mlflow-artifacts:/3/R/artifacts",
            &format!("http://h:1/p/{path}"),
        );
        check(
            "http://h:1",
            "mlflow-artifacts://g:2/3/R/artifacts/",
            &format!("http://g:2/{path}"),
        );
        check(
            "http://h:1",
            "http://g/x",
            "http://g/x/images/a%20b%25c.png",
        );
    }

    #[test]
    fn stores_that_are_not_servers_are_refused() {
        let server = Server::new(&ClientConfig::new("http://h:1")).unwrap();
        for uri in ["s3://bucket/x", "file:///tmp/mlruns", "/tmp/mlruns"] {
            assert!(
                matches!(server.artifact_url(uri, "a"), Err(Fault::Refused(_))),
                "{uri}"
            );
        }
    }

    #[test]
    fn addresses_that_are_not_servers_are_errors() {
        for uri in [
            "sqlite:///mlflow.db",
            "databricks",
            "./mlruns",
            "127.0.0.1:5151",
            "",
        ] {
            assert!(
                matches!(
                    Server::new(&ClientConfig::new(uri)),
                    Err(TrackingError::Address { .. })
                ),
                "{uri}"
            );
        }
    }
}
