//! The writer thread: channel -> file. It looks into the channel a hundred times a second instead of being woken,
//! because waking a thread costs the caller more than the whole of `log_metric` may.
//!
//! A full disk: records wait in memory, up to a bound, and are written when there is space again; what does not fit
//! is counted as dropped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::clock::Ties;
use crate::shared::Shared;
use crate::spool::{Appender, Entry, encode};

/// The longest an item stays in the channel while the disk keeps up; a killed process loses at most this.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// Bytes written at once while the disk keeps up.
const LARGEST_WRITE: usize = 1 << 20;
/// Bytes kept in memory while it does not.
const LARGEST_BACKLOG: usize = 64 << 20;

/// What the writer owns.
pub(crate) struct Writer {
    pub(crate) channel: Receiver<Entry>,
    pub(crate) appender: Appender,
    pub(crate) ties: Ties,
    pub(crate) shared: Arc<Shared>,
    pub(crate) fsync_interval: Duration,
}

/// Records that are encoded but not yet in the file.
#[derive(Default)]
struct Backlog {
    lines: Vec<u8>,
    records: u64,
}

impl Writer {
    /// Writes until the run closes and the channel is empty.
    pub(crate) fn run(mut self) {
        let mut backlog = Backlog::default();
        let mut last_sync = Instant::now();
        let mut unsynced = false;
        let mut disk_is_bad = false;
        loop {
            // Asked before the channel is drained: whoever closed the run has logged all there is.
            let closing = self.shared.is_closing();
            let drained = self.drain(
                &mut backlog,
                if disk_is_bad {
                    usize::MAX
                } else {
                    LARGEST_WRITE
                },
            );
            if backlog.records > 0 {
                let written = self.write(&mut backlog);
                disk_is_bad = self.judge(written, disk_is_bad);
                unsynced = true;
            }
            let is_over = closing && self.channel.is_empty();
            if unsynced && (is_over || last_sync.elapsed() >= self.fsync_interval) {
                disk_is_bad = self.judge(self.appender.sync(), disk_is_bad);
                (last_sync, unsynced) = (Instant::now(), false);
            }
            if is_over {
                break;
            }
            if drained == 0 || disk_is_bad {
                thread::park_timeout(LOOK_INTERVAL);
            }
        }
        self.shared
            .dropped
            .fetch_add(backlog.records, Ordering::Relaxed);
        self.shared.writer_is_done();
    }

    /// Moves items from the channel to the backlog until that holds `enough` bytes; returns how many.
    fn drain(&mut self, backlog: &mut Backlog, enough: usize) -> usize {
        let mut drained = 0;
        while backlog.lines.len() < enough {
            let Ok(mut entry) = self.channel.try_recv() else {
                break;
            };
            drained += 1;
            if let Entry::Metric(metric) = &mut entry {
                self.ties.part(metric);
            }
            backlog.push(&entry, &self.shared);
        }
        drained
    }

    fn write(&mut self, backlog: &mut Backlog) -> std::io::Result<()> {
        self.appender.append(&backlog.lines)?;
        self.shared.wrote(self.appender.length(), backlog.records);
        backlog.lines.clear();
        backlog.records = 0;
        Ok(())
    }

    /// Says once that the disk fails, and once that it works again.
    fn judge(&self, result: std::io::Result<()>, was_bad: bool) -> bool {
        match &result {
            Err(error) if !was_bad => {
                tracing::error!(%error, "the spool cannot be written; what is logged waits in memory");
            }
            Ok(()) if was_bad => tracing::warn!("the spool can be written again"),
            _ => {}
        }
        result.is_err()
    }
}

impl Backlog {
    fn push(&mut self, entry: &Entry, shared: &Shared) {
        let before = self.lines.len();
        if before < LARGEST_BACKLOG {
            encode(entry, &mut self.lines);
        }
        if self.lines.len() > before {
            self.records += 1;
        } else {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
