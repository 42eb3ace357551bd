//! What runs have left to send when their process ended before a server took it: `idiom serve` takes it up by itself.
//!
//! Every few seconds the runs are looked at; a log that has not grown since it was sent is not opened again. A run whose
//! beginning another server has is left to `idiom sync`, which is told where to send: half a run here would be no run.

use idiom_tracking::{ClientConfig, Leftover, TrackingError, leftover};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Between two looks at the runs.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The runs of a project, and the server that takes what they left.
pub(crate) struct Leftovers {
    runs: PathBuf,
    server: ClientConfig,
    /// Runs that are settled, with the length of their log at that time.
    settled: HashMap<PathBuf, u64>,
}

impl Leftovers {
    pub(crate) fn new(runs: PathBuf, server: ClientConfig) -> Self {
        Self {
            runs,
            server,
            settled: HashMap::new(),
        }
    }

    /// Looks and sends until told to stop; `say` gets a line for each run that was taken up.
    pub(crate) fn send_until(&mut self, stop: &AtomicBool, say: &dyn Fn(&str)) {
        let mut next = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            if Instant::now() >= next {
                self.send_all(stop, say);
                next = Instant::now() + LOOK_EVERY;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn send_all(&mut self, stop: &AtomicBool, say: &dyn Fn(&str)) {
        for run in spooled(&self.runs) {
            let Ok(length) = std::fs::metadata(run.join("spool/log")).map(|log| log.len()) else {
                continue;
            };
            if stop.load(Ordering::Relaxed) || self.settled.get(&run) == Some(&length) {
                continue;
            }
            match self.send(&run) {
                Ok(Sent::NotYet) => continue,
                Ok(Sent::Before) => {}
                Ok(Sent::Now(line)) => say(&line),
                Err(error) => tracing::warn!("{}: cannot be sent: {error}", run.display()),
            }
            self.settled.insert(run, length);
        }
    }

    fn send(&self, run: &Path) -> Result<Sent, TrackingError> {
        let spool = run.join("spool");
        let begun = match leftover(&spool)? {
            Leftover::Nothing => return Ok(Sent::Before),
            Leftover::Live => return Ok(Sent::NotYet),
            Leftover::Rest { run_id, .. } => run_id,
        };
        let name = run.file_name().unwrap_or_default().to_string_lossy();
        if begun.is_some_and(|run_id| self.is_anothers(&run_id)) {
            return Ok(Sent::Now(format!(
                "{name}: another server has its beginning; `MLFLOW_TRACKING_URI=... idiom sync {name}` sends the rest"
            )));
        }
        let ledger = idiom_tracking::sync(&spool, self.server.clone())?;
        Ok(Sent::Now(format!("took up {name}: {ledger}")))
    }

    /// Whether the run was begun on a server that is not this one.
    fn is_anothers(&self, run_id: &str) -> bool {
        let client = reqwest::blocking::Client::builder().no_proxy().build();
        let address = format!(
            "{}/api/2.0/mlflow/runs/get?run_id={run_id}",
            self.server.uri
        );
        let status = client.and_then(|client| client.get(address).send());
        status.is_ok_and(|answer| answer.status() == reqwest::StatusCode::NOT_FOUND)
    }
}

/// What came of sending a run.
enum Sent {
    /// Its own process still sends it.
    NotYet,
    /// All of it had been sent.
    Before,
    /// What there is to say of it.
    Now(String),
}

/// The runs that have a spool, by name.
pub(crate) fn spooled(runs: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let mut runs: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.join("spool").is_dir())
        .collect();
    runs.sort();
    runs
}
