//! What the run's three threads (the caller's, the writer, the sender) tell each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use idiom_tracking_api::limits::MAX_ITEMS_PER_BATCH;
use parking_lot::{Condvar, Mutex};

use crate::Ledger;
use crate::delivery::LARGEST_BATCH_BYTES;
use crate::spool::Cursor;

/// Shared by the threads of one run.
#[derive(Default)]
pub(crate) struct Shared {
    /// Items logged, over all processes of the run.
    pub(crate) produced: AtomicU64,
    /// Items that never reached the spool.
    pub(crate) dropped: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Bytes of whole records in the log.
    written: u64,
    /// Records in it, without the header.
    spooled: u64,
    cursor: Cursor,
    phase: Phase,
    writer_is_done: bool,
    sender_is_done: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    #[default]
    Logging,
    /// Nothing more is logged; what is there is written and sent.
    Closing,
    /// Nothing more is sent.
    Stopped,
}

impl Shared {
    /// The state of a run whose log holds this many bytes and records.
    pub(crate) fn new(written: u64, spooled: u64) -> Self {
        let state = State {
            written,
            spooled,
            ..State::default()
        };
        Self {
            produced: AtomicU64::new(spooled),
            state: Mutex::new(state),
            ..Self::default()
        }
    }

    /// The writer reports how much is in the log.
    pub(crate) fn wrote(&self, written: u64, new_records: u64) {
        let mut state = self.state.lock();
        state.written = written;
        state.spooled += new_records;
        self.changed.notify_all();
    }

    /// The sender reports how far it got.
    pub(crate) fn delivered(&self, cursor: &Cursor) {
        self.state.lock().cursor.clone_from(cursor);
    }

    /// No more items: the writer ends when the channel is empty, the sender when all is sent.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.phase = state.phase.max(Phase::Closing);
        self.changed.notify_all();
    }

    /// The sender ends after the request it is in.
    pub(crate) fn stop(&self) {
        self.state.lock().phase = Phase::Stopped;
        self.changed.notify_all();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.state.lock().phase >= Phase::Closing
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().phase == Phase::Stopped
    }

    pub(crate) fn writer_is_done(&self) {
        self.state.lock().writer_is_done = true;
        self.changed.notify_all();
    }

    pub(crate) fn sender_is_done(&self) {
        self.state.lock().sender_is_done = true;
        self.changed.notify_all();
    }

    /// Waits until the sender has ended, or until the deadline.
    pub(crate) fn wait_for_sender(&self, deadline: Instant) {
        let mut state = self.state.lock();
        self.changed
            .wait_while_until(&mut state, |state| !state.sender_is_done, deadline);
    }

    /// Waits until the writer has ended, or until the deadline.
    pub(crate) fn wait_for_writer(&self, deadline: Instant) {
        let mut state = self.state.lock();
        self.changed
            .wait_while_until(&mut state, |state| !state.writer_is_done, deadline);
    }

    /// Waits until there is a batch's worth to send, or something older than `flush_interval`, or the end of the run.
    /// Returns up to where to send; none when the sender should end.
    pub(crate) fn wait_for_work(&self, flush_interval: Duration) -> Option<u64> {
        let mut due = None;
        let mut state = self.state.lock();
        loop {
            match state.work() {
                Work::Stop => return None,
                Work::Now => return Some(state.written),
                Work::Wait => self.changed.wait(&mut state),
                Work::Gather => {
                    let due = *due.get_or_insert_with(|| Instant::now() + flush_interval);
                    if self.changed.wait_until(&mut state, due).timed_out() {
                        return Some(state.written);
                    }
                }
            }
        }
    }

    /// Rests for `pause`; is woken (and answers true) when the run begins to close, for then a try is due at once.
    pub(crate) fn rest(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut state = self.state.lock();
        let phase = state.phase;
        !self
            .changed
            .wait_while_until(&mut state, |state| state.phase == phase, until)
            .timed_out()
    }

    pub(crate) fn run_id(&self) -> Option<String> {
        self.state.lock().cursor.run_id.clone()
    }

    /// Records in the log.
    pub(crate) fn spooled(&self) -> u64 {
        self.state.lock().spooled
    }

    pub(crate) fn ledger(&self) -> Ledger {
        let state = self.state.lock();
        let produced = self.produced.load(Ordering::Relaxed);
        let dropped = self.dropped.load(Ordering::Relaxed);
        let Cursor {
            delivered, dead, ..
        } = state.cursor;
        Ledger {
            produced,
            delivered,
            dead,
            dropped,
            pending: produced.saturating_sub(delivered + dead + dropped),
        }
    }
}

enum Work {
    Stop,
    Now,
    Gather,
    Wait,
}

impl State {
    fn work(&self) -> Work {
        let pending = self.written > self.cursor.offset || self.cursor.run_id.is_none();
        let records = self
            .spooled
            .saturating_sub(self.cursor.delivered + self.cursor.dead);
        let is_batch = records >= MAX_ITEMS_PER_BATCH as u64
            || self.written.saturating_sub(self.cursor.offset) >= LARGEST_BATCH_BYTES;
        match self.phase {
            Phase::Stopped => Work::Stop,
            Phase::Closing if self.writer_is_done => {
                if pending {
                    Work::Now
                } else {
                    Work::Stop
                }
            }
            Phase::Closing => Work::Wait,
            Phase::Logging if !pending => Work::Wait,
            Phase::Logging if is_batch => Work::Now,
            Phase::Logging => Work::Gather,
        }
    }
}
