//! `runs/create get update delete restore search`.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use idiom_tracking_api::search::Dialect;
use idiom_tracking_api::{
    CreateRun, Done, RunAnswer, RunId, SearchRuns, UpdateRun, UpdateRunAnswer,
};
use uuid::Uuid;

use super::AppState;
use super::failure::{Answer, Failure};
use super::message::{Message, required, run_id};
use crate::names;
use crate::store::{DeleteRun, FoundRuns, NewRun, RestoreRun};

pub(super) async fn create(
    State(app): State<AppState>,
    Message(request): Message<CreateRun>,
) -> Answer<RunAnswer> {
    required("experiment_id", request.experiment_id.clone())?;
    let id = Uuid::new_v4();
    let new = NewRun {
        request,
        run_id: id.simple().to_string(),
        made_up_name: names::made_up(id.as_u128()),
    };
    Ok(Json(RunAnswer {
        run: app.store.write(new).await?,
    }))
}

pub(super) async fn get(
    State(app): State<AppState>,
    Message(request): Message<RunId>,
) -> Answer<RunAnswer> {
    let id = run_id(request.run_id, request.run_uuid)?;
    Ok(Json(RunAnswer {
        run: app.store.run(&id).await?,
    }))
}

pub(super) async fn update(
    State(app): State<AppState>,
    Message(request): Message<UpdateRun>,
) -> Answer<UpdateRunAnswer> {
    let id = run_id(request.run_id.clone(), request.run_uuid.clone())?;
    let run_info = app
        .store
        .write(UpdateRun {
            run_id: id,
            ..request
        })
        .await?;
    Ok(Json(UpdateRunAnswer { run_info }))
}

pub(super) async fn delete(
    State(app): State<AppState>,
    Message(request): Message<RunId>,
) -> Answer<Done> {
    app.store
        .write(DeleteRun(run_id(request.run_id, request.run_uuid)?))
        .await?;
    Ok(Json(Done {}))
}

pub(super) async fn restore(
    State(app): State<AppState>,
    Message(request): Message<RunId>,
) -> Answer<Done> {
    app.store
        .write(RestoreRun(run_id(request.run_id, request.run_uuid)?))
        .await?;
    Ok(Json(Done {}))
}

pub(super) async fn search(
    State(app): State<AppState>,
    Message(request): Message<SearchRuns>,
) -> Result<FoundRuns, Failure> {
    Ok(app.store.search_runs(&request, Dialect::Mlflow).await?)
}

impl IntoResponse for FoundRuns {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.json()).into_response()
    }
}
