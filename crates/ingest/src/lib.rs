//! From sources to a dataset: pictures and words are read, cleaned, refused with a reason or made into rows, and sealed
//! into shards.
//!
//! The way of a run: [`ingest`] takes the folder's lock and asks whether the output is current; `plan` fetches packages,
//! lists the sources and cuts the work into units; `units` turns each unit into a staging file; `seal` merges these in
//! key order into the shards and commits the manifest. A run that was killed leaves committed units behind, and the next
//! one does the rest and ends with the same bytes. Several processes, on one machine or many, may each do a share of the
//! units ([`ingest_share`]); then [`seal`] ends the work, with the same bytes for any number of them.
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
mod filter;
mod job;
mod package;
mod phrases;
mod plan;
mod preview;
mod report;
mod retry;
mod row;
mod seal;
mod shards;
mod share;
mod similar;
mod source;
mod split;
mod stats;
mod templates;
mod text;
mod thumbnails;
mod units;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use idiom_spec::pipeline::Pipeline;

pub use error::IngestError;
pub use event::{Event, ShareSummary, Summary};
pub use preview::{Preview, Sample, SourcePreview};
pub use report::report;
pub use share::Share;

use job::Job;

/// The revision of this code, as far as it decides the bytes of a dataset.
///
/// It is a part of the hash by which [`ingest`] tells whether a dataset is current. Raise it by one with every change
/// after which the same pipeline and the same input give other bytes in shards, phrases, rejects, statistics or card:
/// another filter of a resize, another order of captions, another word in `transform`, a codec's new version that packs
/// otherwise. People's data sets are then made anew by the next `idiom ingest`; with the old number they would silently
/// stay as the old code left them. Do not raise it for what leaves the bytes alone (speed, messages, new kinds of source).
/// A test holds the bytes of a small dataset against this number, so a change that was not meant is seen.
pub const REVISION: u32 = 5;

/// The same for data sets whose pictures are stored as JPEG; those that are not stay as they are when the JPEG encoder changes.
pub const JPEG_REVISION: u32 = 2;

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
    /// How the hub of data sets is reached.
    pub hub: Hub,
}

/// How the hub of data sets is reached, for sources that name one there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hub {
    /// Its address; the hub library's own default where there is none.
    pub endpoint: Option<String>,
    /// The folder of its cache; the hub library's own default where there is none.
    pub cache: Option<PathBuf>,
    /// A token for data sets that need one.
    pub token: Option<String>,
    /// Whether only the cache may be used.
    pub offline: bool,
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
    Job::new(request, on, stop)?.whole()
}

/// Does the units of one of several workers, which may run at the same time; nothing is sealed.
///
/// # Errors
/// As [`ingest`], and where a single writer or the same worker is already at work.
pub fn ingest_share(
    request: &IngestRequest,
    share: Share,
    on: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<ShareSummary, IngestError> {
    Job::new(request, on, stop)?.share(share)
}

/// Makes the dataset from the units that the workers left.
///
/// # Errors
/// As [`ingest`], and [`IngestError::Unfinished`] where units are missing.
pub fn seal(
    request: &IngestRequest,
    on: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<Summary, IngestError> {
    Job::new(request, on, stop)?.seal()
}

/// Reads again what was refused with `code`, and makes the dataset anew with what can be read now; all other rows are
/// taken over as they are.
///
/// # Errors
/// As [`ingest`], and [`IngestError::NothingToRetry`].
pub fn retry_rejects(
    request: &IngestRequest,
    code: &str,
    on: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<Summary, IngestError> {
    Job::new(request, on, stop)?.retry(code)
}

/// What a pipeline would read: kinds, counts, samples and problems. Writes nothing but fetched packages into the cache.
///
/// # Errors
/// As [`ingest`].
pub fn preview(
    request: &IngestRequest,
    on: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<Preview, IngestError> {
    Job::new(request, on, stop)?.preview()
}

/// Removes a file; one that is not there is fine.
fn remove(path: &Path) -> Result<(), IngestError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(IngestError::Io {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
