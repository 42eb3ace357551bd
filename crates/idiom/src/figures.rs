//! Between the loop and the tracking client: passes everything on and remembers the last of each figure.
//!
//! At the end they are kept beside the run, so that `idiom runs` needs no server.

use crate::failure::Failure;
use crate::records::FIGURES;
use idiom_tracking::{Ledger, Run, RunStatus};
use idiom_train::{Sink, Summary};
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A sink that remembers.
pub(crate) struct Figures {
    run: Run,
    last: Mutex<Map<String, Value>>,
}

impl Figures {
    pub(crate) fn new(run: Run) -> Self {
        Self {
            run,
            last: Mutex::default(),
        }
    }

    /// Writes the last figures into the run's folder.
    pub(crate) fn keep(&self, seed: u64, summary: &Summary) -> Result<(), Failure> {
        let mut record = self
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        record.insert("seed".into(), seed.into());
        record.insert("images".into(), summary.images_seen.into());
        record.insert("images_per_second".into(), summary.images_per_second.into());
        let path = summary.folder.join(FIGURES);
        let part = path.with_extension("part");
        let written = std::fs::write(&part, Value::Object(record).to_string());
        let kept = written.and_then(|()| std::fs::rename(&part, &path));
        kept.map_err(|e| {
            Failure::new(
                format!("{}: {e}", path.display()),
                "free some space; the run itself is whole",
            )
        })
    }

    /// Ends the run on the server.
    pub(crate) fn finish(self, status: RunStatus, deadline: Duration) -> Ledger {
        self.run.finish(status, deadline)
    }
}

impl Sink for Figures {
    fn metric(&self, key: &str, value: f64, images_seen: i64) {
        // JSON has no NaN; a figure that is none is left out.
        if let Some(number) = serde_json::Number::from_f64(value) {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            last.insert(key.to_owned(), Value::Number(number));
        }
        self.run.log_metric(key, value, images_seen);
    }

    fn image(&self, key: &str, images_seen: i64, file: &Path) {
        self.run.log_image(key, images_seen, file);
    }

    fn artifact(&self, file: &Path, folder: &str) {
        self.run.log_artifact(file, folder);
    }

    fn param(&self, key: &str, value: &str) {
        self.run.log_param(key, value);
    }

    fn tag(&self, key: &str, value: &str) {
        self.run.set_tag(key, value);
    }
}
