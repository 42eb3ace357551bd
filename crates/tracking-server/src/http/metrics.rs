//! What a run says: `runs/log-*`, tags, inputs, and the history of a metric.

use std::convert::Infallible;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use idiom_tracking_api::{
    ApiError, Done, GetMetricHistory, GetMetricHistoryBulk, GetMetricHistoryBulkInterval, KeyValue,
    LogBatch, LogInputs, LogMetric, MetricsOfRuns, SetRunValue, limits,
};

use super::AppState;
use super::charts::listed;
use super::failure::{Answer, Failure};
use super::message::{Message, RepeatedRuns, SmallMessage, required, run_id};
use crate::store::DeleteTag;

pub(super) async fn log_metric(
    State(app): State<AppState>,
    Message(request): Message<LogMetric>,
) -> Answer<Done> {
    let run_id = run_id(request.run_id.clone(), request.run_uuid.clone())?;
    required("key", request.key.clone())?;
    let metric = request.metric();
    limits::check_metric(&metric, "")?;
    let metrics = vec![metric];
    store(
        &app,
        LogBatch {
            run_id,
            metrics,
            ..LogBatch::default()
        },
    )
    .await
}

pub(super) async fn log_batch(
    State(app): State<AppState>,
    SmallMessage(batch): SmallMessage<LogBatch>,
) -> Answer<Done> {
    required("run_id", batch.run_id.clone())?;
    limits::check_batch(&batch)?;
    store(&app, batch).await
}

pub(super) async fn log_param(
    State(app): State<AppState>,
    Message(request): Message<SetRunValue>,
) -> Answer<Done> {
    let run_id = run_id(request.run_id, request.run_uuid)?;
    limits::check_key(&required("key", request.key.clone())?, "key", "Param key")?;
    let params = vec![KeyValue {
        key: request.key,
        value: request.value,
    }];
    store(
        &app,
        LogBatch {
            run_id,
            params,
            ..LogBatch::default()
        },
    )
    .await
}

pub(super) async fn set_tag(
    State(app): State<AppState>,
    Message(request): Message<SetRunValue>,
) -> Answer<Done> {
    let run_id = run_id(request.run_id, request.run_uuid)?;
    limits::check_tag_key(&required("key", request.key.clone())?, "key")?;
    let tags = vec![KeyValue {
        key: request.key,
        value: request.value,
    }];
    store(
        &app,
        LogBatch {
            run_id,
            tags,
            ..LogBatch::default()
        },
    )
    .await
}

async fn store(app: &AppState, batch: LogBatch) -> Answer<Done> {
    app.store.write(batch).await?;
    Ok(Json(Done {}))
}

pub(super) async fn delete_tag(
    State(app): State<AppState>,
    Message(request): Message<SetRunValue>,
) -> Answer<Done> {
    let run_id = run_id(request.run_id, request.run_uuid)?;
    let key = required("key", request.key)?;
    app.store.write(DeleteTag { run_id, key }).await?;
    Ok(Json(Done {}))
}

pub(super) async fn log_inputs(
    State(app): State<AppState>,
    Message(request): Message<LogInputs>,
) -> Answer<Done> {
    required("run_id", request.run_id.clone())?;
    app.store.write(request).await?;
    Ok(Json(Done {}))
}

pub(super) async fn history(
    State(app): State<AppState>,
    Message(request): Message<GetMetricHistory>,
) -> Result<Response, Failure> {
    let run_id = run_id(request.run_id.clone(), request.run_uuid.clone())?;
    required("metric_key", request.metric_key.clone())?;
    let history = app
        .store
        .metric_history(GetMetricHistory { run_id, ..request })
        .await?;
    let parts = stream::iter(history.json().map(Ok::<_, Infallible>));
    let json = [(CONTENT_TYPE, "application/json")];
    Ok((json, Body::from_stream(parts)).into_response())
}

/// Runs in one request for a curve, at most.
const MAX_RUNS: usize = 100;
/// Points of a run that an interval is thinned out to.
const MAX_INTERVAL_RESULTS: i64 = 2500;

pub(super) async fn history_bulk(
    State(app): State<AppState>,
    RepeatedRuns(request): RepeatedRuns<GetMetricHistoryBulk>,
) -> Answer<MetricsOfRuns> {
    if request.run_id.is_empty() {
        let message = "GetMetricHistoryBulk request must specify at least one run_id.";
        return Err(ApiError::invalid(message).into());
    }
    check_runs("GetMetricHistoryBulk", request.run_id.len())?;
    if request.metric_key.is_empty() {
        let message = "GetMetricHistoryBulk request must specify a metric_key.";
        return Err(ApiError::invalid(message).into());
    }
    let metrics = app.store.history_of_runs(&request).await?;
    Ok(Json(MetricsOfRuns { metrics }))
}

pub(super) async fn history_bulk_interval(
    State(app): State<AppState>,
    Message(request): Message<GetMetricHistoryBulkInterval>,
) -> Answer<MetricsOfRuns> {
    let runs = listed(&request.run_ids);
    if runs.is_empty() {
        return Err(limits::missing_value("run_ids").into());
    }
    check_runs("GetMetricHistoryBulkInterval", runs.len())?;
    required("metric_key", request.metric_key.clone())?;
    let size = request.max_results.unwrap_or(MAX_INTERVAL_RESULTS);
    if !(1..=MAX_INTERVAL_RESULTS).contains(&size) {
        let message = format!("max_results must be between 1 and {MAX_INTERVAL_RESULTS}.");
        return Err(ApiError::invalid(message).into());
    }
    let steps = match (request.start_step, request.end_step) {
        (Some(start), Some(end)) if start > end => {
            return Err(ApiError::invalid(format!(
                "end_step must be greater than start_step. Found start_step={start} and end_step={end}."
            ))
            .into());
        }
        (Some(start), Some(end)) => start..=end,
        (None, None) => i64::MIN..=i64::MAX,
        _ => {
            let message = "If either start step or end step are specified, both must be specified.";
            return Err(ApiError::invalid(message).into());
        }
    };
    let size = usize::try_from(size).unwrap_or(1);
    let metrics = app
        .store
        .interval_of_runs(&runs, &request.metric_key, steps, size)
        .await?;
    Ok(Json(MetricsOfRuns { metrics }))
}

fn check_runs(route: &str, count: usize) -> Result<(), ApiError> {
    if count <= MAX_RUNS {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "{route} request must specify at most {MAX_RUNS} run_ids. Received {count} run_ids."
    )))
}
