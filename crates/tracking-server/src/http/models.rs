//! `logged-models/...`, `runs/outputs`, `runs/log-model`.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{delete, get, patch, post};
use axum::{Json, Router};
use idiom_tracking_api::{
    ApiError, CreateLoggedModel, Done, FinalizeLoggedModel, KeyValue, LogBatch, LogModel,
    LogOutputs, LoggedModelAnswer, LoggedModels, ModelArtifacts, ModelPairs, SearchLoggedModels,
    limits,
};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::AppState;
use super::artifacts;
use super::failure::{Answer, Failure};
use super::message::{Message, required};
use crate::names;
use crate::store::{ChangeModel, ModelChange, NewModel};

/// The tag in which older clients look for the models of a run.
const HISTORY_TAG: &str = "mlflow.log-model.history";

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/logged-models", post(create))
        .route("/logged-models/search", post(search))
        .route(
            "/logged-models/{model_id}",
            get(one).patch(finalize).delete(remove),
        )
        .route("/logged-models/{model_id}/params", post(set_params))
        .route("/logged-models/{model_id}/tags", patch(set_tags))
        .route("/logged-models/{model_id}/tags/{key}", delete(delete_tag))
        .route("/logged-models/{model_id}/artifacts/directories", get(list))
        .route("/logged-models/{model_id}/artifacts/files", get(file))
        .route("/runs/outputs", post(log_outputs))
        .route("/runs/log-model", post(log_model))
}

async fn create(
    State(app): State<AppState>,
    Message(request): Message<CreateLoggedModel>,
) -> Answer<LoggedModelAnswer> {
    required("experiment_id", request.experiment_id.clone())?;
    let id = Uuid::new_v4();
    let new = NewModel {
        request,
        model_id: format!("m-{}", id.simple()),
        made_up_name: names::made_up(id.as_u128()),
    };
    Ok(Json(LoggedModelAnswer {
        model: app.store.write(new).await?,
    }))
}

async fn one(
    State(app): State<AppState>,
    Path(model_id): Path<String>,
) -> Answer<LoggedModelAnswer> {
    Ok(Json(LoggedModelAnswer {
        model: app.store.model(&model_id).await?,
    }))
}

async fn change(
    app: &AppState,
    model_id: String,
    change: ModelChange,
) -> Answer<LoggedModelAnswer> {
    let model = app.store.write(ChangeModel { model_id, change }).await?;
    Ok(Json(LoggedModelAnswer { model }))
}

async fn finalize(
    State(app): State<AppState>,
    Path(model_id): Path<String>,
    Message(request): Message<FinalizeLoggedModel>,
) -> Answer<LoggedModelAnswer> {
    change(&app, model_id, ModelChange::Finalize(request.status)).await
}

async fn remove(State(app): State<AppState>, Path(model_id): Path<String>) -> Answer<Done> {
    let _changed = change(&app, model_id, ModelChange::Delete).await?;
    Ok(Json(Done {}))
}

async fn set_params(
    State(app): State<AppState>,
    Path(model_id): Path<String>,
    Message(request): Message<ModelPairs>,
) -> Answer<Done> {
    let params = ModelPairs {
        tags: Vec::new(),
        ..request
    };
    let _changed = change(&app, model_id, ModelChange::Set(params)).await?;
    Ok(Json(Done {}))
}

async fn set_tags(
    State(app): State<AppState>,
    Path(model_id): Path<String>,
    Message(request): Message<ModelPairs>,
) -> Answer<Done> {
    let tags = ModelPairs {
        params: Vec::new(),
        ..request
    };
    let _changed = change(&app, model_id, ModelChange::Set(tags)).await?;
    Ok(Json(Done {}))
}

async fn delete_tag(
    State(app): State<AppState>,
    Path((model_id, key)): Path<(String, String)>,
) -> Answer<Done> {
    let _changed = change(&app, model_id, ModelChange::DeleteTag(key)).await?;
    Ok(Json(Done {}))
}

async fn search(
    State(app): State<AppState>,
    Message(request): Message<SearchLoggedModels>,
) -> Answer<LoggedModels> {
    if request.experiment_ids.is_empty() {
        return Err(limits::missing_value("experiment_ids").into());
    }
    Ok(Json(app.store.search_models(&request).await?))
}

#[derive(Deserialize)]
struct AskModelFiles {
    #[serde(default)]
    artifact_directory_path: String,
    #[serde(default)]
    artifact_file_path: String,
}

async fn list(
    State(app): State<AppState>,
    Path(model_id): Path<String>,
    Message(request): Message<AskModelFiles>,
) -> Answer<ModelArtifacts> {
    let root_uri = app.store.model(&model_id).await?.info.artifact_uri;
    let files = app
        .artifacts
        .list_run(&root_uri, &request.artifact_directory_path)
        .await?;
    Ok(Json(ModelArtifacts { root_uri, files }))
}

async fn file(
    State(app): State<AppState>,
    Path(model_id): Path<String>,
    headers: HeaderMap,
    Message(request): Message<AskModelFiles>,
) -> Result<Response, Failure> {
    let root = app.store.model(&model_id).await?.info.artifact_uri;
    artifacts::send_below(
        &app,
        &root,
        &required("artifact_file_path", request.artifact_file_path)?,
        &headers,
    )
    .await
}

async fn log_outputs(
    State(app): State<AppState>,
    Message(request): Message<LogOutputs>,
) -> Answer<Done> {
    required("run_id", request.run_id.clone())?;
    app.store.write(request).await?;
    Ok(Json(Done {}))
}

/// Adds a model to the list that older clients keep in a tag of the run.
async fn log_model(
    State(app): State<AppState>,
    Message(request): Message<LogModel>,
) -> Answer<Done> {
    required("run_id", request.run_id.clone())?;
    let text = required("model_json", request.model_json)?;
    let model = read_model(&text)?;
    let run = app.store.run(&request.run_id).await?;
    let history = run.data.tags.iter().find(|tag| tag.key == HISTORY_TAG);
    let mut models: Vec<Value> = history
        .and_then(|tag| serde_json::from_str(&tag.value).ok())
        .unwrap_or_default();
    models.push(model);
    let tags = vec![KeyValue::new(HISTORY_TAG, Value::from(models).to_string())];
    app.store
        .write(LogBatch {
            run_id: request.run_id,
            tags,
            ..LogBatch::default()
        })
        .await?;
    Ok(Json(Done {}))
}

fn read_model(text: &str) -> Result<Value, ApiError> {
    let model: Value = serde_json::from_str(text).map_err(|_| {
        ApiError::invalid(format!(
            "Malformed model info. \n {text} \n is not a valid JSON."
        ))
    })?;
    let fields = ["artifact_path", "flavors", "utc_time_created", "run_id"];
    let missing: Vec<&str> = fields
        .into_iter()
        .filter(|field| model.get(field).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(model);
    }
    let missing = missing.join("', '");
    Err(ApiError::invalid(format!(
        "Model json is missing mandatory fields: {{'{missing}'}}"
    )))
}
