//! Where things are: the project's folder, the user's cache, and what the environment says about the server.

use crate::failure::Failure;
use idiom_tracking_server::{ArtifactsPlace, DatabasePlace, UnknownPlace};
use std::path::{Path, PathBuf};

/// What the environment says, read once in `main`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `IDIOM_CACHE`, else the XDG cache folder's `idiom`.
    pub(crate) cache: PathBuf,
    /// `IDIOM_PORT`: where this project's tracking server listens.
    pub(crate) port: u16,
    /// `IDIOM_DB`, as it was typed; it may hold a password.
    pub(crate) db: Option<Typed>,
    /// `IDIOM_ARTIFACTS`, as it was typed.
    pub(crate) artifacts: Option<String>,
    /// `MLFLOW_TRACKING_URI`.
    pub(crate) tracking_uri: Option<String>,
    /// `MLFLOW_TRACKING_TOKEN`.
    pub(crate) token: Option<String>,
    /// `MLFLOW_TRACKING_USERNAME`.
    pub(crate) username: Option<String>,
    /// `MLFLOW_TRACKING_PASSWORD`.
    pub(crate) password: Option<String>,
    /// `HF_ENDPOINT`.
    pub(crate) hub_endpoint: Option<String>,
    /// `HF_TOKEN`.
    pub(crate) hub_token: Option<String>,
    /// `HF_HUB_CACHE`, or `HF_HOME`'s `hub`.
    pub(crate) hub_cache: Option<PathBuf>,
    /// `HF_HUB_OFFLINE` is set.
    pub(crate) offline: bool,
    /// Which of how many workers this process is, by the scheduler's variables.
    pub(crate) worker: Worker,
    /// Where the processes of one training meet: `MASTER_ADDR` and `MASTER_PORT`.
    pub(crate) master: Option<(String, String)>,
    /// How many of them share this machine: `LOCAL_WORLD_SIZE`.
    pub(crate) n_local: Option<usize>,
    /// Which of these this process is, from 0: `LOCAL_RANK`.
    pub(crate) local_rank: Option<usize>,
}

/// A text that is not for messages.
#[derive(Clone)]
pub(crate) struct Typed(pub(crate) String);

impl std::fmt::Debug for Typed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("(hidden)")
    }
}

