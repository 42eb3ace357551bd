//! Files that come in other ways than by one PUT: in parts (`mpu/create`, `complete`, `abort`), and small ones from MLflow's
//! pages (`upload-artifact`).
//!
//! MLflow hands out addresses of a bucket for the parts; ours lead back here, so that a folder takes parts too and a client
//! needs no way to the bucket. A part is asked for with the credentials its upload was begun with. MLflow's client sends parts
//! where `MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD` says so: one PUT is never slower here, so `server-info` does not offer them.

use std::collections::BTreeMap;

use axum::body::to_bytes;
use axum::extract::{Query, Request, State};
use axum::http::header::{AUTHORIZATION, ETAG, HOST, HeaderValue};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use idiom_tracking_api::{ApiError, Done, number};
use serde::{Deserialize, Serialize};

use super::AppState;
use super::artifacts::tell;
use super::failure::{Answer, Failure};
use super::message::{Message, length_of, required};
use crate::artifacts::{ArtifactPath, Upload};

const PREFIXES: [&str; 2] = [
    "/api/2.0/mlflow-artifacts/mpu",
    "/ajax-api/2.0/mlflow-artifacts/mpu",
];
/// As many as S3 takes.
const MOST_PARTS: i64 = 10_000;
/// The largest file MLflow's pages send.
const MAX_PAGE_BYTES: usize = 10 << 20;

pub(super) fn router() -> Router<AppState> {
    let router = Router::new().route(
        "/api/2.0/mlflow-artifacts/mpu/part/{upload}/{part}",
        routing::put(part),
    );
    PREFIXES.iter().fold(router, |router, prefix| {
        router
            .route(&format!("{prefix}/create/{{*path}}"), routing::post(create))
            .route(
                &format!("{prefix}/complete/{{*path}}"),
                routing::post(complete),
            )
            .route(&format!("{prefix}/abort/{{*path}}"), routing::post(abort))
    })
}

#[derive(Deserialize)]
struct Create {
    #[serde(default)]
    path: String,
    #[serde(deserialize_with = "number::int64")]
    num_parts: i64,
}

#[derive(Serialize)]
struct Created {
    upload_id: String,
    credentials: Vec<PartAddress>,
}

/// Where a part goes, by PUT, and what is to be sent with it.
#[derive(Serialize)]
struct PartAddress {
    url: String,
    part_number: i64,
    headers: BTreeMap<String, String>,
}

async fn create(
    State(app): State<AppState>,
    uri: Uri,
    headers: HeaderMap,
    Message(request): Message<Create>,
) -> Answer<Created> {
    target(&uri, &request.path)?;
    if !(1..=MOST_PARTS).contains(&request.num_parts) {
        let message = format!(
            "Invalid value {} for parameter 'num_parts' supplied: it must be 1 to {MOST_PARTS}",
            request.num_parts
        );
        return Err(ApiError::invalid(message).into());
    }
    let upload = app.artifacts.begin_upload().await?;
    let base = own_address(&headers);
    let sent_along = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let credentials = (1..=request.num_parts).map(|part_number| PartAddress {
        url: format!("{base}{}/part/{}/{part_number}", PREFIXES[0], upload.id()),
        part_number,
        headers: sent_along
            .map(|value| (AUTHORIZATION.to_string(), value.to_owned()))
            .into_iter()
            .collect(),
    });
    Ok(Json(Created {
        upload_id: upload.id(),
        credentials: credentials.collect(),
    }))
}

async fn part(State(app): State<AppState>, request: Request) -> Result<Response, Failure> {
    let (upload, part) = rest_of(request.uri()).split_once('/').unwrap_or_default();
    let upload = Upload::parse(upload)?;
    let part = part
        .parse()
        .ok()
        .filter(|part| (1..=MOST_PARTS).contains(part));
    let part = part.ok_or_else(|| ApiError::invalid(format!("a part is 1 to {MOST_PARTS}")))?;
    app.artifacts.check_size(length_of(request.headers()))?;
    let mark = app
        .artifacts
        .put_part(&upload, part, request.into_body().into_data_stream())
        .await?;
    let mut response = Json(Done {}).into_response();
    if let Ok(mark) = HeaderValue::from_str(&mark) {
        response.headers_mut().insert(ETAG, mark);
    }
    Ok(response)
}

