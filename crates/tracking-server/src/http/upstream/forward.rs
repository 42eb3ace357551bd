//! Requests that go to the other server and back as they are, and what is not taken over either way.

use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::http::header::{
    ACCEPT, ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, IF_NONE_MATCH, LAST_MODIFIED, RANGE,
};
use axum::response::{IntoResponse, Response};

use super::Upstream;
use crate::http::artifacts::describe_name;
use crate::http::failure::Failure;

/// What of a request the other server hears: never cookies or credentials of our readers.
const ASKED: [HeaderName; 5] = [ACCEPT, CONTENT_TYPE, CONTENT_LENGTH, RANGE, IF_NONE_MATCH];
/// What of its answer a reader gets.
const ANSWERED: [HeaderName; 6] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    ACCEPT_RANGES,
    ETAG,
    LAST_MODIFIED,
];

impl Upstream {
    pub(super) async fn forward(&self, request: Request) -> Result<Response, Failure> {
        let path = request.uri().path().to_owned();
        self.forward_to(request, &path).await
    }

    pub(super) async fn forward_to(
        &self,
        request: Request,
        path: &str,
    ) -> Result<Response, Failure> {
        let query = request
            .uri()
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let file = file_name(&request, path);
        let (parts, body) = request.into_parts();
        let url = format!("{}{path}{query}", self.uri);
        let body = reqwest::Body::wrap_stream(body.into_data_stream());
        let asked = self
            .client
            .request(parts.method, url)
            .headers(only(&parts.headers, &ASKED))
            .body(body);
        let answer = asked.send().await.map_err(|error| self.away(&error))?;
        let mut headers = only(answer.headers(), &ANSWERED);
        if let Some(file) = file.filter(|_| answer.status().is_success()) {
            // What a browser may show is for us to say: a page among artifacts must not run here.
            headers.extend(describe_name(&file));
        }
        let status = answer.status();
        Ok((status, headers, Body::from_stream(answer.bytes_stream())).into_response())
    }
}

fn only(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let kept = names
        .iter()
        .filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
    kept.collect()
}

/// The name of the artifact a request reads, if it reads one.
fn file_name(request: &Request, path: &str) -> Option<String> {
    if request.method() != Method::GET {
        return None;
    }
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    let place = if path == "/get-artifact" {
        let query = request.uri().query().unwrap_or_default();
        let place = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("path="))?;
        decode(&place.replace('+', " "))
    } else {
        let (_, place) = path.split_once("/mlflow-artifacts/artifacts/")?;
        decode(place)
    };
    place.rsplit('/').next().map(str::to_owned)
}
