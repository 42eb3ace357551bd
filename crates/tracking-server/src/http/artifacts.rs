//! `artifacts/list`, `mlflow-artifacts`, `/get-artifact`: listing, reading, writing and deleting files of runs.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use futures_util::StreamExt;
use idiom_tracking_api::images::{IMAGES_FOLDER, ImageName};
use idiom_tracking_api::{
    ARTIFACT_PREFIX, ArtifactFiles, Done, ErrorCode, ListArtifacts, ListArtifactsAnswer,
};
use object_store::{GetOptions, GetRange, GetResult};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::AppState;
use super::failure::{Answer, Failure};
use super::message::{Message, length_of, required, run_id};
use crate::artifacts::{ArtifactPath, Media};
use crate::events::Kind;

const AJAX_ARTIFACTS: &str = "/ajax-api/2.0/mlflow-artifacts/artifacts";

pub(super) fn router() -> Router<AppState> {
    let mut router = Router::new().route("/get-artifact", routing::get(get_of_run));
    for prefix in [ARTIFACT_PREFIX, AJAX_ARTIFACTS] {
        let file = routing::get(get).put(put).delete(delete);
        router = router
            .route(prefix, routing::get(list_folder))
            .route(&format!("{prefix}/{{*path}}"), file);
    }
    router
}

/// `artifacts/list`: a folder of a run.
pub(super) async fn list(
    State(app): State<AppState>,
    Message(request): Message<ListArtifacts>,
) -> Answer<ListArtifactsAnswer> {
    let run_id = run_id(request.run_id, request.run_uuid)?;
    let root_uri = app.store.run_info(&run_id).await?.artifact_uri;
    let files = app
        .artifacts
        .list_run(&root_uri, request.path.as_deref().unwrap_or_default())
        .await?;
    Ok(Json(ListArtifactsAnswer {
        root_uri,
        files,
        next_page_token: None,
    }))
}

#[derive(Deserialize)]
struct AskFolder {
    #[serde(default)]
    path: String,
}

/// `mlflow-artifacts/artifacts?path=`: a folder of the store.
async fn list_folder(
    State(app): State<AppState>,
    Message(request): Message<AskFolder>,
) -> Answer<ArtifactFiles> {
    let folder = if request.path.is_empty() {
        ArtifactPath::root()
    } else {
        ArtifactPath::parse(&request.path)?
    };
    Ok(Json(ArtifactFiles {
        files: app.artifacts.list(&folder, &folder).await?,
    }))
}

/// The path after the prefix, decoded once and checked.
fn path_of(request: &Request) -> Result<ArtifactPath, Failure> {
    let path = request.uri().path();
    let rest = [ARTIFACT_PREFIX, AJAX_ARTIFACTS]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))
        .unwrap_or(path);
    Ok(ArtifactPath::parse_encoded(
        rest.strip_prefix('/').unwrap_or(rest),
    )?)
}

async fn put(State(app): State<AppState>, request: Request) -> Answer<Done> {
    let path = path_of(&request)?;
    app.artifacts.check_size(length_of(request.headers()))?;
    app.artifacts
        .put(&path, request.into_body().into_data_stream())
        .await?;
    tell(&app, &path);
    Ok(Json(Done {}))
}

async fn delete(State(app): State<AppState>, request: Request) -> Answer<Done> {
    let path = path_of(&request)?;
    app.artifacts.delete(&path).await?;
    tell(&app, &path);
    Ok(Json(Done {}))
}

/// Tells pages that follow the run.
pub(super) fn tell(app: &AppState, path: &ArtifactPath) {
    let Some((run_id, inside)) = path.run() else {
        return;
    };
    let is_image = inside.split('/').next() == Some(IMAGES_FOLDER);
    app.news.tell(
        run_id,
        if is_image {
            Kind::Images
        } else {
            Kind::Artifacts
        },
    );
}

async fn get(State(app): State<AppState>, request: Request) -> Result<Response, Failure> {
    let path = path_of(&request)?;
    send(&app, &path, request.headers()).await
}

#[derive(Deserialize)]
struct AskArtifact {
    #[serde(default)]
    run_id: String,
    run_uuid: Option<String>,
    #[serde(default)]
    path: String,
}

