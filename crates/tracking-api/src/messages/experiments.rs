//! Experiments: a name over a set of runs.

use serde::{Deserialize, Serialize};

use super::{KeyValue, LifecycleStage, ViewType};
use crate::number;

/// An experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// A number in text; `"0"` is the default experiment.
    pub experiment_id: String,
    /// Unique among all experiments, deleted ones too.
    pub name: String,
    /// Where its runs keep their artifacts, e.g. `mlflow-artifacts:/3`.
    #[serde(default)]
    pub artifact_location: String,
    /// Whether it is deleted.
    #[serde(default)]
    pub lifecycle_stage: LifecycleStage,
    /// When it last changed, in milliseconds since 1970.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_update_time: Option<i64>,
    /// When it was made, in milliseconds since 1970.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub creation_time: Option<i64>,
    /// Notes by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<KeyValue>,
}

/// `POST experiments/create`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CreateExperiment {
    /// The name, at most 500 characters.
    #[serde(default)]
    pub name: String,
    /// Where artifacts go; the server's own store when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_location: Option<String>,
    /// Notes by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<KeyValue>,
}

/// Names one experiment: `delete`, `restore`, `get`, and the answer of `create`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExperimentId {
    /// The experiment.
    #[serde(default)]
    pub experiment_id: String,
}

/// `GET experiments/get-by-name`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GetExperimentByName {
    /// The name, exactly.
    #[serde(default)]
    pub experiment_name: String,
}

/// The answer of `experiments/get` and `get-by-name`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExperimentAnswer {
    /// The experiment found.
    pub experiment: Experiment,
}

/// `POST experiments/update`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UpdateExperiment {
    /// The experiment.
    #[serde(default)]
    pub experiment_id: String,
    /// Its new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_name: Option<String>,
}

/// `POST` or `GET experiments/search`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SearchExperiments {
    /// 1 to 50,000 a page.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_results: Option<i64>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
    /// See [`crate::search`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// e.g. `name ASC`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order_by: Vec<String>,
    /// Deleted ones too?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_type: Option<ViewType>,
}

/// The answer of `experiments/search`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SearchExperimentsAnswer {
    /// One page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<Experiment>,
    /// Asks for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// `POST experiments/set-experiment-tag` and `delete-experiment-tag` (where the value is empty).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SetExperimentTag {
    /// The experiment.
    #[serde(default)]
    pub experiment_id: String,
    /// The tag's key.
    #[serde(default)]
    pub key: String,
    /// The tag's text.
    #[serde(default)]
    pub value: String,
}
