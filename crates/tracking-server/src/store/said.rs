//! What runs said, as JSON that is ready to be sent, kept from one search to the next.
//!
//! A table of a thousand runs is asked for again and again, and most of them have said nothing since. What a run said is
//! kept together with the run's version, which every write to it raises in the same transaction: what is kept under the
//! version that a search finds is still right, whoever wrote.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use idiom_tracking_api::{Run, RunData, RunInfo, RunInputs, RunOutputs};
use serde::Serialize;

use super::StoreError;
use super::database::Connection;
use super::runs::{self, RunRow};

/// Bytes that are kept, at most: some thousand runs.
const MOST_BYTES: usize = 12 << 20;

/// What of a run is kept.
#[derive(Serialize)]
struct Words {
    data: RunData,
    inputs: RunInputs,
    #[serde(skip_serializing_if = "RunOutputs::is_empty")]
    outputs: RunOutputs,
}

/// What runs said, by their numbers.
#[derive(Default)]
pub(super) struct Said(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_run: HashMap<i64, (i64, Arc<str>)>,
    bytes: usize,
}

impl Kept {
    fn get(&self, row: &RunRow) -> Option<Arc<str>> {
        let (version, words) = self.by_run.get(&row.number)?;
        (*version == row.version).then(|| words.clone())
    }

    fn put(&mut self, (number, version): (i64, i64), words: Arc<str>) {
        if self.bytes + words.len() > MOST_BYTES {
            *self = Self::default();
        }
        self.bytes += words.len();
        if let Some((_, old)) = self.by_run.insert(number, (version, words)) {
            self.bytes -= old.len();
        }
    }
}

/// A run that was found: what it is, and what it said as JSON: `{"data": .., "inputs": .., "outputs": ..}`.
pub(crate) struct FoundRun {
    info: RunInfo,
    words: Arc<str>,
}

/// One page of a search.
pub(crate) struct FoundRuns {
    pub(super) runs: Vec<FoundRun>,
    pub(super) next_page_token: Option<String>,
}

impl FoundRuns {
    /// The answer of `runs/search`. Empty lists and tokens that are none are left out, as protobuf does.
    pub(crate) fn json(&self) -> String {
        let size: usize = self.runs.iter().map(|run| run.words.len() + 512).sum();
        let mut json = String::with_capacity(size + 64);
        json.push('{');
        for (place, run) in self.runs.iter().enumerate() {
            json.push_str(if place == 0 {
                r#""runs":[{"info":"#
            } else {
                r#",{"info":"#
            });
            json.push_str(&serde_json::to_string(&run.info).unwrap_or_default());
            json.push(',');
            json.push_str(&run.words[1..]);
        }
        json.push_str(if self.runs.is_empty() { "" } else { "]" });
        if let Some(token) = &self.next_page_token {
            json.push_str(if self.runs.is_empty() { "" } else { "," });
            json.push_str(r#""next_page_token":"#);
            json.push_str(&serde_json::to_string(token).unwrap_or_default());
        }
        json.push('}');
        json
    }
}

impl Said {
    /// Adds to rows what their runs said; only what is not known any more is read.
    pub(super) async fn complete(
        &self,
        connection: &mut Connection,
        rows: Vec<RunRow>,
    ) -> Result<Vec<FoundRun>, StoreError> {
        let mut words: Vec<Option<Arc<str>>> =
            self.with(|kept| rows.iter().map(|row| kept.get(row)).collect());
        let missing: Vec<usize> = (0..rows.len())
            .filter(|place| words[*place].is_none())
            .collect();
        let wanted = missing.iter().map(|place| rows[*place].clone()).collect();
        let read = runs::complete(connection, wanted).await?;
        for (place, run) in missing.into_iter().zip(read) {
            let row = &rows[place];
            let text: Arc<str> = words_of(run).into();
            self.with(|kept| kept.put((row.number, row.version), text.clone()));
            words[place] = Some(text);
        }
        let found = rows.into_iter().zip(words).filter_map(|(row, words)| {
            let (info, words) = (row.info, words?);
            Some(FoundRun { info, words })
        });
        Ok(found.collect())
    }

    fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn words_of(run: Run) -> String {
    let Run {
        data,
        inputs,
        outputs,
        ..
    } = run;
    let words = Words {
        data,
        inputs,
        outputs,
    };
    serde_json::to_string(&words).unwrap_or_else(|_| "{}".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: i64, version: i64) -> RunRow {
        RunRow {
            number,
            version,
            info: RunInfo::default(),
        }
    }

    #[test]
    fn what_is_kept_is_good_for_its_version_only() {
        let mut kept = Kept::default();
        kept.put((7, 1), "old".into());
        assert_eq!(kept.get(&row(7, 1)).as_deref(), Some("old"));
        assert_eq!(kept.get(&row(7, 2)), None);
        kept.put((7, 2), "newer".into());
        assert_eq!(kept.get(&row(7, 2)).as_deref(), Some("newer"));
        assert_eq!(kept.bytes, "newer".len());
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let mut kept = Kept::default();
        let large: Arc<str> = "x".repeat(MOST_BYTES / 4).into();
        for number in 0..100 {
            kept.put((number, 0), large.clone());
            assert!(kept.bytes <= MOST_BYTES);
            assert!(kept.get(&row(number, 0)).is_some());
        }
    }

    #[test]
    fn a_page_is_written_as_serde_would_write_it() {
        let run = Run {
            info: RunInfo {
                run_id: "a\"b".to_owned(),
                ..RunInfo::default()
            },
            ..Run::default()
        };
        let answer = idiom_tracking_api::SearchRunsAnswer {
            runs: vec![run.clone(), run.clone()],
            next_page_token: Some("t".to_owned()),
        };
        let found = || FoundRun {
            info: run.info.clone(),
            words: words_of(run.clone()).into(),
        };
        let page = FoundRuns {
            runs: vec![found(), found()],
            next_page_token: Some("t".to_owned()),
        };
        assert_eq!(page.json(), serde_json::to_string(&answer).unwrap());
        let empty = FoundRuns {
            runs: Vec::new(),
            next_page_token: None,
        };
        assert_eq!(empty.json(), "{}");
    }
}
