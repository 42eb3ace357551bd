//! `experiments/*`.

use axum::Json;
use axum::extract::State;
use idiom_tracking_api::{
    ApiError, CreateExperiment, DatasetSummaries, Done, ExperimentAnswer, ExperimentId,
    GetExperimentByName, SearchDatasets, SearchExperiments, SearchExperimentsAnswer,
    SetExperimentTag, UpdateExperiment,
};

use super::AppState;
use super::failure::Answer;
use super::message::{Message, required};
use crate::store::{DeleteExperiment, DeleteExperimentTag, RestoreExperiment};

pub(super) async fn create(
    State(app): State<AppState>,
    Message(request): Message<CreateExperiment>,
) -> Answer<ExperimentId> {
    required("name", request.name.clone())?;
    let experiment_id = app.store.write(request).await?;
    Ok(Json(ExperimentId { experiment_id }))
}

pub(super) async fn get(
    State(app): State<AppState>,
    Message(request): Message<ExperimentId>,
) -> Answer<ExperimentAnswer> {
    let id = required("experiment_id", request.experiment_id)?;
    Ok(Json(ExperimentAnswer {
        experiment: app.store.experiment(&id).await?,
    }))
}

pub(super) async fn get_by_name(
    State(app): State<AppState>,
    Message(request): Message<GetExperimentByName>,
) -> Answer<ExperimentAnswer> {
    let name = required("experiment_name", request.experiment_name)?;
    Ok(Json(ExperimentAnswer {
        experiment: app.store.experiment_by_name(&name).await?,
    }))
}

pub(super) async fn search(
    State(app): State<AppState>,
    Message(request): Message<SearchExperiments>,
) -> Answer<SearchExperimentsAnswer> {
    Ok(Json(app.store.search_experiments(&request).await?))
}

pub(super) async fn update(
    State(app): State<AppState>,
    Message(request): Message<UpdateExperiment>,
) -> Answer<Done> {
    required("experiment_id", request.experiment_id.clone())?;
    required("new_name", request.new_name.clone().unwrap_or_default())?;
    app.store.write(request).await?;
    Ok(Json(Done {}))
}

pub(super) async fn delete(
    State(app): State<AppState>,
    Message(request): Message<ExperimentId>,
) -> Answer<Done> {
    app.store
        .write(DeleteExperiment(required(
            "experiment_id",
            request.experiment_id,
        )?))
        .await?;
    Ok(Json(Done {}))
}

pub(super) async fn restore(
    State(app): State<AppState>,
    Message(request): Message<ExperimentId>,
) -> Answer<Done> {
    app.store
        .write(RestoreExperiment(required(
            "experiment_id",
            request.experiment_id,
        )?))
        .await?;
    Ok(Json(Done {}))
}

pub(super) async fn set_tag(
    State(app): State<AppState>,
    Message(request): Message<SetExperimentTag>,
) -> Answer<Done> {
    required("experiment_id", request.experiment_id.clone())?;
    required("key", request.key.clone())?;
    app.store.write(request).await?;
    Ok(Json(Done {}))
}

pub(super) async fn delete_tag(
    State(app): State<AppState>,
    Message(request): Message<SetExperimentTag>,
) -> Answer<Done> {
    let experiment_id = required("experiment_id", request.experiment_id)?;
    let key = required("key", request.key)?;
    app.store
        .write(DeleteExperimentTag { experiment_id, key })
        .await?;
    Ok(Json(Done {}))
}

/// Experiments whose data sets may be asked for at once.
const MAX_DATASET_EXPERIMENTS: usize = 20;

pub(super) async fn search_datasets(
    State(app): State<AppState>,
    Message(request): Message<SearchDatasets>,
) -> Answer<DatasetSummaries> {
    let count = request.experiment_ids.len();
    if count == 0 {
        let message = "SearchDatasets request must specify at least one experiment_id.";
        return Err(ApiError::invalid(message).into());
    }
    if count > MAX_DATASET_EXPERIMENTS {
        return Err(ApiError::invalid(format!(
            "SearchDatasets request cannot specify more than {MAX_DATASET_EXPERIMENTS} experiment_ids. Received {count} \
             experiment_ids."
        ))
        .into());
    }
    let dataset_summaries = app.store.search_datasets(&request.experiment_ids).await?;
    Ok(Json(DatasetSummaries { dataset_summaries }))
}