#[derive(Deserialize)]
struct Complete {
    #[serde(default)]
    path: String,
    #[serde(default)]
    upload_id: String,
    #[serde(default)]
    parts: Vec<SentPart>,
}

#[derive(Deserialize)]
struct SentPart {
    #[serde(deserialize_with = "number::int64")]
    part_number: i64,
    /// The `ETag` it was answered with, where the sender kept it.
    etag: Option<String>,
}

async fn complete(
    State(app): State<AppState>,
    uri: Uri,
    Message(request): Message<Complete>,
) -> Answer<Done> {
    let path = target(&uri, &request.path)?;
    let upload = Upload::parse(&request.upload_id)?;
    let mut parts: Vec<(i64, String)> = request
        .parts
        .into_iter()
        .map(|part| (part.part_number, part.etag.unwrap_or_default()))
        .collect();
    parts.sort();
    app.artifacts
        .complete_upload(&upload, &parts, &path)
        .await?;
    tell(&app, &path);
    Ok(Json(Done {}))
}

#[derive(Deserialize)]
struct Abort {
    #[serde(default)]
    path: String,
    #[serde(default)]
    upload_id: String,
}

async fn abort(
    State(app): State<AppState>,
    uri: Uri,
    Message(request): Message<Abort>,
) -> Answer<Done> {
    target(&uri, &request.path)?;
    app.artifacts
        .end_upload(&Upload::parse(&request.upload_id)?)
        .await?;
    Ok(Json(Done {}))
}

/// What stands in an address after `mpu/create`, `mpu/part` and so on, as it was sent.
fn rest_of(uri: &Uri) -> &str {
    let path = uri.path();
    let below = PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix));
    below
        .and_then(|below| below.splitn(3, '/').nth(2))
        .unwrap_or_default()
}

/// Where an upload ends up: the folder of the address and the name of the sender's own file.
fn target(uri: &Uri, file: &str) -> Result<ArtifactPath, Failure> {
    let file = required("path", file.to_owned())?;
    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
    Ok(ArtifactPath::parse_encoded(rest_of(uri))?.join(&required("path", name.to_owned())?)?)
}

/// How the asker reached this server; a proxy that speaks TLS says so.
fn own_address(headers: &HeaderMap) -> String {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let host = headers.get(HOST).map(text).unwrap_or_default();
    let scheme = match headers.get("x-forwarded-proto").map(text).as_deref() {
        Some("https") => "https",
        _ => "http",
    };
    format!("{scheme}://{host}")
}

#[derive(Deserialize)]
pub(super) struct PageUpload {
    #[serde(default)]
    run_uuid: String,
    #[serde(default)]
    path: String,
}

/// `upload-artifact?run_uuid=&path=`: a file of a run, at most 10 MB, as MLflow's pages send it.
pub(super) async fn of_page(
    State(app): State<AppState>,
    Query(asked): Query<PageUpload>,
    request: Request,
) -> Answer<Done> {
    let refuse = |message: &str| Err(ApiError::invalid(message).into());
    if asked.run_uuid.is_empty() {
        return refuse("Request must specify run_uuid.");
    }
    if asked.path.is_empty() {
        return refuse("Request must specify path.");
    }
    let Ok(bytes) = to_bytes(request.into_body(), MAX_PAGE_BYTES).await else {
        return refuse("Artifact size is too large. Max size is 10MB.");
    };
    if bytes.is_empty() {
        return refuse("Request must specify data.");
    }
    let root = app.store.run_info(&asked.run_uuid).await?.artifact_uri;
    let path = ArtifactPath::of_uri(&root)?.join(&asked.path)?;
    let whole = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>(bytes) });
    app.artifacts.put(&path, whole).await?;
    tell(&app, &path);
    Ok(Json(Done {}))
}
