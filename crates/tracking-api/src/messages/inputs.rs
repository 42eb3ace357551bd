//! Inputs of a run: which data it was trained on.

use serde::{Deserialize, Serialize};

use super::KeyValue;

/// A data set by name and digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// At most 500 characters.
    #[serde(default)]
    pub name: String,
    /// At most 36 characters; with the name, it identifies the data set.
    #[serde(default)]
    pub digest: String,
    /// What kind of place it comes from, e.g. `local`.
    #[serde(default)]
    pub source_type: String,
    /// The place, as JSON text.
    #[serde(default)]
    pub source: String,
    /// Its columns, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Counts and the like, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// A data set as one run used it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetInput {
    /// e.g. `mlflow.data.context` = `training`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<KeyValue>,
    /// The data set.
    pub dataset: Dataset,
}

/// A logged model as one run used it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInput {
    /// The model.
    #[serde(default)]
    pub model_id: String,
}

/// All inputs of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInputs {
    /// Data sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dataset_inputs: Vec<DatasetInput>,
    /// Models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_inputs: Vec<ModelInput>,
}

/// `POST runs/log-inputs`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LogInputs {
    /// The run.
    #[serde(default)]
    pub run_id: String,
    /// Data sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<DatasetInput>,
    /// Models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelInput>,
}

/// A logged model that a run made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelOutput {
    /// The model.
    #[serde(default)]
    pub model_id: String,
    /// At which step of the run.
    #[serde(default, deserialize_with = "crate::number::int64")]
    pub step: i64,
}

/// All outputs of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOutputs {
    /// Models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_outputs: Vec<ModelOutput>,
}

impl RunOutputs {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.model_outputs.is_empty()
    }
}

/// `POST runs/outputs`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LogOutputs {
    /// The run.
    #[serde(default)]
    pub run_id: String,
    /// What it made.
    #[serde(default)]
    pub models: Vec<ModelOutput>,
}

/// `POST runs/log-model`: the older way to say that a run made a model.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LogModel {
    /// The run.
    #[serde(default)]
    pub run_id: String,
    /// The `MLmodel` file as JSON text.
    #[serde(default)]
    pub model_json: String,
}

/// `POST experiments/search-datasets`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SearchDatasets {
    /// At most 20 experiments.
    #[serde(default)]
    pub experiment_ids: Vec<String>,
}

/// A data set that runs of an experiment used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetSummary {
    /// The experiment.
    pub experiment_id: String,
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: String,
    /// What for, e.g. `training`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

/// The answer of `experiments/search-datasets`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DatasetSummaries {
    /// At most 1000.
    pub dataset_summaries: Vec<DatasetSummary>,
}
