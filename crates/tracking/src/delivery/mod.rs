//! Sending a spool, in order, from where the cursor stands. Used by the thread inside a run and by [`crate::sync`].
//!
//! Every request may be sent twice without harm, so nothing here remembers whether one half-arrived: after any fault
//! the parcel is simply sent again.

mod address;
mod batch;
mod fault;
mod parcel;
mod server;
mod target;
mod upload;

use std::io;

use idiom_tracking_api::{Done, KeyValue, LogBatch, RunStatus, UpdateRun, UpdateRunAnswer};

pub(crate) use fault::Fault;
pub(crate) use parcel::LARGEST_BATCH_BYTES;
use parcel::Parcels;
pub(crate) use server::Server;
use target::Target;

use crate::locks::Lock;
use crate::spool::{Cursor, DeadLetters, Entry, Folder, Header, Line, Reader, Status, read_header};
use crate::{Ledger, TrackingError};

/// The tag in which a run's ledger stands, for servers of ours.
const LEDGER_TAG: &str = "idiom.ledger";

/// Why sending stopped before the end.
pub(crate) enum Halt {
    /// The server.
    Fault(Fault),
    /// The spool, or somebody else sending it.
    Spool(TrackingError),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The right to send one spool, and how far it got.
pub(crate) struct Delivery<'a> {
    folder: &'a Folder,
    server: &'a Server,
    header: Header,
    /// Where the first record after the header begins.
    start: u64,
    cursor: Cursor,
    dead: DeadLetters,
    target: Option<Target>,
    /// Whether the server is one of ours, once asked.
    ours: Option<bool>,
    _lock: Lock,
}

impl<'a> Delivery<'a> {
    /// Takes the sender's lock and reads the cursor; asks the server nothing yet.
    pub(crate) fn open(folder: &'a Folder, server: &'a Server) -> Result<Self, TrackingError> {
        let (header, start) = read_header(folder)?;
        let lock = Lock::take(&folder.sender_lock(), "sent")?;
        let cursor =
            Cursor::read(folder, &header.uid).unwrap_or_else(|| Cursor::begin(&header.uid, start));
        let dead = DeadLetters::open(folder);
        Ok(Self {
            folder,
            server,
            header,
            start,
            cursor,
            dead,
            target: None,
            ours: None,
            _lock: lock,
        })
    }

    /// How far it got.
    pub(crate) fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Sends all records before byte `end`. `go_on` is asked after each request's worth of them.
    pub(crate) fn send_up_to(
        &mut self,
        end: u64,
        go_on: &mut dyn FnMut(&Cursor) -> bool,
    ) -> Result<(), Halt> {
        let target = self.find_run()?;
        let unreadable =
            |error: io::Error| Halt::Spool(TrackingError::io(&self.folder.log())(error));
        let reader =
            Reader::open(&self.folder.log(), self.cursor.offset, end).map_err(unreadable)?;
        let mut parcels = Parcels::new(reader);
        while let Some(parcel) = parcels.next_parcel().map_err(unreadable)? {
            let dead = self
                .send_parcel(&target, &parcel.lines)
                .inspect_err(|fault| self.doubt_run(fault))?;
            self.cursor.dead += dead;
            self.cursor.delivered += parcel.lines.len() as u64 - dead;
            self.cursor.offset = parcel.end().unwrap_or(self.cursor.offset);
            self.save_cursor();
            if !go_on(&self.cursor) {
                break;
            }
        }
        Ok(())
    }

    /// Says of a run whose process is gone, without a last word of its own, that it was ended.
    pub(crate) fn say_killed(&mut self, at: i64) -> Result<(), Halt> {
        let target = self.find_run()?;
        let status = Status {
            status: RunStatus::Killed,
            at,
        };
        Ok(self.update_status(&target, &status)?)
    }

    /// Tells a server of ours what the run logged and where that is, for the page of the run. A courtesy: a fault that
    /// comes up is met again by the next request.
    pub(crate) fn tell_ledger(&mut self, ledger: &Ledger, at: i64) {
        let told = self.try_to_tell(ledger, at);
        if let Err(fault) = told {
            tracing::debug!(reason = fault.reason(), "the ledger was not told");
        }
    }

