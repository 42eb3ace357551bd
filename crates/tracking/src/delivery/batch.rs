//! Points, params and tags: what can be judged here is judged, the rest goes as one batch; of a refused batch the bad
//! items are found by halving, and all others arrive.

use idiom_tracking_api::limits::{self, MAX_PARAM_CHARS, MAX_TAG_CHARS};
use idiom_tracking_api::{ApiError, Done, KeyValue, LogBatch};

use super::target::{self, Target};
use super::{Delivery, Fault};
use crate::spool::{Entry, Line};

impl Delivery<'_> {
    /// First what we can judge ourselves, then the rest as one batch.
    pub(super) fn send_items(&mut self, target: &Target, lines: &[Line]) -> Result<u64, Fault> {
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
