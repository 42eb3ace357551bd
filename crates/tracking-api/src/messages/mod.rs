//! The messages, by what they are about. Field names are MLflow's; unknown fields are ignored, as its servers do.

mod artifacts;
mod experiments;
mod inputs;
mod metrics;
mod models;
mod runs;

pub use artifacts::*;
pub use experiments::*;
pub use inputs::*;
pub use metrics::*;
pub use models::*;
pub use runs::*;

use serde::{Deserialize, Serialize};

/// A key and its text, used for params and tags of runs, experiments and inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// The key.
    #[serde(default)]
    pub key: String,
    /// The value, as text.
    #[serde(default)]
    pub value: String,
}

impl KeyValue {
    /// A pair.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }
}

/// The answer of a request that has nothing to say but "done": `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

/// Which things a search shows, by whether they were deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ViewType {
    /// Those that are not deleted.
    #[default]
    ActiveOnly,
    /// Those that are.
    DeletedOnly,
    /// Both.
    All,
}

/// Whether a run or an experiment is deleted. Deleted things can be restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleStage {
    /// In use.
    #[default]
    Active,
    /// Hidden, can be restored.
    Deleted,
}

impl LifecycleStage {
    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deleted => "deleted",
        }
    }
}
