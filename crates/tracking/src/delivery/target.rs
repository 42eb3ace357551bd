//! Finding the run on the server: by its id, else by its `idiom.uid` tag, else by making it.
//!
//! Making a run is the one request that is not harmless twice, so each try looks for the tag first.

use idiom_tracking_api::{
    CreateExperiment, CreateRun, ExperimentAnswer, ExperimentId, GetExperimentByName, KeyValue,
    LifecycleStage, RUN_UID_TAG, Run, RunAnswer, RunId, SearchRuns, SearchRunsAnswer, ViewType,
};

use super::{Fault, Server};
use crate::spool::Header;

/// The run as the server knows it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) run_id: String,
    pub(crate) artifact_uri: String,
}

/// The run of this id; [`Fault::Missing`] where the server does not have it.
pub(crate) fn by_id(server: &Server, run_id: &str) -> Result<Target, Fault> {
    let question = RunId {
        run_id: run_id.to_owned(),
        run_uuid: None,
    };
    let answer: RunAnswer = server.get("runs/get", &question)?;
    target(answer.run)
}

/// The run of this spool, made if need be.
pub(crate) fn by_uid_or_new(server: &Server, header: &Header) -> Result<Target, Fault> {
    let experiment_id = experiment_id(server, &header.experiment)?;
    let question = SearchRuns {
        experiment_ids: vec![experiment_id.clone()],
        filter: Some(format!("tags.`{RUN_UID_TAG}` = '{}'", header.uid)),
        run_view_type: Some(ViewType::All),
        max_results: Some(100),
        ..SearchRuns::default()
    };
    let found: SearchRunsAnswer = server.post("runs/search", &question)?;
    // Two, where a request to make it was answered too late: any will do, so long as it is always the same one.
    match found
        .runs
        .into_iter()
        .min_by(|a, b| a.info.run_id.cmp(&b.info.run_id))
    {
        Some(run) => target(run),
        None => create(server, header, experiment_id),
    }
}

fn create(server: &Server, header: &Header, experiment_id: String) -> Result<Target, Fault> {
    let message = CreateRun {
        experiment_id,
        run_name: Some(header.run_name.clone()),
        start_time: Some(header.start_time),
        tags: vec![KeyValue::new(RUN_UID_TAG, &header.uid)],
        ..CreateRun::default()
    };
    let answer: RunAnswer = server.post("runs/create", &message)?;
    target(answer.run)
}

fn experiment_id(server: &Server, name: &str) -> Result<String, Fault> {
    let question = GetExperimentByName {
        experiment_name: name.to_owned(),
    };
    let answer: Result<ExperimentAnswer, Fault> = server.get("experiments/get-by-name", &question);
    match answer {
        Ok(found) if found.experiment.lifecycle_stage == LifecycleStage::Deleted => Err(
            Fault::Blocked(format!("the experiment `{name}` is deleted")),
        ),
        Ok(found) => Ok(found.experiment.experiment_id),
        Err(Fault::Missing(_)) => {
            let message = CreateExperiment {
                name: name.to_owned(),
                ..CreateExperiment::default()
            };
            let made: Result<ExperimentId, Fault> = server.post("experiments/create", &message);
            match made {
                Ok(made) => Ok(made.experiment_id),
                // Somebody else made it in between: the next try finds it.
                Err(Fault::Exists) => {
                    Err(Fault::passing("the experiment was made by another client"))
                }
                Err(fault) => Err(fault),
            }
        }
        Err(fault) => Err(fault),
    }
}

fn target(run: Run) -> Result<Target, Fault> {
    if run.info.lifecycle_stage == LifecycleStage::Deleted {
        return Err(Fault::Blocked(format!(
            "the run `{}` is deleted",
            run.info.run_id
        )));
    }
    Ok(Target {
        run_id: run.info.run_id,
        artifact_uri: run.info.artifact_uri,
    })
}
