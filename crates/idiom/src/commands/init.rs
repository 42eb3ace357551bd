//! What `init_from` means: a path, a run of this project, or a model on the hub.

use super::Session;
use crate::failure::Failure;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The file of a model's folder that names all the others.
const CONFIG: &str = "config.json";

impl Session {
    /// The folder or file that was meant.
    pub(super) fn init_from(&self, typed: Option<&str>) -> Result<Option<PathBuf>, Failure> {
        let Some(typed) = typed else { return Ok(None) };
        for candidate in [PathBuf::from(typed), self.home.runs().join(typed)] {
            if candidate.exists() {
                return Ok(Some(candidate));
            }
        }
        if is_hub_id(typed) {
            return self.model_on_hub(typed).map(Some);
        }
        // The error lists the runs.
        self.home.run(typed).map(Some)
    }

    /// The model's folder in the hub's cache, fetched where it is missing.
    fn model_on_hub(&self, id: &str) -> Result<PathBuf, Failure> {
        let locations = self.home.locations();
        let config = idiom_encoders::hub_file(id, CONFIG, &locations)?;
        for name in files_named_in(&config)? {
            idiom_encoders::hub_file(id, &name, &locations)?;
        }
        Ok(config.parent().unwrap_or(Path::new("")).to_path_buf())
    }
}

/// `owner/name`, and nothing that could be a path.
fn is_hub_id(typed: &str) -> bool {
    let fits = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let parts: Vec<&str> = typed.split('/').collect();
    parts.len() == 2 && parts.into_iter().all(fits)
}

fn files_named_in(config: &Path) -> Result<Vec<String>, Failure> {
    let no_model = |reason: String| {
        Failure::new(
            format!(
                "`init_from`: `{}` is no model of ours: {reason}",
                config.display()
            ),
            "name a model that `idiom` has made",
        )
    };
    let bytes = std::fs::read(config).map_err(|e| no_model(e.to_string()))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|e| no_model(e.to_string()))?;
    let files = value["files"]
        .as_object()
        .ok_or_else(|| no_model("it has no `files`".into()))?;
    Ok(files
        .values()
        .filter_map(|file| file["name"].as_str())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::is_hub_id;

    #[test]
    fn a_hub_id_is_two_plain_words() {
        assert!(is_hub_id("someone/a-model_2.1"));
        for path in ["run", "a/b/c", "../a", "/a", "a/", "a/..", "a b/c"] {
            assert!(!is_hub_id(path), "{path}");
        }
    }
}
