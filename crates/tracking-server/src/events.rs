//! News of runs, told to whoever listens (pages that are open, by server-sent events).
//!
//! News is sent after what it tells of is stored. Nobody waits for a listener: one that falls behind misses news and is
//! told so.

use serde::Serialize;
use tokio::sync::broadcast;

/// What changed about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// It is new.
    Created,
    /// Points arrived.
    Metrics,
    /// Params arrived.
    Params,
    /// Tags changed.
    Tags,
    /// A logged picture arrived.
    Images,
    /// Another artifact arrived or went.
    Artifacts,
    /// Its status, name or lifecycle changed.
    Status,
}

/// One piece of news.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunEvent {
    pub(crate) run_id: String,
    pub(crate) kind: Kind,
}

/// Where news is told and heard.
#[derive(Clone, Debug)]
pub(crate) struct News {
    sender: broadcast::Sender<RunEvent>,
}

impl News {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::channel(1024).0,
        }
    }

    /// Tells; that nobody listens is no error.
    pub(crate) fn tell(&self, run_id: &str, kind: Kind) {
        let _unheard = self.sender.send(RunEvent {
            run_id: run_id.to_owned(),
            kind,
        });
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<RunEvent> {
        self.sender.subscribe()
    }
}
