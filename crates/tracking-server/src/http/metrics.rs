//! What a run says: `runs/log-*`, tags, inputs, and the history of a metric.

use axum::Json;
use axum::extract::State;
use idiom_tracking_api::{
    Done, GetMetricHistory, KeyValue, LogBatch, LogInputs, LogMetric, MetricHistory, SetRunValue,
    limits,
};

use super::AppState;
use super::failure::Answer;
use super::message::{Message, SmallMessage, required, run_id};
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
) -> Answer<MetricHistory> {
    let run_id = run_id(request.run_id.clone(), request.run_uuid.clone())?;
    required("metric_key", request.metric_key.clone())?;
    Ok(Json(
        app.store
            .metric_history(&GetMetricHistory { run_id, ..request })
            .await?,
    ))
}
