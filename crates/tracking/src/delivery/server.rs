//! One tracking server over HTTP: a request, its answer, and what a failure means. No memory, no retries.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use reqwest::Url;
use reqwest::blocking::{Body, Client, RequestBuilder, Response};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Fault, address};
use crate::backoff::parse_retry_after;
use crate::config::without_credentials;
use crate::{ClientConfig, TrackingError};
use idiom_tracking_api::{API_PREFIX, SERVER_NAME};

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
        let base = address::parse(&config.uri)?;
        let mut builder = Client::builder()
            .connect_timeout(config.timing.connect_timeout)
            .timeout(config.timing.request_timeout)
            .user_agent(concat!("idiom/", env!("CARGO_PKG_VERSION")));
        if address::is_loopback(&base) {
            // A proxy cannot reach this machine's own loopback address.
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| address::bad(&config.uri, &error.to_string()))?;
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
        let request = self.client.get(self.route(route)).query(query);
        read(self.send(request)?)
    }

    pub(crate) fn post<A: DeserializeOwned>(
        &self,
        route: &str,
        message: &impl Serialize,
    ) -> Result<A, Fault> {
        let request = self.client.post(self.route(route)).json(message);
        read(self.send(request)?)
    }

    /// Whether the server is one of ours: MLflow answers a bare version.
    pub(crate) fn is_ours(&self) -> Result<bool, Fault> {
        let answer = self.send(self.client.get(address::join(&self.base, "/version")))?;
        Ok(answer
            .text()
            .map_err(|error| chain(&error))?
            .starts_with(SERVER_NAME))
    }

    /// Uploads a file's bytes as they are now to `path` under a run's `artifact_uri`.
    pub(crate) fn put(&self, artifact_uri: &str, path: &str, file: &Path) -> Result<(), Fault> {
        let url = address::of_artifact(&self.base, artifact_uri, path)?;
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

    fn route(&self, route: &str) -> Url {
        address::join(&self.base, &format!("{API_PREFIX}/{route}"))
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
