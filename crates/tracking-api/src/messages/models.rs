//! Logged models: what a run made and wants to be found again, with files, params, tags and measurements of its own.

use serde::{Deserialize, Serialize};

use super::{FileInfo, KeyValue, LifecycleStage, Metric};
use crate::number;

/// How far a model is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModelStatus {
    /// Nothing is known.
    #[serde(rename = "LOGGED_MODEL_STATUS_UNSPECIFIED")]
    Unspecified,
    /// Its files are still on their way.
    #[default]
    #[serde(rename = "LOGGED_MODEL_PENDING")]
    Pending,
    /// All of it is there.
    #[serde(rename = "LOGGED_MODEL_READY")]
    Ready,
    /// Its files did not arrive.
    #[serde(rename = "LOGGED_MODEL_UPLOAD_FAILED")]
    UploadFailed,
}

impl ModelStatus {
    /// The word in the store and in filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "UNSPECIFIED",
            Self::Pending => "PENDING",
            Self::Ready => "READY",
            Self::UploadFailed => "FAILED",
        }
    }

    /// The status of a word of [`ModelStatus::as_str`].
    pub fn of_word(word: &str) -> Self {
        match word {
            "PENDING" => Self::Pending,
            "READY" => Self::Ready,
            "FAILED" => Self::UploadFailed,
            _ => Self::Unspecified,
        }
    }
}

/// What a model is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// `m-` and 32 hexadecimal digits.
    pub model_id: String,
    /// The experiment it belongs to.
    pub experiment_id: String,
    /// Its name; several may have the same.
    pub name: String,
    /// In milliseconds since 1970.
    #[serde(deserialize_with = "number::int64")]
    pub creation_timestamp_ms: i64,
    /// In milliseconds since 1970.
    #[serde(deserialize_with = "number::int64")]
    pub last_updated_timestamp_ms: i64,
    /// Where its files are.
    pub artifact_uri: String,
    /// How far it is.
    pub status: ModelStatus,
    /// What kind of thing, in its maker's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_type: Option<String>,
    /// The run that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_run_id: Option<String>,
    /// Notes by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<KeyValue>,
    /// Whether it is deleted; not on the wire.
    #[serde(skip)]
    pub lifecycle_stage: LifecycleStage,
}

/// What was said of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelData {
    /// What it was made with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<KeyValue>,
    /// What was measured of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

/// A logged model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoggedModel {
    /// What it is.
    pub info: ModelInfo,
    /// What was said of it.
    pub data: ModelData,
}

/// `POST logged-models`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CreateLoggedModel {
    /// The experiment.
    #[serde(default)]
    pub experiment_id: String,
    /// A name; the server makes one up when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What kind of thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_type: Option<String>,
    /// The run that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_run_id: Option<String>,
    /// What it is made with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<KeyValue>,
    /// Notes by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<KeyValue>,
}

/// The answer of `create`, `get` and `finalize`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LoggedModelAnswer {
    /// The model.
    pub model: LoggedModel,
}

/// `PATCH logged-models/{model_id}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FinalizeLoggedModel {
    /// `LOGGED_MODEL_READY` or `LOGGED_MODEL_UPLOAD_FAILED`.
    pub status: ModelStatus,
}

/// `POST logged-models/{model_id}/params` and `PATCH logged-models/{model_id}/tags`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ModelPairs {
    /// What it was made with.
    #[serde(default)]
    pub params: Vec<KeyValue>,
    /// Notes by key.
    #[serde(default)]
    pub tags: Vec<KeyValue>,
}

/// A field that models are ordered by.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OrderModels {
    /// e.g. `metrics.accuracy` or `creation_timestamp`.
    #[serde(default)]
    pub field_name: String,
    /// Smallest first, unless false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ascending: Option<bool>,
}

/// A data set that metrics of models are narrowed to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OnDataset {
    /// Its name.
    #[serde(default)]
    pub dataset_name: String,
    /// Its digest; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_digest: Option<String>,
}

/// `POST logged-models/search`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SearchLoggedModels {
    /// In which experiments.
    #[serde(default)]
    pub experiment_ids: Vec<String>,
    /// See [`crate::search`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Metrics count where they were measured on one of these; anywhere when empty.
    #[serde(default)]
    pub datasets: Vec<OnDataset>,
    /// 100 when absent.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_results: Option<i64>,
    /// Newest first when empty.
    #[serde(default)]
    pub order_by: Vec<OrderModels>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

/// The answer of `logged-models/search`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LoggedModels {
    /// One page.
    pub models: Vec<LoggedModel>,
    /// Asks for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// The answer of `logged-models/{model_id}/artifacts/directories`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ModelArtifacts {
    /// Where the model's files are.
    pub root_uri: String,
    /// What is in the folder.
    pub files: Vec<FileInfo>,
}