    fn try_to_tell(&mut self, ledger: &Ledger, at: i64) -> Result<(), Fault> {
        if !self.is_ours()? {
            return Ok(());
        }
        let Ledger {
            produced,
            delivered,
            dead,
            dropped,
            ..
        } = ledger;
        let counts = format!(
            r#"{{"produced":{produced},"delivered":{delivered},"dead":{dead},"dropped":{dropped},"at":{at}}}"#
        );
        let batch = LogBatch {
            run_id: self.find_run()?.run_id,
            tags: vec![KeyValue::new(LEDGER_TAG, counts)],
            ..LogBatch::default()
        };
        self.server.post::<Done>("runs/log-batch", &batch).map(drop)
    }

    fn find_run(&mut self) -> Result<Target, Fault> {
        if let Some(target) = &self.target {
            return Ok(target.clone());
        }
        let known = self
            .cursor
            .run_id
            .clone()
            .map(|run_id| target::by_id(self.server, &run_id));
        let target = match known {
            Some(Err(Fault::Missing(_))) => {
                self.begin_anew();
                target::by_uid_or_new(self.server, &self.header)?
            }
            Some(known) => known?,
            None => target::by_uid_or_new(self.server, &self.header)?,
        };
        self.cursor.run_id = Some(target.run_id.clone());
        self.save_cursor();
        self.target = Some(target.clone());
        Ok(target)
    }

    /// The server lost the run (a new data base, another server): it gets all of it.
    fn begin_anew(&mut self) {
        tracing::warn!(
            server = self.server.name(),
            "the server does not know this run any more; sending all of it anew"
        );
        self.cursor = Cursor::begin(&self.header.uid, self.start);
        if let Err(error) = self.dead.clear() {
            tracing::debug!(%error, "old dead letters stay");
        }
    }

    fn doubt_run(&mut self, fault: &Fault) {
        if matches!(fault, Fault::Missing(_)) {
            self.target = None;
        }
    }

    /// A cursor that cannot be kept only makes the next sender repeat some requests.
    fn save_cursor(&self) {
        if let Err(error) = self.cursor.write(self.folder) {
            tracing::debug!(%error, "the cursor was not saved");
        }
    }

    /// Sends the records of one parcel; returns how many of them were refused.
    fn send_parcel(&mut self, target: &Target, lines: &[Line]) -> Result<u64, Fault> {
        match lines {
            [line] => match &line.entry {
                Ok(Entry::Artifact(artifact)) => {
                    let sent = self.upload(target, artifact);
                    self.settle_alone(line, sent)
                }
                Ok(Entry::Status(status)) => {
                    let sent = self.update_status(target, status);
                    self.settle_alone(line, sent)
                }
                _ => self.send_items(target, lines),
            },
            _ => self.send_items(target, lines),
        }
    }

    fn settle_alone(&mut self, line: &Line, sent: Result<(), Fault>) -> Result<u64, Fault> {
        match sent {
            Ok(()) => Ok(0),
            Err(Fault::Refused(reason)) => {
                self.bury(line, &reason);
                Ok(1)
            }
            Err(fault) => Err(fault),
        }
    }

    fn update_status(&self, target: &Target, status: &Status) -> Result<(), Fault> {
        let message = UpdateRun {
            run_id: target.run_id.clone(),
            status: Some(status.status),
            end_time: status.is_over().then_some(status.at),
            ..UpdateRun::default()
        };
        self.server
            .post::<UpdateRunAnswer>("runs/update", &message)
            .map(drop)
    }

    fn bury(&mut self, line: &Line, reason: &str) {
        tracing::warn!(
            offset = line.start,
            reason,
            "an item was refused; it is kept in dead.jsonl"
        );
        if let Err(error) = self.dead.add(line.start, line.entry.as_ref().ok(), reason) {
            tracing::warn!(%error, "dead.jsonl cannot be written");
        }
    }
}
