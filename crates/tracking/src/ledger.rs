//! The sums of a run: what was logged, and where it is now. They always agree: `produced` is the total of the rest.

use std::fmt;

/// How many logged items (points, params, tags, files, changes of status) are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Logged since the run's first start, over all its processes.
    pub produced: u64,
    /// Taken by the server.
    pub delivered: u64,
    /// In the spool, not yet delivered.
    pub pending: u64,
    /// Refused by the server or unreadable; kept in `dead.jsonl` with the reason.
    pub dead: u64,
    /// Lost by this process before they reached the spool: its disk stayed full or failed. Normally 0.
    pub dropped: u64,
}

impl Ledger {
    /// Whether the server has all that it can have.
    pub fn is_delivered(&self) -> bool {
        self.pending == 0
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            produced,
            delivered,
            pending,
            dead,
            dropped,
        } = self;
        write!(
            out,
            "{produced} logged: {delivered} delivered, {pending} pending, {dead} refused, {dropped} dropped"
        )
    }
}
