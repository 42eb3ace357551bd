//! `idiom sync`: what runs have spooled and no server has taken yet goes to one now.

use super::Session;
use crate::arguments::Sync;
use crate::failure::Failure;
use crate::leftovers::spooled;
use crate::tracker::Tracker;
use idiom_tracking::TrackingError;

impl Session {
    pub(super) fn sync(&self, arguments: &Sync) -> Result<String, Failure> {
        let runs = match &arguments.run {
            Some(name) => vec![self.home.run(name)?],
            None => spooled(&self.home.runs()),
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
}
