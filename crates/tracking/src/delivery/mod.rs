//! Sending a spool, in order, from where the cursor stands. Used by the thread inside a run and by [`crate::sync`].
//!
//! Every request may be sent twice without harm, so nothing here remembers whether one half-arrived: after any fault
//! the parcel is simply sent again.

mod fault;
mod parcel;
mod server;
mod target;
mod upload;

use std::io;

use idiom_tracking_api::limits::{self, MAX_PARAM_CHARS, MAX_TAG_CHARS};
use idiom_tracking_api::{
    ApiError, Done, KeyValue, LogBatch, RunStatus, UpdateRun, UpdateRunAnswer,
};

pub(crate) use fault::Fault;
pub(crate) use parcel::LARGEST_BATCH_BYTES;
use parcel::Parcels;
pub(crate) use server::Server;
use target::Target;

use crate::TrackingError;
use crate::locks::Lock;
use crate::spool::{Cursor, DeadLetters, Entry, Folder, Header, Line, Reader, Status, read_header};

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
        let over = !matches!(status.status, RunStatus::Running | RunStatus::Scheduled);
        let message = UpdateRun {
            run_id: target.run_id.clone(),
            status: Some(status.status),
            end_time: over.then_some(status.at),
            ..UpdateRun::default()
        };
        self.server
            .post::<UpdateRunAnswer>("runs/update", &message)
            .map(drop)
    }

    /// First what we can judge ourselves, then the rest as one batch.
    fn send_items(&mut self, target: &Target, lines: &[Line]) -> Result<u64, Fault> {
        let mut sound = Vec::with_capacity(lines.len());
        let mut dead = 0;
        for line in lines {
            match judge(line) {
                Ok(()) => sound.push(line),
                Err(reason) => {
                    self.bury(line, &reason);
                    dead += 1;
                }
            }
        }
        if sound.is_empty() {
            return Ok(dead);
        }
        match self.send_batch(target, &sound) {
            Err(Fault::Refused(reason)) => {
                // A deleted run refuses everything; that is no reason to bury it.
                target::by_id(self.server, &target.run_id)?;
                Ok(dead + self.send_halves(target, &sound, &reason)?)
            }
            sent => sent.map(|()| dead),
        }
    }

    /// A refused batch is halved until the refused items stand alone; all others are sent.
    fn send_halves(
        &mut self,
        target: &Target,
        lines: &[&Line],
        reason: &str,
    ) -> Result<u64, Fault> {
        if let [line] = lines {
            self.bury(line, reason);
            return Ok(1);
        }
        let mut dead = 0;
        let (first, second) = lines.split_at(lines.len() / 2);
        for half in [first, second] {
            match self.send_batch(target, half) {
                Ok(()) => {}
                Err(Fault::Refused(reason)) => dead += self.send_halves(target, half, &reason)?,
                Err(fault) => return Err(fault),
            }
        }
        Ok(dead)
    }

    fn send_batch(&self, target: &Target, lines: &[&Line]) -> Result<(), Fault> {
        self.server
            .post::<Done>("runs/log-batch", &batch(&target.run_id, lines))
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

/// Whether the record can be sent at all, by MLflow's own rules.
fn judge(line: &Line) -> Result<(), String> {
    let message = |error: ApiError| error.message;
    match line
        .entry
        .as_ref()
        .map_err(|reason| format!("the record is damaged: {reason}"))?
    {
        Entry::Metric(metric) => limits::check_metric(metric, "").map_err(message),
        Entry::Param(param) => limits::check_key(&param.key, "key", "Param key").map_err(message),
        Entry::Tag(tag) => limits::check_tag_key(&tag.key, "key").map_err(message),
        Entry::Artifact(_) | Entry::Status(_) => Ok(()),
    }
}

/// The records as one message. Of a tag given twice, the last one counts.
fn batch(run_id: &str, lines: &[&Line]) -> LogBatch {
    let mut batch = LogBatch {
        run_id: run_id.to_owned(),
        ..LogBatch::default()
    };
    for entry in lines.iter().filter_map(|line| line.entry.as_ref().ok()) {
        match entry {
            Entry::Metric(metric) => batch.metrics.push(metric.clone()),
            Entry::Param(param) => batch.params.push(cut(param, MAX_PARAM_CHARS)),
            Entry::Tag(tag) => {
                batch.tags.retain(|earlier| earlier.key != tag.key);
                batch.tags.push(cut(tag, MAX_TAG_CHARS));
            }
            Entry::Artifact(_) | Entry::Status(_) => {}
        }
    }
    batch
}

/// The pair with its value cut to what the server keeps; it would cut it too, but silently.
fn cut(pair: &KeyValue, limit: usize) -> KeyValue {
    let (value, is_cut) = limits::cut(&pair.value, limit);
    if is_cut {
        tracing::warn!(
            key = pair.key,
            limit,
            "a value is too long for the server and was cut; the spool has all of it"
        );
    }
    KeyValue::new(&pair.key, value)
}
