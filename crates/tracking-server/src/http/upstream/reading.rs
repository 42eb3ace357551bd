//! What our pages read, put together from MLflow's own routes.

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use idiom_tracking_api::images::IMAGES_FOLDER;
use idiom_tracking_api::{
    ApiError, ErrorCode, ListArtifactsAnswer, Metric, MetricHistory, RunAnswer, RunData,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Upstream;
use crate::http::charts::{self, listed, listed_runs};
use crate::http::failure::Failure;
use crate::http::message::query;
use crate::store::{Point, thin};

/// Points MLflow gives in one answer.
const PAGE: usize = 25_000;

/// MLflow counts no points that come again.
pub(super) fn no_ledger() -> Response {
    Json(json!({ "curves": [] })).into_response()
}

/// The lists in a query, whether a key is repeated or its items are joined by commas.
fn lists(request: &Request, names: &[&str]) -> Vec<String> {
    let fields = query(request.uri().query().unwrap_or_default());
    let texts = names.iter().flat_map(|name| match &fields[*name] {
        Value::Array(list) => list.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    });
    let texts: Vec<String> = texts
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect();
    listed(&texts)
}

#[derive(Serialize)]
struct Curve<'a> {
    run_id: &'a str,
    key: &'a str,
    n_points: usize,
    points: Vec<Point>,
}

impl Upstream {
    async fn get<T: DeserializeOwned>(
        &self,
        route: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let url = format!("{}/api/2.0/mlflow/{route}", self.uri);
        let answer = self.client.get(url).query(query).send().await;
        let answer = answer.map_err(|error| self.away(&error))?;
        let (status, body) = (
            answer.status(),
            answer.bytes().await.map_err(|error| self.away(&error))?,
        );
        if status.is_success() {
            let strange = |_| {
                Failure::new(
                    ErrorCode::InternalError,
                    format!(
                        "{} gave an answer to `{route}` that is not MLflow's",
                        self.uri
                    ),
                )
            };
            return serde_json::from_slice(&body).map_err(strange);
        }
        let refused: Option<ApiError> = serde_json::from_slice(&body).ok();
        Err(refused.map_or_else(
            || {
                Failure::new(
                    ErrorCode::InternalError,
                    format!("{} answered `{route}` with {status}", self.uri),
                )
            },
            |error| Failure::from(error).with_status(status),
        ))
    }

    async fn data_of(&self, run_id: &str) -> Result<RunData, Failure> {
        let answer: RunAnswer = self.get("runs/get", &[("run_id", run_id)]).await?;
        Ok(answer.run.data)
    }

    async fn history(&self, run_id: &str, key: &str) -> Result<Vec<Point>, Failure> {
        let (mut points, mut token, page) = (Vec::new(), String::new(), PAGE.to_string());
        loop {
            let mut query = vec![
                ("run_id", run_id),
                ("metric_key", key),
                ("max_results", &page),
            ];
            if !token.is_empty() {
                query.push(("page_token", &token));
            }
            let part: MetricHistory = self.get("metrics/get-history", &query).await?;
            let point = |metric: &Metric| Point {
                step: metric.step,
                timestamp: metric.timestamp,
                value: metric.value,
            };
            points.extend(part.metrics.iter().map(point));
            match part.next_page_token {
                Some(next) if !next.is_empty() && !part.metrics.is_empty() => token = next,
                _ => break,
            }
        }
        points.sort_by(Point::order);
        Ok(points)
    }

    /// `/api/idiom/metrics`.
    pub(super) async fn curves(&self, request: Request) -> Result<Response, Failure> {
        let runs = listed_runs(&lists(&request, &["run_ids"]))?;
        let wanted = lists(&request, &["keys"]);
        let size = lists(&request, &["max_points", "points"]);
        let size = charts::size_of(size.first().and_then(|size| size.parse().ok()));
        let mut curves = Vec::new();
        for run_id in &runs {
            let mut keys: Vec<String> = self
                .data_of(run_id)
                .await?
                .metrics
                .into_iter()
                .map(|metric| metric.key)
                .collect();
            keys.retain(|key| wanted.is_empty() || wanted.contains(key));
            keys.sort();
            for key in keys {
                let points = self.history(run_id, &key).await?;
                let thinned = thin(&points, size);
                curves.push(json!(Curve {
                    run_id,
                    key: &key,
                    n_points: points.len(),
                    points: thinned
                }));
            }
        }
        Ok(Json(json!({ "curves": curves })).into_response())
    }

    /// `/api/idiom/summaries`: the last values; MLflow keeps no others.
    pub(super) async fn summaries(&self, request: Request) -> Result<Response, Failure> {
        let mut summaries = Vec::new();
        for run_id in listed_runs(&lists(&request, &["run_ids"]))? {
            for metric in self.data_of(&run_id).await?.metrics {
                let written = json!(metric);
                let last = json!({ "value": written["value"], "step": metric.step });
                summaries.push(json!({ "run_id": run_id, "key": metric.key, "last": last }));
            }
        }
        Ok(Json(json!({ "summaries": summaries })).into_response())
    }

    /// `/api/idiom/images`.
    pub(super) async fn images(&self, request: Request) -> Result<Response, Failure> {
        let mut images = Vec::new();
        for run_id in listed_runs(&lists(&request, &["run_ids", "run_id"]))? {
            let query = [("run_id", run_id.as_str()), ("path", IMAGES_FOLDER)];
            let listed: ListArtifactsAnswer = self.get("artifacts/list", &query).await?;
            images.extend(charts::images_among(&run_id, listed.files));
        }
        Ok(charts::images_in_order(images).into_response())
    }
}
