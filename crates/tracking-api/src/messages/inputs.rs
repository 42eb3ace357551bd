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
