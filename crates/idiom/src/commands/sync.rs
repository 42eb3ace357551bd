//! `idiom sync`: what runs have spooled and no server has taken yet goes to one now.

use super::Session;
use crate::arguments::Sync;
use crate::failure::Failure;
use crate::tracker::Tracker;
use idiom_tracking::TrackingError;
use std::path::PathBuf;

impl Session {
    pub(super) fn sync(&self, arguments: &Sync) -> Result<String, Failure> {
        let runs = match &arguments.run {
            Some(name) => vec![self.home.run(name)?],
            None => self.spooled_runs(),
        };
        let tracker = Tracker::find(&self.home)?;
        self.screen.say(&tracker.described);
        let mut lines = Vec::new();
        for run in runs {
            let sent = idiom_tracking::sync(&run.join("spool"), tracker.config.clone());
            let ledger = match sent {
                // A run that is going on sends its own; it is no reason to leave the others.
                Err(held @ TrackingError::Held { .. }) if arguments.run.is_none() => {
                    lines.push(held.to_string());
                    continue;
                }
                sent => sent?,
            };
            let name = run
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            lines.push(format!("{name}: {ledger}"));
        }
        if lines.is_empty() {
            lines.push("no run has anything to send".into());
        }
        Ok(lines.join("\n"))
    }

    fn spooled_runs(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.home.runs())
            .into_iter()
            .flatten()
            .flatten();
        let mut runs: Vec<PathBuf> = entries
            .map(|e| e.path())
            .filter(|p| p.join("spool").is_dir())
            .collect();
        runs.sort();
        runs
    }
}
