//! A run as the training loop sees it: calls that copy and return.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crossbeam_channel::{TrySendError, bounded};
use idiom_tracking_api::images::{ImageName, LOGGED_IMAGES_TAG, is_image_key};
use idiom_tracking_api::{KeyValue, Metric, RunStatus};
use uuid::Uuid;

use crate::clock::Clock;
use crate::delivery::Server;
use crate::locks::Lock;
use crate::pauses::PAUSES_TAG;
use crate::sender::Sender;
use crate::shared::Shared;
use crate::spool::{self, Artifact, Cursor, Entry, Folder, Header, LAYOUT, Recovered, Status};
use crate::writer::Writer;
use crate::{ClientConfig, Ledger, RunSpec, TrackingError};

/// Items between the caller and the writer. The writer empties it every 10 ms, so it fills only at more than a million
/// items a second, or while the disk hangs.
const CHANNEL_ITEMS: usize = 16_384;
/// How long a caller waits at a full channel before its item is dropped and counted. Brief: a disk that hangs must not
/// stop the training; long: a writer that is merely behind loses nothing.
const FULL_CHANNEL_PATIENCE: Duration = Duration::from_millis(100);

/// How long a dropped run waits for its last items to be in the file.
const LAST_WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// A run that is being logged. All `log_*` calls copy into memory and return; none does I/O, none fails.
///
/// Dropping it without [`Run::finish`] keeps the spool whole and leaves the run's status as it is.
pub struct Run {
    channel: crossbeam_channel::Sender<Entry>,
    clock: Clock,
    folder: Folder,
    shared: Arc<Shared>,
    writer: Thread,
    has_images: AtomicBool,
    /// Whether this process wrote the spool's first record.
    is_new: bool,
    _lock: Lock,
}

/// What is said of the status of a run that is taken up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TakenUp {
    /// It goes on.
    Running,
    /// Nothing: it stays as it ended, and keeps the time it ended at.
    AsItIs,
}

impl Run {
    /// Begins a run in `spool_dir`, or goes on with the run whose spool is there already (then only the tags of `spec`
    /// and params not yet known are added). Reads and writes the spool; speaks to no server on this thread.
    ///
    /// # Errors
    /// When the spool cannot be made or is damaged, another process writes it, or the address is not a server's.
    pub fn start(
        spool_dir: &Path,
        config: ClientConfig,
        spec: &RunSpec,
    ) -> Result<Self, TrackingError> {
        Self::take(spool_dir, config, spec, TakenUp::Running)
    }

    /// As [`Run::start`], but a run that is there keeps its status and the time it ended: for what is found out about
    /// it afterwards, which must not count as its duration. End with [`Run::leave`].
    ///
    /// # Errors
    /// As [`Run::start`].
    pub fn add_to(
        spool_dir: &Path,
        config: ClientConfig,
        spec: &RunSpec,
    ) -> Result<Self, TrackingError> {
        Self::take(spool_dir, config, spec, TakenUp::AsItIs)
    }

    fn take(
        spool_dir: &Path,
        config: ClientConfig,
        spec: &RunSpec,
        taken_up: TakenUp,
    ) -> Result<Self, TrackingError> {
        let folder = Folder::new(spool_dir);
        fs::create_dir_all(folder.path()).map_err(TrackingError::io(folder.path()))?;
        let lock = Lock::take(&folder.writer_lock(), "written")?;
        let server = Server::new(&config)?;
        let recovered = spool::recover(&folder, new_header(spec))?;
        distrust_cursor(&folder, &recovered);
        let shared = Arc::new(Shared::new(recovered.appender.length(), recovered.entries));
        let clock = Clock::new(recovered.latest);
        let (channel, receiver) = bounded(CHANNEL_ITEMS);
        let is_new = recovered.entries == 0;
        let at = (taken_up == TakenUp::Running && !is_new).then(|| clock.now());
        let first = first_entries(spec, &recovered, at);
        let writer = Writer {
            channel: receiver,
            appender: recovered.appender,
            ties: recovered.ties,
            shared: Arc::clone(&shared),
            fsync_interval: config.timing.fsync_interval,
        };
        let sender = Sender::new(folder.clone(), server, Arc::clone(&shared), config.timing);
        let writer = spawn("tracking-writer", &folder, || writer.run())?;
        let run = Self {
            channel,
            clock,
            folder,
            shared,
            writer,
            has_images: AtomicBool::new(false),
            is_new,
            _lock: lock,
        };
        spawn("tracking-sender", &run.folder, || sender.run())?;
        first.into_iter().for_each(|entry| run.push(entry));
        Ok(run)
    }

    /// Logs one point of a curve. NaN and infinities are kept.
    pub fn log_metric(&self, key: &str, value: f64, step: i64) {
        let timestamp = self.clock.now();
        self.push(Entry::Metric(Metric {
            key: key.to_owned(),
            value,
            timestamp,
            step,
            ..Metric::default()
        }));
    }

    /// Logs what the run was started with; a second, other value for a key is refused by the server.
    pub fn log_param(&self, key: &str, value: &str) {
        self.push(Entry::Param(KeyValue::new(key, value)));
    }

    /// Sets a note; the last value counts.
    pub fn set_tag(&self, key: &str, value: &str) {
        self.push(Entry::Tag(KeyValue::new(key, value)));
    }

