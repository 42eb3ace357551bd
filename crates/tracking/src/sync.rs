//! Sending what a run left behind, from another process: `idiom sync`.
//!
//! The log is only read. That works on a live run, too, while its own sender rests after a fault; else the lock says
//! who sends. A run whose process is gone without a last word is said to be `KILLED`; taken up again, it is `RUNNING`.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::clock::system_milliseconds;
use crate::delivery::{Delivery, Fault, Halt, Server};
use crate::locks::Lock;
use crate::spool::{self, Cursor, Folder, Reader};
use crate::{ClientConfig, Ledger, TrackingError};

/// Sends all that the spool holds now. Blocks; not to be called from asynchronous code.
///
/// # Errors
/// When the folder is no spool, another process sends it, the server stays away for `timing.sync_patience` without
/// any progress, or the server refuses the run.
pub fn sync(spool_dir: &Path, config: ClientConfig) -> Result<Ledger, TrackingError> {
    let folder = Folder::new(spool_dir);
    let server = Server::new(&config)?;
    let mut delivery = Delivery::open(&folder, &server)?;
    let log = folder.log();
    let end = fs::metadata(&log).map_err(TrackingError::io(&log))?.len();
    let mut backoff = Backoff::new(&config.timing);
    let mut patience_ends = Instant::now() + config.timing.sync_patience;
    loop {
        let before = delivery.cursor().offset;
        let sent = delivery
            .send_up_to(end, &mut |_| true)
            .and_then(|()| close_if_abandoned(&folder, &mut delivery));
        let Err(halt) = sent else {
            let ledger = ledger(&folder, delivery.cursor())?;
            delivery.tell_ledger(&ledger, system_milliseconds());
            return Ok(ledger);
        };
        if delivery.cursor().offset != before {
            backoff.reset();
            patience_ends = Instant::now() + config.timing.sync_patience;
        }
        let pause = pause_after(halt, &mut backoff, patience_ends);
        match pause {
            Ok(pause) => thread::sleep(pause),
            Err(halt) => return Err(failure(halt, &server, ledger(&folder, delivery.cursor())?)),
        }
    }
}

fn close_if_abandoned(folder: &Folder, delivery: &mut Delivery<'_>) -> Result<(), Halt> {
    // Held by a live run, which speaks for itself. One that is taken up right after this look says `RUNNING`, but
    // cannot send that before we give the sender's lock back.
    if Lock::take(&folder.writer_lock(), "written").is_err() {
        return Ok(());
    }
    match spool::open_since(folder).map_err(Halt::Spool)? {
        Some(at) => delivery.say_killed(at),
        None => Ok(()),
    }
}

/// How long to wait before the next try, or the fault when there will be none.
fn pause_after(
    halt: Halt,
    backoff: &mut Backoff,
    patience_ends: Instant,
) -> Result<Duration, Halt> {
    let pause = match &halt {
        Halt::Fault(Fault::Passing { retry_after, .. }) => backoff.next(*retry_after),
        Halt::Fault(Fault::Missing(_) | Fault::Exists) => backoff.next(None),
        Halt::Fault(_) | Halt::Spool(_) => return Err(halt),
    };
    if Instant::now() + pause > patience_ends {
        Err(halt)
    } else {
        Ok(pause)
    }
}

fn failure(halt: Halt, server: &Server, ledger: Ledger) -> TrackingError {
    let uri = server.name();
    match halt {
        Halt::Spool(error) => error,
        Halt::Fault(fault @ (Fault::Refused(_) | Fault::Blocked(_) | Fault::Strange(_))) => {
            TrackingError::Refused {
                uri,
                reason: fault.reason().to_owned(),
                ledger,
            }
        }
        Halt::Fault(fault) => TrackingError::Away {
            uri,
            reason: fault.reason().to_owned(),
            ledger,
        },
    }
}

/// The sums by the cursor and what stands after it.
fn ledger(folder: &Folder, cursor: &Cursor) -> Result<Ledger, TrackingError> {
    let log = folder.log();
    let error = |source| TrackingError::io(&log)(source);
    let mut rest = Reader::open(&log, cursor.offset, u64::MAX).map_err(error)?;
    let mut pending = 0;
    while rest.next_line().map_err(error)?.is_some() {
        pending += 1;
    }
    let Cursor {
        delivered, dead, ..
    } = *cursor;
    Ok(Ledger {
        produced: delivered + dead + pending,
        delivered,
        pending,
        dead,
        dropped: 0,
    })
}
