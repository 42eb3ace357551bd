//! `config.json` as it stands on disk, whatever the task: layout, task, the model's own part, and each file's hash.

use crate::ModelError;
use idiom_gan::GanError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The file's name within a model's folder.
pub const CONFIG_FILE: &str = "config.json";

/// The version of the layout; a reader refuses any other.
const LAYOUT_VERSION: u32 = 1;

/// The largest `config.json` that is read, in bytes.
pub(crate) const MOST_CONFIG_BYTES: u64 = 4 << 20;

/// The model's own part of a `config.json`.
pub trait Described: Clone + Serialize + DeserializeOwned {
    /// The task it was trained for.
    const TASK: &'static str;

    /// The networks that must have a file each.
    fn roles(&self) -> Vec<&'static str>;

    /// Settings in range, parts that fit one another.
    ///
    /// # Errors
    /// The first that is not.
    fn check(&self) -> Result<(), Flaw>;
}

/// What is wrong with a model's own part.
#[derive(Debug)]
pub enum Flaw {
    /// In words.
    Text(String),
    /// A network cannot be built from it.
    Network(GanError),
}

impl From<GanError> for Flaw {
    fn from(error: GanError) -> Self {
        Self::Network(error)
    }
}

/// One weights file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct FileEntry {
    /// Its name within the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The hash of its bytes, lower-case hexadecimal.
    pub sha256: String,
}

impl FileEntry {
    /// A file's name must stay within the model's folder.
    pub(crate) fn check_name(&self, role: &str) -> Result<(), String> {
        let is_plain = Path::new(&self.name)
            .file_name()
            .is_some_and(|name| name == self.name.as_str());
        if is_plain && self.name.ends_with(".safetensors") {
            return Ok(());
        }
        Err(format!(
            "`files.{role}.name` is `{}`, but must be a plain name ending in `.safetensors`",
            self.name
        ))
    }
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) struct Document<C> {
    layout_version: u32,
    task: String,
    pub(crate) model: C,
    pub(crate) files: BTreeMap<String, FileEntry>,
}

/// What every `config.json` of ours begins with, read before the rest is understood.
#[derive(Debug, Deserialize)]
struct Preamble {
    layout_version: u32,
    task: String,
}

/// The task named in the bytes of a `config.json`; `path` is named in the message only.
///
/// # Errors
/// No file of ours, or one of another layout.
pub(crate) fn task_in(bytes: &[u8], path: &Path) -> Result<String, ModelError> {
    let preamble: Preamble =
        serde_json::from_slice(bytes).map_err(|error| bad(path, error.to_string()))?;
    if preamble.layout_version == LAYOUT_VERSION {
        return Ok(preamble.task);
    }
    let found = preamble.layout_version;
    let reason = format!("`layout_version` is {found}, but this program reads {LAYOUT_VERSION}");
    Err(bad(path, reason))
}

impl<C: Described> Document<C> {
    /// A file for a model and its weights.
    pub(crate) fn new(model: &C, files: BTreeMap<String, FileEntry>) -> Self {
        Self {
            layout_version: LAYOUT_VERSION,
            task: C::TASK.to_owned(),
            model: model.clone(),
            files,
        }
    }

    /// Reads and checks the bytes of a `config.json`; `path` is named in the message only.
    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Self, ModelError> {
        let task = task_in(bytes, path)?;
        if task != C::TASK {
            let reason = format!(
                "`task` is `{task}`, but a model of `{}` is wanted here",
                C::TASK
            );
            return Err(bad(path, reason));
        }
        let document: Self =
            serde_json::from_slice(bytes).map_err(|error| bad(path, error.to_string()))?;
        document.check_files().map_err(|reason| bad(path, reason))?;
        document.model.check().map_err(|flaw| match flaw {
            Flaw::Text(reason) => bad(path, reason),
            Flaw::Network(source) => ModelError::Network {
                path: path.to_owned(),
                source,
            },
        })?;
        Ok(document)
    }

    /// A file's name must stay within the folder, and each network must have its file.
    fn check_files(&self) -> Result<(), String> {
        (self.files.iter()).try_for_each(|(role, file)| file.check_name(role))?;
        let roles = self.model.roles();
        if let Some(missing) = roles.iter().find(|role| !self.files.contains_key(**role)) {
            return Err(format!("`files.{missing}` is missing"));
        }
        match self
            .files
            .keys()
            .find(|role| !roles.contains(&role.as_str()))
        {
            Some(role) => Err(format!(
                "`files.{role}` is there, but `model.{role}` is not"
            )),
            None => Ok(()),
        }
    }
}

fn bad(path: &Path, reason: String) -> ModelError {
    ModelError::Config {
        path: path.to_owned(),
        reason,
    }
}