    /// Keeps a file, or a folder with all that is in it, among the run's artifacts in `folder` (empty: at the top).
    /// It is named here and read when it is sent: leave it in place and unchanged.
    pub fn log_artifact(&self, file: &Path, folder: &str) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let path = match folder.trim_matches('/') {
            "" => name.into_owned(),
            folder => format!("{folder}/{name}"),
        };
        self.push(Entry::Artifact(Artifact {
            file: self.folder.name(file),
            path,
            thumbnail: None,
        }));
    }

    /// Keeps a picture of the series `key` at `step`, named as MLflow names logged pictures, so that its pages show it
    /// too. In the key, characters that MLflow does not allow become `_`. As with [`Run::log_artifact`], leave the
    /// file in place.
    pub fn log_image(&self, key: &str, step: i64, file: &Path) {
        let name = ImageName {
            key: image_key(key),
            step,
            timestamp: self.clock.now(),
            uuid: Uuid::new_v4().to_string(),
            compressed: false,
            extension: file
                .extension()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
        };
        let path = name.artifact_path();
        let thumbnail = ImageName {
            compressed: true,
            ..name
        }
        .artifact_path();
        self.push(Entry::Artifact(Artifact {
            file: self.folder.name(file),
            path,
            thumbnail: Some(thumbnail),
        }));
        if !self.has_images.swap(true, Ordering::Relaxed) {
            self.set_tag(LOGGED_IMAGES_TAG, "True");
        }
    }

    /// The run's id on the server, once the server has answered.
    pub fn run_id(&self) -> Option<String> {
        self.shared.run_id()
    }

    /// The sums so far.
    pub fn ledger(&self) -> Ledger {
        self.shared.ledger()
    }

    /// How many items are in the spool's file; from then on they outlive this process.
    pub fn spooled(&self) -> u64 {
        self.shared.spooled()
    }

    /// Ends the run: writes all that is logged to the spool and sends it for at most `deadline`. What is pending after
    /// that stays in the spool for [`crate::sync`].
    pub fn finish(self, status: RunStatus, deadline: Duration) -> Ledger {
        self.push(Entry::Status(Status {
            status,
            at: self.clock.now(),
        }));
        self.send_for(deadline)
    }

    /// As [`Run::finish`], with no word on the run's status; only a run that [`Run::add_to`] had to make is finished.
    pub fn leave(self, deadline: Duration) -> Ledger {
        if self.is_new {
            return self.finish(RunStatus::Finished, deadline);
        }
        self.send_for(deadline)
    }

    fn send_for(self, deadline: Duration) -> Ledger {
        let deadline = Instant::now() + deadline;
        self.close();
        self.shared.wait_for_sender(deadline);
        self.shared.stop();
        self.shared.ledger()
    }

    fn push(&self, entry: Entry) {
        self.shared.produced.fetch_add(1, Ordering::Relaxed);
        match self.channel.try_send(entry) {
            // Wakes the writer only when it is behind: a wake-up costs more than all the rest.
            Ok(()) if self.channel.len() < CHANNEL_ITEMS / 2 => {}
            Ok(()) => self.writer.unpark(),
            Err(TrySendError::Full(entry)) => {
                self.writer.unpark();
                if self
                    .channel
                    .send_timeout(entry, FULL_CHANNEL_PATIENCE)
                    .is_err()
                {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(TrySendError::Disconnected(_)) => {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn close(&self) {
        self.shared.close();
        self.writer.unpark();
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.close();
        self.shared
            .wait_for_writer(Instant::now() + LAST_WRITE_PATIENCE);
        self.shared.stop();
    }
}

fn new_header(spec: &RunSpec) -> Header {
    Header {
        layout: LAYOUT,
        uid: Uuid::new_v4().simple().to_string(),
        experiment: spec.experiment.clone(),
        run_name: spec.run_name.clone(),
        start_time: Clock::new(0).now(),
    }
}

/// What the run begins, or is taken up, with; `running_at` is when it went on after a pause.
fn first_entries(spec: &RunSpec, recovered: &Recovered, running_at: Option<i64>) -> Vec<Entry> {
    if recovered.cut > 0 {
        tracing::warn!(
            bytes = recovered.cut,
            "the last record of the spool was torn and is cut off"
        );
    }
    let running = |at| {
        Entry::Status(Status {
            status: RunStatus::Running,
            at,
        })
    };
    let pause = |at| {
        let pauses = recovered.pauses.clone().and(recovered.stopped(), at);
        Entry::Tag(KeyValue::new(PAUSES_TAG, pauses))
    };
    let mut entries: Vec<Entry> = running_at
        .into_iter()
        .flat_map(|at| [running(at), pause(at)])
        .collect();
    for (key, value) in &spec.params {
        match recovered.params.get(key) {
            None => entries.push(Entry::Param(KeyValue::new(key, value))),
            Some(known) if known == value => {}
            Some(known) => tracing::warn!(
                key,
                known,
                value,
                "a param keeps the value of the run's first start"
            ),
        }
    }
    entries.extend(
        spec.tags
            .iter()
            .map(|(key, value)| Entry::Tag(KeyValue::new(key, value))),
    );
    entries
}

/// After a power cut the log can end before what was sent from it; then all is sent anew.
fn distrust_cursor(folder: &Folder, recovered: &Recovered) {
    if Cursor::read(folder, &recovered.header.uid).is_none() {
        // Absent, or not usable: either way there is none now.
        let _ = fs::remove_file(folder.cursor());
    }
}

fn image_key(key: &str) -> String {
    if is_image_key(key) {
        return key.to_owned();
    }
    let allowed = |character: char| is_image_key(character.encode_utf8(&mut [0; 4]));
    let cleaned: String = key
        .chars()
        .map(|character| if allowed(character) { character } else { '_' })
        .collect();
    if cleaned.is_empty() {
        "_".to_owned()
    } else {
        cleaned
    }
}

fn spawn(
    name: &str,
    folder: &Folder,
    work: impl FnOnce() + Send + 'static,
) -> Result<Thread, TrackingError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread
        .map(|handle| handle.thread().clone())
        .map_err(TrackingError::io(folder.path()))
}
