//! The sender thread of a live run: waits for work, sends it, and rests after a fault.
//!
//! While it rests it holds no lock, so `idiom sync` with a better token can send a live run's spool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Timing;
use crate::TrackingError;
use crate::backoff::Backoff;
use crate::clock::system_milliseconds;
use crate::delivery::{Delivery, Fault, Halt, Server};
use crate::shared::Shared;
use crate::spool::Folder;

/// How often a live run's ledger is told.
const LEDGER_EVERY: Duration = Duration::from_secs(10);

/// What the sender owns.
pub(crate) struct Sender {
    folder: Folder,
    server: Server,
    shared: Arc<Shared>,
    timing: Timing,
    backoff: Backoff,
    /// Whether the present trouble was already told, and of which kind it is.
    told: Option<Trouble>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Away,
    Refused,
    Spool,
}

impl Sender {
    pub(crate) fn new(folder: Folder, server: Server, shared: Arc<Shared>, timing: Timing) -> Self {
        let backoff = Backoff::new(&timing);
        Self {
            folder,
            server,
            shared,
            timing,
            backoff,
            told: None,
        }
    }

    /// Sends until the run has closed and all is sent, or until it is stopped.
    pub(crate) fn run(mut self) {
        while !self.shared.is_stopped() {
            let Err(halt) = self.session() else { break };
            self.tell(&halt);
            if self.shared.is_closing() && needs_a_person(&halt) {
                break;
            }
            let pause = self.pause(&halt);
            if self.shared.rest(pause) {
                self.backoff.reset();
            }
        }
        self.shared.sender_is_done();
    }

    /// Sends under the lock until the end, or until a fault.
    fn session(&mut self) -> Result<(), Halt> {
        let mut delivery = Delivery::open(&self.folder, &self.server).map_err(Halt::Spool)?;
        self.shared.delivered(delivery.cursor());
        let mut told_at = None;
        while let Some(end) = self.shared.wait_for_work(self.timing.flush_interval) {
            delivery.send_up_to(end, &mut |cursor| {
                self.shared.delivered(cursor);
                !self.shared.is_stopped()
            })?;
            self.shared.delivered(delivery.cursor());
            if told_at.is_none_or(|at: Instant| at.elapsed() >= LEDGER_EVERY) {
                delivery.tell_ledger(&self.shared.ledger(), system_milliseconds());
                told_at = Some(Instant::now());
            }
            self.backoff.reset();
            if self.told.take().is_some() {
                tracing::info!(
                    server = self.server.name(),
                    "the tracking server takes the run again"
                );
            }
        }
        if told_at.is_some() && !self.shared.is_stopped() {
            delivery.tell_ledger(&self.shared.ledger(), system_milliseconds());
        }
        Ok(())
    }

    fn pause(&mut self, halt: &Halt) -> Duration {
        match halt {
            Halt::Fault(Fault::Passing { retry_after, .. }) => self.backoff.next(*retry_after),
            // Found anew at the next try.
            Halt::Fault(Fault::Missing(_) | Fault::Exists) | Halt::Spool(_) => {
                self.backoff.next(None)
            }
            Halt::Fault(_) => self.timing.longest_backoff,
        }
    }

    /// Warns once for each row of troubles of one kind; the run itself is never disturbed.
    fn tell(&mut self, halt: &Halt) {
        let server = self.server.name();
        let (trouble, reason) = match halt {
            Halt::Fault(fault @ (Fault::Passing { .. } | Fault::Missing(_) | Fault::Exists)) => {
                (Trouble::Away, fault.reason().to_owned())
            }
            Halt::Fault(fault) => (Trouble::Refused, fault.reason().to_owned()),
            Halt::Spool(error) => (Trouble::Spool, error.to_string()),
        };
        if self.told.replace(trouble) == Some(trouble) {
            tracing::debug!(server, reason, "still not sent");
            return;
        }
        match (trouble, halt) {
            (Trouble::Away, _) => {
                tracing::warn!(
                    server,
                    reason,
                    "the tracking server is away; everything is kept and sent later"
                );
            }
            (Trouble::Refused, _) => {
                tracing::warn!(
                    server,
                    reason,
                    "the tracking server refuses this run; everything is kept"
                );
            }
            (Trouble::Spool, Halt::Spool(TrackingError::Held { .. })) => {
                tracing::info!(reason, "another process sends this run");
            }
            (Trouble::Spool, _) => tracing::warn!(reason, "the spool cannot be sent"),
        }
    }
}

/// Whether trying again soon is no use.
fn needs_a_person(halt: &Halt) -> bool {
    matches!(
        halt,
        Halt::Fault(Fault::Refused(_) | Fault::Blocked(_) | Fault::Strange(_))
    )
}
