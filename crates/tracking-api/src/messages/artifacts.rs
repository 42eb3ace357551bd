//! Artifacts: listing what a run keeps. Bytes themselves travel raw, under [`crate::ARTIFACT_PREFIX`].

use serde::{Deserialize, Serialize};

use crate::number;

/// `GET artifacts/list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ListArtifacts {
    /// The run.
    #[serde(default)]
    pub run_id: String,
    /// The run, by its old name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_uuid: Option<String>,
    /// A folder inside the run; its root when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

/// A file or a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// From the run's root (`artifacts/list`) or from the asked folder (`mlflow-artifacts`).
    pub path: String,
    /// Whether it is a folder.
    #[serde(default)]
    pub is_dir: bool,
    /// Bytes; absent for a folder.
    #[serde(
        default,
        deserialize_with = "number::optional_int64",
        skip_serializing_if = "Option::is_none"
    )]
    pub file_size: Option<i64>,
}

/// The answer of `artifacts/list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ListArtifactsAnswer {
    /// Where the run keeps its artifacts, e.g. `mlflow-artifacts:/3/RUN/artifacts`.
    #[serde(default)]
    pub root_uri: String,
    /// Files and folders by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileInfo>,
    /// Asks for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// The answer of `GET mlflow-artifacts/artifacts?path=`: names are relative to the asked folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ArtifactFiles {
    /// Files and folders by name.
    #[serde(default)]
    pub files: Vec<FileInfo>,
}