/// `/get-artifact?run_id=&path=`: a file of a run, for pages.
async fn get_of_run(
    State(app): State<AppState>,
    headers: HeaderMap,
    Message(request): Message<AskArtifact>,
) -> Result<Response, Failure> {
    let run_id = run_id(request.run_id, request.run_uuid)?;
    let root = app.store.run_info(&run_id).await?.artifact_uri;
    send_below(&app, &root, &required("path", request.path)?, &headers).await
}

/// A file below an artifact URI of ours.
pub(super) async fn send_below(
    app: &AppState,
    root_uri: &str,
    path: &str,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let root = ArtifactPath::of_uri(root_uri)?;
    send(app, &root.join(path)?, headers).await
}

async fn send(
    app: &AppState,
    path: &ArtifactPath,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let range = headers
        .get(RANGE)
        .and_then(|value| range_of(value.to_str().ok()?));
    if let Some(range) = &range {
        let size = app.artifacts.about(path).await?.size;
        if range.as_range(size).is_err() {
            let failure = Failure::new(
                ErrorCode::InvalidParameterValue,
                "the range is outside the file",
            );
            let header = [(CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((
                header,
                failure.with_status(StatusCode::RANGE_NOT_SATISFIABLE),
            )
                .into_response());
        }
    }
    let if_none_match = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let options = GetOptions {
        range,
        if_none_match,
        ..GetOptions::default()
    };
    Ok(match app.artifacts.get(path, options).await? {
        Some(found) => answer(path, found),
        None => StatusCode::NOT_MODIFIED.into_response(),
    })
}

/// One range of a `Range` header; several at once are answered with the whole file, as RFC 9110 allows.
fn range_of(header: &str) -> Option<GetRange> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    match (first.parse().ok(), last.parse::<u64>().ok()) {
        (Some(first), Some(last)) => last
            .checked_add(1)
            .filter(|end| *end > first)
            .map(|end| GetRange::Bounded(first..end)),
        (Some(first), None) if last.is_empty() => Some(GetRange::Offset(first)),
        (None, Some(count)) if first.is_empty() => Some(GetRange::Suffix(count)),
        _ => None,
    }
}

fn answer(path: &ArtifactPath, found: GetResult) -> Response {
    let size = found.meta.size;
    let range = found.range.clone();
    let mut headers = describe(path, found.meta.e_tag.as_deref());
    headers.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    let status = if range == (0..size) {
        StatusCode::OK
    } else {
        StatusCode::PARTIAL_CONTENT
    };
    if status == StatusCode::PARTIAL_CONTENT {
        set(
            &mut headers,
            CONTENT_RANGE,
            &format!(
                "bytes {}-{}/{size}",
                range.start,
                range.end.saturating_sub(1)
            ),
        );
    }
    (
        status,
        headers,
        Body::from_stream(
            found
                .into_stream()
                .map(|part| part.map_err(axum::Error::new)),
        ),
    )
        .into_response()
}

fn describe(path: &ArtifactPath, e_tag: Option<&str>) -> HeaderMap {
    let mut headers = describe_name(path.file_name());
    if let Some(e_tag) = e_tag {
        set(&mut headers, ETAG, e_tag);
    }
    headers
}

/// What a browser may do with a file of this name.
pub(super) fn describe_name(file_name: &str) -> HeaderMap {
    let media = Media::of(file_name);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.content_type));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    let way = if media.is_shown {
        "inline"
    } else {
        "attachment"
    };
    let name = utf8_percent_encode(file_name, NON_ALPHANUMERIC);
    set(
        &mut headers,
        CONTENT_DISPOSITION,
        &format!("{way}; filename*=UTF-8''{name}"),
    );
    // The name of a logged picture holds a fresh uuid: under one name there is only ever one picture.
    let keeps = ImageName::parse(file_name).is_some();
    let caching = if keeps {
        "private, max-age=31536000, immutable"
    } else {
        "private, no-cache"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    headers
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        assert_eq!(range_of("bytes=0-9"), Some(GetRange::Bounded(0..10)));
        assert_eq!(range_of("bytes=5-"), Some(GetRange::Offset(5)));
        assert_eq!(range_of("bytes=-5"), Some(GetRange::Suffix(5)));
        for whole in [
            "bytes=9-0",
            "bytes=0-1,3-4",
            "bytes=-",
            "lines=1-2",
            "bytes=a-b",
        ] {
            assert_eq!(range_of(whole), None, "{whole}");
        }
    }
}
