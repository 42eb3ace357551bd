//! One call of this crate: locks, the question whether anything is to be done, staging, and what is written last.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use idiom_dataset::lock::FolderLock;
use idiom_dataset::{Manifest, commit};
use serde::{Deserialize, Serialize};

use crate::characters::Groups;
use crate::package::Registry;
use crate::phrases::PhraseBook;
use crate::plan::Plan;
use crate::preview::{self, Preview};
use crate::retry::{self, Sealed};
use crate::row::Recipe;
use crate::source::Places;
use crate::units::{self, Work};
use crate::{Event, IngestError, IngestRequest, Share, ShareSummary, Summary, plan, seal};

/// The registry's client that fetches packages.
const CLIENT: &str = "npm";
/// Folder of unfinished work, below the dataset.
const STAGING: &str = ".staging";
/// Says which pipeline and input the manifest stands for.
const CURRENT: &str = ".current.json";

/// A request, and what is known before any source is opened.
pub(crate) struct Job<'a> {
    pub(crate) request: &'a IngestRequest,
    pub(crate) on: &'a (dyn Fn(Event) + Sync),
    stop: &'a AtomicBool,
    registry: Registry<'a>,
    config_sha256: String,
    work_sha256: String,
}

/// What the folder's dataset was made of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
struct Current {
    work_sha256: String,
    manifest_sha256: String,
}

impl<'a> Job<'a> {
    pub(crate) fn new(
        request: &'a IngestRequest,
        on: &'a (dyn Fn(Event) + Sync),
        stop: &'a AtomicBool,
    ) -> Result<Self, IngestError> {
        let registry = Registry {
            folder: request.cache.clone(),
            client: Path::new(CLIENT),
            stop,
        };
        let mut job = Self {
            request,
            on,
            stop,
            registry,
            config_sha256: plan::config_sha256(&request.pipeline)?,
            work_sha256: String::new(),
        };
        job.work_sha256 = plan::work_sha256(&job.config_sha256, &job.places())?;
        Ok(job)
    }

    /// All units and the seal; goes on with a retry that was interrupted.
    pub(crate) fn whole(&self) -> Result<Summary, IngestError> {
        let _lock = FolderLock::take(self.out())?;
        if let Some(summary) = self.current() {
            return Ok(summary);
        }
        self.clear_other_staging()?;
        let sealed = retry::begun(&self.staging())?;
        self.finish(sealed)
    }

    /// One worker's units.
    pub(crate) fn share(&self, share: Share) -> Result<ShareSummary, IngestError> {
        let _lock = FolderLock::share(self.out(), &share.name())?;
        let mut summary = ShareSummary::default();
        if self.current().is_some() {
            return Ok(summary);
        }
        self.with_work(&self.plan()?, share, None, |work| {
            work.run()?;
            let own = work.own_units();
            summary.units = own.count();
            summary.units_total = work.plan.units.len();
            Ok(())
        })?;
        Ok(summary)
    }

    /// The dataset from units that are all there.
    pub(crate) fn seal(&self) -> Result<Summary, IngestError> {
        let _lock = FolderLock::take(self.out())?;
        if let Some(summary) = self.current() {
            return Ok(summary);
        }
        let mut plan = self.plan()?;
        plan.forget_items();
        let summary = self.with_work(&plan, Share::WHOLE, None, |work| {
            let missing: Vec<&str> = work
                .own_units()
                .filter(|(_, unit)| units::report(work.staging, unit).is_none())
                .map(|(_, unit)| unit.name.as_str())
                .collect();
            match missing.first() {
                None => seal::seal(work, self.out()),
                Some(first) => Err(IngestError::Unfinished {
                    missing: missing.len(),
                    total: work.plan.units.len(),
                    first: (*first).to_owned(),
                }),
            }
        })?;
        self.end(summary)
    }

    /// Reads again what was refused with `code`.
    pub(crate) fn retry(&self, code: &str) -> Result<Summary, IngestError> {
        let _lock = FolderLock::take(self.out())?;
        let staging = self.staging();
        if self.current().is_some() {
            // Whatever lies there belongs to work that has ended.
            remove_folder(&self.out().join(STAGING))?;
            let sealed = retry::begin(self.out(), &staging, code)?;
            return self.finish(Some(sealed));
        }
        if let Some(begun) = retry::begun(&staging)? {
            return self.finish(Some(begun));
        }
        if retry::forget(&staging, code)? == 0 {
            return Err(IngestError::NothingToRetry {
                code: code.to_owned(),
                reason: "the data set is not current, and no unfinished ingest has such a reject"
                    .to_owned(),
            });
        }
        self.finish(None)
    }