impl Environment {
    /// Where the server of this machine listens when no other is named.
    pub(crate) fn local_server(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Which of how many workers a scheduler says that this process is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Worker {
    /// Counted from 0.
    pub(crate) rank: Option<usize>,
    /// How many there are.
    pub(crate) world: Option<usize>,
}

impl Worker {
    /// Reads torchrun's variables, else Slurm's for arrays, else Kubernetes' for indexed jobs.
    pub(crate) fn read(number: impl Fn(&str) -> Option<usize>) -> Self {
        let first = number("SLURM_ARRAY_TASK_MIN").unwrap_or(0);
        let known = [
            (number("RANK"), number("WORLD_SIZE")),
            (
                number("SLURM_ARRAY_TASK_ID").and_then(|id| id.checked_sub(first)),
                number("SLURM_ARRAY_TASK_COUNT"),
            ),
            (number("JOB_COMPLETION_INDEX"), None),
        ];
        let found = known.into_iter().find(|(rank, _)| rank.is_some());
        let (rank, world) = found.unwrap_or_default();
        Self { rank, world }
    }
}

/// The folders of one project and one user.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    root: PathBuf,
    /// What the environment says.
    pub(crate) environment: Environment,
}

impl Home {
    pub(crate) fn new(root: PathBuf, environment: Environment) -> Self {
        Self { root, environment }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The file that was typed, or the one of that name in `folder` (`pipelines` or `experiments`).
    pub(crate) fn file(&self, typed: &Path, folder: &str) -> Result<PathBuf, Failure> {
        let inside = self.root.join(folder).join(typed);
        for candidate in [
            typed.to_path_buf(),
            inside.clone(),
            inside.with_added_extension("yaml"),
        ] {
            if candidate.is_file() {
                return Ok(candidate);
            }
        }
        let known = names(&self.root.join(folder), ".yaml");
        let hint = format!("in {}: {known}", self.root.join(folder).display());
        Err(Failure::new(
            format!("{}: there is no such file", typed.display()),
            hint,
        ))
    }

    pub(crate) fn datasets(&self) -> PathBuf {
        self.root.join("data/datasets")
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.root.join("data/runs")
    }

    /// The tracking database: `IDIOM_DB`, else a file of the project.
    pub(crate) fn tracking_db(&self) -> Result<DatabasePlace, Failure> {
        match &self.environment.db {
            Some(Typed(typed)) => typed.parse().map_err(|e| unknown("IDIOM_DB", &e)),
            None => Ok(self.root.join("data/tracking/idiom.db").into()),
        }
    }

    /// The store of artifacts: `IDIOM_ARTIFACTS`, else a folder of the project.
    pub(crate) fn tracking_artifacts(&self) -> Result<ArtifactsPlace, Failure> {
        match &self.environment.artifacts {
            Some(typed) => typed.parse().map_err(|e| unknown("IDIOM_ARTIFACTS", &e)),
            None => Ok(self.root.join("data/tracking/artifacts").into()),
        }
    }

    pub(crate) fn packages(&self) -> PathBuf {
        self.environment.cache.join("packages")
    }

    pub(crate) fn font(&self) -> Option<PathBuf> {
        Some(self.environment.cache.join("fonts/captions.ttf")).filter(|f| f.is_file())
    }

    pub(crate) fn locations(&self) -> idiom_encoders::Locations {
        idiom_encoders::Locations {
            folder: self.environment.cache.join("encoders"),
            hub_cache: self.environment.hub_cache.clone(),
            hub_endpoint: self.environment.hub_endpoint.clone(),
            hub_token: self.environment.hub_token.clone(),
            offline: self.environment.offline,
        }
    }

    pub(crate) fn hub(&self) -> idiom_ingest::Hub {
        idiom_ingest::Hub {
            endpoint: self.environment.hub_endpoint.clone(),
            cache: self.environment.hub_cache.clone(),
            token: self.environment.hub_token.clone(),
            offline: self.environment.offline,
        }
    }

    /// The folder of the data set called `name`, or that is at the path `name`.
    pub(crate) fn dataset(&self, name: &str) -> PathBuf {
        named(&self.datasets(), name)
    }

    /// The folder of the run called `name`, or that is at the path `name`.
    pub(crate) fn run(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = named(&self.runs(), name);
        if folder.is_dir() {
            return Ok(folder);
        }
        let hint = format!("in {}: {}", self.runs().display(), names(&self.runs(), ""));
        Err(Failure::new(format!("{name}: there is no such run"), hint))
    }
}

fn unknown(variable: &str, error: &UnknownPlace) -> Failure {
    Failure::new(
        format!("{variable}: {error}"),
        format!("set {variable} to one of these, or unset it"),
    )
}

fn named(folder: &Path, name: &str) -> PathBuf {
    let typed = Path::new(name);
    if typed.components().count() > 1 || typed.is_absolute() {
        typed.to_path_buf()
    } else {
        folder.join(name)
    }
}

/// The sorted names in `folder` that end in `end`, for a hint.
fn names(folder: &Path, end: &str) -> String {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.retain(|n| n.ends_with(end) && !n.starts_with('.'));
    names.sort();
    if names.is_empty() {
        "(nothing)".into()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(variables: &[(&str, usize)]) -> Worker {
        Worker::read(|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| *value)
        })
    }

    #[test]
    fn each_schedulers_numbers_are_understood() {
        let is = |rank, world| Worker { rank, world };
        assert_eq!(worker(&[]), is(None, None));
        assert_eq!(
            worker(&[("RANK", 1), ("WORLD_SIZE", 4)]),
            is(Some(1), Some(4))
        );
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", 3),
            ("SLURM_ARRAY_TASK_COUNT", 8),
            ("SLURM_ARRAY_TASK_MIN", 1),
        ];
        assert_eq!(worker(&slurm), is(Some(2), Some(8)));
        assert_eq!(worker(&[("JOB_COMPLETION_INDEX", 5)]), is(Some(5), None));
    }
}
