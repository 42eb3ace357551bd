//! What stops an ingest, and what to do about it. A single bad picture or caption never does: it becomes a reject.

use std::path::PathBuf;

use idiom_dataset::DatasetError;
use idiom_spec::pipeline::{Kind, Source};

/// Why an ingest did not end with a dataset.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// It was asked to stop; everything committed so far is kept.
    #[error("stopped after {units_done} of {units_total} units of work; what is done is kept")]
    Interrupted {
        /// Units committed.
        units_done: usize,
        /// Units of the whole pipeline.
        units_total: usize,
    },
    /// There is no such worker.
    #[error("there is no worker {rank} of {world}: ranks are counted from 0")]
    BadShare {
        /// The worker's number.
        rank: usize,
        /// How many workers there are.
        world: usize,
    },
    /// Units are missing, so that nothing can be sealed.
    #[error("{missing} of {total} units of work are not done, the first is `{first}`")]
    Unfinished {
        /// Units without a report.
        missing: usize,
        /// Units of the whole pipeline.
        total: usize,
        /// Name of the first that is missing.
        first: String,
    },
    /// No reject has the code that was asked for.
    #[error("there are no rejects to read again with the code `{code}`: {reason}")]
    NothingToRetry {
        /// The code.
        code: String,
        /// Why not, or which codes there are.
        reason: String,
    },
    /// The pipeline names a package that it does not list.
    #[error("{field} is `{name}`, but must be one of {}", list(known))]
    UnknownPackage {
        /// Path in the pipeline file.
        field: String,
        /// What stands there.
        name: String,
        /// The names under `packages`.
        known: Vec<String>,
    },
    /// The registry's client could not be started.
    #[error("`{}` cannot be run, but is needed to fetch the package `{package}`: {source}", program.display())]
    NoClient {
        /// The program.
        program: PathBuf,
        /// The package.
        package: String,
        /// The system's own message.
        source: std::io::Error,
    },
    /// The registry's client failed.
    #[error("the package `{package}` could not be fetched: {message}")]
    Fetch {
        /// Name and version.
        package: String,
        /// The end of the client's own output.
        message: String,
    },
    /// A package's bytes are not those the pipeline was written for.
    #[error("the package `{package}` has the hash `{found}`, but the pipeline says `{expected}`")]
    Integrity {
        /// Name and version.
        package: String,
        /// The hash of what came.
        found: String,
        /// The hash in the pipeline.
        expected: String,
    },
    /// A package's archive cannot be read, or is larger than allowed.
    #[error("`{}`: {reason}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file that the pipeline names is not in its package, or not what it should be.
    #[error("`{file}` in the package `{package}`: {reason}")]
    Member {
        /// Name and version.
        package: String,
        /// The file below the package's root.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The table of phrases is broken.
    #[error("{}:{line}: {reason}", path.display())]
    Phrases {
        /// The table.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// What a source reads is not there.
    #[error("`{field}` reads `{}`, but there is no such file or folder", path.display())]
    NotThere {
        /// The source and its kind, as the path in the pipeline file.
        field: String,
        /// The setting below it that says where.
        key: &'static str,
        /// Where it should be.
        path: PathBuf,
    },
    /// A table, or another file that lists pictures, cannot be used.
    #[error("`{}`: {reason}", path.display())]
    Table {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, or missing.
        reason: String,
    },
    /// A data set on the hub could not be had.
    #[error("the data set `{repo}` cannot be fetched from the hub: {reason}")]
    Hub {
        /// `owner/name`
        repo: String,
        /// The hub library's own message.
        reason: String,
    },
    /// Nothing that was offered could become a row.
    #[error("none of {rows_in} pictures became a row; the most frequent reason is `{code}`")]
    NoRows {
        /// What was offered.
        rows_in: u64,
        /// The most frequent code among the rejects.
        code: String,
        /// The table of rejects.
        rejects: PathBuf,
    },
    /// The dataset's own files.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The operating system refused.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's own message.
        source: std::io::Error,
    },
    /// Something that should never happen, such as sums that do not agree.
    #[error("a fault in this program: {0}")]
    Internal(String),
}

impl IngestError {
    /// What the reader can do next, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Interrupted { .. } => Some("run the same command again to go on".to_owned()),
            Self::BadShare { .. } => Some("the last of N workers is `--rank N-1 --world N`".to_owned()),
            Self::Unfinished { .. } => Some(
                "run each worker to its end (`--rank R --world W`), or leave `--seal` out to do the rest here"
                    .to_owned(),
            ),
            Self::NothingToRetry { .. } => {
                Some("`idiom ingest` without `--retry-rejects` notices changed sources by itself".to_owned())
            }
            Self::UnknownPackage { .. } => {
                Some("add the package under `packages` in the pipeline file".to_owned())
            }
            Self::NoClient { program, .. } => Some(format!(
                "install Node.js, which brings `{}`, and run the same command again",
                program.display()
            )),
            Self::Fetch { .. } => {
                Some("check the network, and run the same command again".to_owned())
            }
            Self::Integrity { package, .. } => Some(format!(
                "if the change is meant, put the hash that `npm pack {package} --json` prints into the pipeline"
            )),
            Self::Hub { .. } => Some(
                "check the name, the network, and `HF_TOKEN` for a data set that asks for it; or fetch it by other means \
                 and name its folder as `local`"
                    .to_owned(),
            ),
            Self::Archive { path, .. } if path.extension().is_some_and(|end| end == "tgz") => {
                Some("delete the file; it is fetched again".to_owned())
            }
            Self::NotThere { field, key, .. } => Some(format!(
                "put it there, or say where it is, in the pipeline (its paths count from its own folder) or behind the command: \
                 `{field}.{key}=/elsewhere`"
            )),
            Self::NoRows { rejects, .. } => {
                Some(format!("each reason stands in `{}`", rejects.display()))
            }
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => Some(
                "free some space and run the same command again: it takes up where it stopped"
                    .to_owned(),
            ),
            Self::Dataset(error) => error.hint(),
            Self::Member { .. }
            | Self::Archive { .. }
            | Self::Table { .. }
            | Self::Phrases { .. }
            | Self::Io { .. }
            | Self::Internal(_) => None,
        }
    }

    /// The same, with the place in the pipeline where it is that a source's file or folder is not there.
    pub(crate) fn of_source(self, name: &str, source: &Source) -> Self {
        use std::io::ErrorKind::NotFound;
        let (kind, key) = match source.kind() {
            Some(kind @ Kind::Coco(_)) => (kind.name(), "annotations"),
            Some(kind @ Kind::Huggingface(_)) => (kind.name(), "local"),
            Some(kind) => (kind.name(), "path"),
            None => return self,
        };
        let not_there = |path| Self::NotThere {
            field: format!("sources.{name}.{kind}"),
            key,
            path,
        };
        match self {
            Self::Io { path, source } if source.kind() == NotFound => not_there(path),
            Self::Dataset(DatasetError::Io { path, source }) if source.kind() == NotFound => {
                not_there(path)
            }
            other => other,
        }
    }

    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "the names under `packages`, of which there are none".to_owned();
    }
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