    pub(crate) fn preview(&self) -> Result<Preview, IngestError> {
        let places = self.places();
        let plan = plan::make(&places, self.on)?;
        let book = PhraseBook::new(&plan.phrases);
        let groups = Groups::new(&self.request.pipeline.subjects);
        let recipe = Recipe {
            pipeline: &self.request.pipeline,
            words: &plan.words,
            phrases: &book,
            groups: &groups,
            classes: &plan.classes,
        };
        preview::make(&plan, &places, &recipe)
    }

    fn finish(&self, sealed: Option<Sealed>) -> Result<Summary, IngestError> {
        let mut plan = self.plan()?;
        self.with_work(&plan, Share::WHOLE, sealed.as_ref(), |work| work.run())?;
        plan.forget_items();
        let summary = self.with_work(&plan, Share::WHOLE, sealed.as_ref(), |work| {
            seal::seal(work, self.out())
        })?;
        self.end(summary)
    }

    /// Notes what the manifest stands for; from now on the dataset is current.
    fn end(&self, summary: Summary) -> Result<Summary, IngestError> {
        let current = Current {
            work_sha256: self.work_sha256.clone(),
            manifest_sha256: summary.sha256.clone(),
        };
        let json = serde_json::to_vec(&current)
            .map_err(|error| IngestError::Internal(error.to_string()))?;
        commit::write(&self.out().join(CURRENT), &json)?;
        remove_folder(&self.out().join(STAGING))?;
        Ok(summary)
    }

    /// What will be done, and a folder for it.
    fn plan(&self) -> Result<Plan, IngestError> {
        let staging = self.staging();
        fs::create_dir_all(&staging).map_err(IngestError::io(&staging))?;
        plan::make(&self.places(), self.on)
    }

    fn with_work<T>(
        &self,
        plan: &Plan,
        share: Share,
        sealed: Option<&Sealed>,
        act: impl FnOnce(&Work<'_>) -> Result<T, IngestError>,
    ) -> Result<T, IngestError> {
        let (staging, places) = (self.staging(), self.places());
        let groups = Groups::new(&self.request.pipeline.subjects);
        let book = PhraseBook::new(&plan.phrases);
        let recipe = Recipe {
            pipeline: &self.request.pipeline,
            words: &plan.words,
            phrases: &book,
            groups: &groups,
            classes: &plan.classes,
        };
        act(&Work {
            plan,
            places: &places,
            recipe,
            staging: &staging,
            config_sha256: &self.config_sha256,
            threads: self.request.threads,
            share,
            sealed,
            on: self.on,
            stop: self.stop,
        })
    }

    fn places(&self) -> Places<'_> {
        Places {
            pipeline: &self.request.pipeline,
            base: self.request.pipeline_path.parent().unwrap_or(Path::new("")),
            registry: &self.registry,
            hub: &self.request.hub,
        }
    }

    fn out(&self) -> &Path {
        &self.request.out
    }

    /// The staging folder of this work.
    fn staging(&self) -> PathBuf {
        self.out().join(STAGING).join(&self.work_sha256[..16])
    }

    /// Throws away the staging files of any other work.
    fn clear_other_staging(&self) -> Result<(), IngestError> {
        let all = self.out().join(STAGING);
        if !all.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(&all).map_err(IngestError::io(&all))? {
            let path = entry.map_err(IngestError::io(&all))?.path();
            if path != self.staging() {
                remove_folder(&path)?;
            }
        }
        Ok(())
    }

    /// The summary of a dataset that was made of the same pipeline and input, and whose files are all there.
    fn current(&self) -> Option<Summary> {
        let out = self.out();
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
        let same = current.work_sha256 == self.work_sha256 && current.manifest_sha256 == sha256;
        (same && whole).then_some(Summary {
            skipped: true,
            counts: manifest.counts,
            sha256,
            rejects_by_code: Vec::new(),
            identical_pictures: 0,
        })
    }
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
