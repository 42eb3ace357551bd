//! Runs: one training each.

use serde::{Deserialize, Serialize};

use super::{KeyValue, LifecycleStage, Metric, RunInputs, RunOutputs, ViewType};
use crate::number;

/// How a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    /// At work.
    #[default]
    Running,
    /// Planned.
    Scheduled,
    /// Ended as it should.
    Finished,
    /// Ended by an error.
    Failed,
    /// Ended by somebody.
    Killed,
}

impl RunStatus {
    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Scheduled => "SCHEDULED",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
        }
    }
}

/// What a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// 32 hex digits.
    pub run_id: String,
    /// The same, by its old name.
    #[serde(default)]
    pub run_uuid: String,
    /// For people; need not be unique.
    #[serde(default)]
    pub run_name: String,
    /// The experiment it belongs to.
    #[serde(default)]
    pub experiment_id: String,
    /// Who started it.
    #[serde(default)]
    pub user_id: String,
    /// How it stands.
    #[serde(default)]
    pub status: RunStatus,
    /// In milliseconds since 1970.
    #[serde(default, deserialize_with = "number::int64")]
    pub start_time: i64,
    /// In milliseconds since 1970; absent while it runs.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub end_time: Option<i64>,
    /// Where its artifacts are.
    #[serde(default)]
    pub artifact_uri: String,
    /// Whether it is deleted.
    #[serde(default)]
    pub lifecycle_stage: LifecycleStage,
}

/// What a run said: the latest point of each metric, its params and tags.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunData {
    /// The latest point of each curve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// What it was started with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<KeyValue>,
    /// Notes by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<KeyValue>,
}

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What it is.
    pub info: RunInfo,
    /// What it said.
    #[serde(default)]
    pub data: RunData,
    /// What it was given.
    #[serde(default)]
    pub inputs: RunInputs,
    /// What it made.
    #[serde(default, skip_serializing_if = "RunOutputs::is_empty")]
    pub outputs: RunOutputs,
}

/// `POST runs/create`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CreateRun {
    /// The experiment.
    #[serde(default)]
    pub experiment_id: String,
    /// Who starts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// A name for people; the server makes one up when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_name: Option<String>,
    /// In milliseconds since 1970; now when absent.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub start_time: Option<i64>,
    /// Notes by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<KeyValue>,
}

/// Names one run: `get`, `delete`, `restore`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunId {
    /// The run.
    #[serde(default)]
    pub run_id: String,
    /// The run, by its old name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_uuid: Option<String>,
}

/// The answer of `runs/create` and `runs/get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunAnswer {
    /// The run.
    pub run: Run,
}

/// `POST runs/update`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UpdateRun {
    /// The run.
    #[serde(default)]
    pub run_id: String,
    /// The run, by its old name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_uuid: Option<String>,
    /// Its new status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// When it ended, in milliseconds since 1970.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub end_time: Option<i64>,
    /// Its new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_name: Option<String>,
}

/// The answer of `runs/update`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UpdateRunAnswer {
    /// The run as it is now.
    pub run_info: RunInfo,
}

/// `POST runs/search`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SearchRuns {
    /// In which experiments.
    #[serde(default)]
    pub experiment_ids: Vec<String>,
    /// See [`crate::search`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Deleted ones too?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_view_type: Option<ViewType>,
    /// 1 to 50,000 a page, 1000 when absent.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_results: Option<i64>,
    /// e.g. ``metrics.`score/real` DESC``.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order_by: Vec<String>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

/// The answer of `runs/search`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SearchRunsAnswer {
    /// One page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// Asks for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// `POST runs/log-parameter`, `runs/set-tag`, and `runs/delete-tag` (where the value is empty).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SetRunValue {
    /// The run.
    #[serde(default)]
    pub run_id: String,
    /// The run, by its old name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_uuid: Option<String>,
    /// The key.
    #[serde(default)]
    pub key: String,
    /// The text.
    #[serde(default)]
    pub value: String,
}
