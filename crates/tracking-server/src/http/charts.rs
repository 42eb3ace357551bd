//! Our own reading routes, for pages: many thinned-out curves in one answer, what tables show of curves, how many
//! points came, the pictures runs logged, and a search whose filters have OR and parentheses.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use idiom_tracking_api::images::{IMAGES_FOLDER, ImageName};
use idiom_tracking_api::search::Dialect;
use idiom_tracking_api::{ApiError, FileInfo, SearchRuns, limits, number};
use serde::{Deserialize, Serialize};

use super::AppState;
use super::failure::{Answer, Failure};
use super::message::{Message, required};
use crate::store::{Curve, CurveSummary, FoundRuns, Received};

/// Points of a curve, unless asked otherwise.
const DEFAULT_POINTS: i64 = 800;
/// Points of a curve, at most.
const MAX_POINTS: i64 = 20_000;
/// Runs in one request, at most.
const MAX_RUNS: usize = 500;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/idiom/metrics", get(curves))
        .route("/api/idiom/summaries", get(summaries))
        .route("/api/idiom/ledger", get(ledger))
        .route("/api/idiom/images", get(images))
        .route("/api/idiom/runs/search", post(search))
}

#[derive(Deserialize)]
struct AskCurves {
    #[serde(default)]
    run_ids: Vec<String>,
    #[serde(default)]
    keys: String,
    #[serde(default, alias = "points", deserialize_with = "number::optional_int64")]
    max_points: Option<i64>,
}

#[derive(Serialize)]
struct Curves {
    curves: Vec<Curve>,
}

async fn curves(
    State(app): State<AppState>,
    Message(request): Message<AskCurves>,
) -> Answer<Curves> {
    let runs = listed_runs(&request.run_ids)?;
    let keys: Vec<String> = listed(std::slice::from_ref(&request.keys));
    let points = size_of(request.max_points);
    Ok(Json(Curves {
        curves: app.store.curves(&runs, &keys, points).await?,
    }))
}

/// About how many points of a curve are asked for.
pub(super) fn size_of(max_points: Option<i64>) -> usize {
    let points = max_points.unwrap_or(DEFAULT_POINTS).clamp(3, MAX_POINTS);
    usize::try_from(points).unwrap_or(usize::MAX)
}

#[derive(Deserialize)]
struct AskSummaries {
    #[serde(default)]
    run_ids: Vec<String>,
}

#[derive(Serialize)]
struct Summaries {
    summaries: Vec<CurveSummary>,
}

async fn summaries(
    State(app): State<AppState>,
    Message(request): Message<AskSummaries>,
) -> Answer<Summaries> {
    let runs = listed_runs(&request.run_ids)?;
    Ok(Json(Summaries {
        summaries: app.store.summaries(&runs).await?,
    }))
}

#[derive(Deserialize)]
struct AskLedger {
    #[serde(default)]
    run_id: String,
}

#[derive(Serialize)]
struct LedgerOfRun {
    curves: Vec<Received>,
}

/// What came of a run's points; what its client logged and lost, the client says by a tag.
async fn ledger(
    State(app): State<AppState>,
    Message(request): Message<AskLedger>,
) -> Answer<LedgerOfRun> {
    let run_id = required("run_id", request.run_id)?;
    Ok(Json(LedgerOfRun {
        curves: app.store.received(&run_id).await?,
    }))
}

async fn search(
    State(app): State<AppState>,
    Message(request): Message<SearchRuns>,
) -> Result<FoundRuns, Failure> {
    Ok(app.store.search_runs(&request, Dialect::Idiom).await?)
}

#[derive(Deserialize)]
struct AskImages {
    #[serde(default)]
    run_ids: Vec<String>,
    #[serde(default)]
    run_id: String,
}

/// A logged picture. Its bytes are at `/get-artifact?run_id=RUN&path=PATH`.
#[derive(Debug, Serialize)]
pub(super) struct Image {
    run_id: String,
    key: String,
    step: i64,
    timestamp: i64,
    path: String,
}

#[derive(Serialize)]
pub(super) struct Images {
    images: Vec<Image>,
}

async fn images(
    State(app): State<AppState>,
    Message(mut request): Message<AskImages>,
) -> Answer<Images> {
    request.run_ids.push(request.run_id);
    let mut images = Vec::new();
    for run_id in listed_runs(&request.run_ids)? {
        images.extend(images_of(&app, &run_id).await?);
    }
    Ok(images_in_order(images))
}

pub(super) fn images_in_order(mut images: Vec<Image>) -> Json<Images> {
    images.sort_by(|a: &Image, b: &Image| {
        (a.step, a.timestamp, &a.path).cmp(&(b.step, b.timestamp, &b.path))
    });
    Json(Images { images })
}

/// The pictures of a run, by their names; smaller copies are left out.
async fn images_of(app: &AppState, run_id: &str) -> Result<Vec<Image>, Failure> {
    let info = app.store.run_info(run_id).await?;
    let files = app
        .artifacts
        .list_run(&info.artifact_uri, IMAGES_FOLDER)
        .await?;
    Ok(images_among(run_id, files))
}

/// Logged pictures among the files of a folder.
pub(super) fn images_among(run_id: &str, files: Vec<FileInfo>) -> Vec<Image> {
    let named = files.into_iter().filter_map(|file| {
        let name = file
            .path
            .rsplit('/')
            .next()
            .and_then(ImageName::parse)
            .filter(|name| !name.compressed)?;
        let ImageName {
            key,
            step,
            timestamp,
            ..
        } = name;
        Some(Image {
            run_id: run_id.to_owned(),
            key,
            step,
            timestamp,
            path: file.path,
        })
    });
    named.collect()
}

/// `a,b` and `run_ids=a&run_ids=b` mean the same.
pub(super) fn listed(lists: &[String]) -> Vec<String> {
    let items = lists.iter().flat_map(|list| list.split(','));
    items
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(super) fn listed_runs(lists: &[String]) -> Result<Vec<String>, ApiError> {
    let runs = listed(lists);
    match runs.len() {
        0 => Err(limits::missing_value("run_ids")),
        n if n > MAX_RUNS => Err(ApiError::invalid(format!(
            "'run_ids' may name at most {MAX_RUNS} runs, got {n}"
        ))),
        _ => Ok(runs),
    }
}
