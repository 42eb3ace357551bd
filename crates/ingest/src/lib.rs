//! From sources to a dataset: pictures and words are read, cleaned, refused with a reason or made into rows, and sealed
//! into shards.
//!
//! The way of a run: [`ingest`] takes the folder's lock and asks whether the output is current; `plan` fetches packages,
//! lists the sources and cuts the work into units; `units` turns each unit into a staging file; `seal` merges these in
//! key order into the shards and commits the manifest. A run that was killed leaves committed units behind, and the next
//! one does the rest and ends with the same bytes.
//!
//! Not here: what a row is (`dataset`), pixels (`picture`), what a pipeline may say (`spec`).

mod archive;
mod characters;
mod compose;
mod draw;
mod error;
mod event;
mod fate;
mod fault;
mod package;
mod phrases;
mod plan;
mod row;
mod seal;
mod shards;
mod source;
mod split;
mod stats;
mod text;
mod units;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use idiom_dataset::lock::FolderLock;
use idiom_dataset::{Manifest, commit};
use idiom_spec::pipeline::Pipeline;
use serde::{Deserialize, Serialize};

pub use error::IngestError;
pub use event::{Event, Summary};

use characters::Groups;
use package::Registry;
use phrases::PhraseBook;
use row::Recipe;
use source::Places;
use units::Work;

/// The registry's client that fetches packages.
const CLIENT: &str = "npm";
/// Folder of unfinished work, below the dataset.
const STAGING: &str = ".staging";
/// Says which pipeline and input the manifest stands for.
const CURRENT: &str = ".current.json";

/// What to ingest, and where to.
#[derive(Debug, Clone)]
pub struct IngestRequest {
    /// The resolved pipeline.
    pub pipeline: Pipeline,
    /// Its file; paths in the pipeline are relative to its folder.
    pub pipeline_path: PathBuf,
    /// The dataset's folder.
    pub out: PathBuf,
    /// Folder where fetched packages are kept.
    pub cache: PathBuf,
    /// Threads that work on pictures; the output does not depend on it.
    pub threads: usize,
}

/// What the folder's dataset was made of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
struct Current {
    work_sha256: String,
    manifest_sha256: String,
}

/// Runs a pipeline, or does nothing where its output is current.
///
/// # Errors
/// [`IngestError::Interrupted`] where `stop` was set; otherwise what stands in the way, with a hint. Bad pictures and
/// captions are no errors, they become rejects.
pub fn ingest(
    request: &IngestRequest,
    on: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<Summary, IngestError> {
    let registry = Registry {
        folder: request.cache.clone(),
        client: Path::new(CLIENT),
        stop,
    };
    let base = request.pipeline_path.parent().unwrap_or(Path::new(""));
    let places = Places {
        pipeline: &request.pipeline,
        base,
        registry: &registry,
    };
    let config_sha256 = plan::config_sha256(&request.pipeline)?;
    let work_sha256 = plan::work_sha256(&config_sha256, &places)?;
    let _lock = FolderLock::take(&request.out)?;
    if let Some(summary) = current(&request.out, &work_sha256) {
        return Ok(summary);
    }
    let staging = staging(&request.out, &work_sha256)?;
    let plan = plan::make(&places, on)?;
    let groups = Groups::new(&request.pipeline.subjects);
    let book = PhraseBook::new(&plan.phrases);
    let recipe = Recipe {
        pipeline: &request.pipeline,
        words: &plan.words,
        phrases: &book,
        groups: &groups,
    };
    let work = Work {
        plan: &plan,
        places: &places,
        recipe,
        staging: &staging,
        config_sha256: &config_sha256,
        threads: request.threads,
        on,
        stop,
    };
    work.run()?;
    let summary = seal::seal(&work, &request.out)?;
    let current = Current {
        work_sha256,
        manifest_sha256: summary.sha256.clone(),
    };
    let json =
        serde_json::to_vec(&current).map_err(|error| IngestError::Internal(error.to_string()))?;
    commit::write(&request.out.join(CURRENT), &json)?;
    remove_folder(&request.out.join(STAGING))?;
    Ok(summary)
}

/// The summary of a dataset that was made of the same pipeline and input, and whose files are all there.
fn current(out: &Path, work_sha256: &str) -> Option<Summary> {
    let current: Current = serde_json::from_slice(&fs::read(out.join(CURRENT)).ok()?).ok()?;
    let (manifest, sha256) = Manifest::read(out).ok()?;
    let whole = manifest
        .shards
        .iter()
        .map(|shard| (&shard.path, shard.bytes))
        .chain(manifest.phrases.iter().map(|file| (&file.path, file.bytes)))
        .all(|(path, bytes)| {
            fs::metadata(out.join(path)).is_ok_and(|metadata| metadata.len() == bytes)
        });
    let same = current.work_sha256 == work_sha256 && current.manifest_sha256 == sha256;
    (same && whole).then_some(Summary {
        skipped: true,
        counts: manifest.counts,
        sha256,
        rejects_by_code: Vec::new(),
        identical_pictures: 0,
    })
}

/// The staging folder of this work; that of any other work is thrown away.
fn staging(out: &Path, work_sha256: &str) -> Result<PathBuf, IngestError> {
    let all = out.join(STAGING);
    let own = all.join(&work_sha256[..16]);
    if all.exists() {
        for entry in fs::read_dir(&all).map_err(IngestError::io(&all))? {
            let path = entry.map_err(IngestError::io(&all))?.path();
            if path != own {
                remove_folder(&path)?;
            }
        }
    }
    fs::create_dir_all(&own).map_err(IngestError::io(&own))?;
    Ok(own)
}

fn remove_folder(path: &Path) -> Result<(), IngestError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(IngestError::Io {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
