//! What goes into one request: as many records as MLflow takes at once, in order; files and changes of status alone.

use std::collections::HashMap;
use std::io;

use idiom_tracking_api::limits::{
    MAX_BATCH_BYTES, MAX_ITEMS_PER_BATCH, MAX_PARAMS_PER_BATCH, MAX_TAGS_PER_BATCH,
};

use crate::spool::{Entry, Line, Reader};

/// JSON of a batch, without its frame. Records in the spool are about as long as on the wire; the rest is for cuts
/// that our count does not see.
pub(crate) const LARGEST_BATCH_BYTES: u64 = MAX_BATCH_BYTES as u64 * 9 / 10;

/// Consecutive records for one request.
#[derive(Default)]
pub(crate) struct Parcel {
    pub(crate) lines: Vec<Line>,
    bytes: u64,
    tags: usize,
    params: HashMap<String, String>,
}

impl Parcel {
    /// Where the records end in the file.
    pub(crate) fn end(&self) -> Option<u64> {
        self.lines.last().map(|line| line.end)
    }

    /// Takes the record, or gives it back where it belongs into the next request.
    fn take(&mut self, line: Line) -> Option<Line> {
        if !self.lines.is_empty() && !self.has_room(&line) {
            return Some(line);
        }
        self.bytes += line.end - line.start;
        match &line.entry {
            Ok(Entry::Tag(_)) => self.tags += 1,
            Ok(Entry::Param(param)) => {
                self.params.insert(param.key.clone(), param.value.clone());
            }
            _ => {}
        }
        self.lines.push(line);
        None
    }

    fn has_room(&self, line: &Line) -> bool {
        let fits = self.lines.len() < MAX_ITEMS_PER_BATCH
            && self.bytes + line.end - line.start <= LARGEST_BATCH_BYTES;
        let batched = self.lines.last().is_none_or(|last| !is_alone(last));
        fits && batched
            && match &line.entry {
                Ok(Entry::Metric(_)) | Err(_) => true,
                Ok(Entry::Tag(_)) => self.tags < MAX_TAGS_PER_BATCH,
                // A param given twice makes MLflow refuse the batch; in two batches it judges the values.
                Ok(Entry::Param(param)) => {
                    self.params.len() < MAX_PARAMS_PER_BATCH
                        && !self.params.contains_key(&param.key)
                }
                Ok(Entry::Artifact(_) | Entry::Status(_)) => false,
            }
    }
}

fn is_alone(line: &Line) -> bool {
    matches!(line.entry, Ok(Entry::Artifact(_) | Entry::Status(_)))
}

/// Cuts a spool into parcels.
pub(crate) struct Parcels {
    reader: Reader,
    next: Option<Line>,
}

impl Parcels {
    pub(crate) fn new(reader: Reader) -> Self {
        Self { reader, next: None }
    }

    /// The next parcel; none at the end of what the reader sees.
    pub(crate) fn next_parcel(&mut self) -> io::Result<Option<Parcel>> {
        let mut parcel = Parcel::default();
        while let Some(line) = self.next_line()? {
            if let Some(line) = parcel.take(line) {
                self.next = Some(line);
                break;
            }
        }
        Ok((!parcel.lines.is_empty()).then_some(parcel))
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        match self.next.take() {
            Some(line) => Ok(Some(line)),
            None => self.reader.next_line(),
        }
    }
}

#[cfg(test)]
mod tests {
    use idiom_tracking_api::{KeyValue, Metric, RunStatus};

    use super::*;
    use crate::spool::{Status, encode};

    /// The sizes of the parcels that a spool of these records is cut into.
    fn sizes(entries: &[Entry]) -> Vec<usize> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut lines = Vec::new();
        entries.iter().for_each(|entry| encode(entry, &mut lines));
        std::fs::write(&path, lines).unwrap();
        let mut parcels = Parcels::new(Reader::open(&path, 0, u64::MAX).unwrap());
        std::iter::from_fn(|| parcels.next_parcel().unwrap())
            .map(|parcel| parcel.lines.len())
            .collect()
    }

    fn metric() -> Entry {
        Entry::Metric(Metric {
            key: "a".into(),
            ..Metric::default()
        })
    }

    fn param(index: usize) -> Entry {
        Entry::Param(KeyValue::new(format!("p{index}"), "1"))
    }

    #[test]
    fn a_batch_holds_1000_points() {
        assert_eq!(sizes(&vec![metric(); 2001]), [1000, 1000, 1]);
    }

    #[test]
    fn a_batch_holds_100_params_and_100_tags() {
        assert_eq!(
            sizes(&(0..250).map(param).collect::<Vec<_>>()),
            [100, 100, 50]
        );
        assert_eq!(
            sizes(&vec![Entry::Tag(KeyValue::new("t", "1")); 101]),
            [100, 1]
        );
    }

    #[test]
    fn a_batch_stays_under_a_megabyte() {
        let long = Entry::Param(KeyValue::new("p", "x".repeat(400_000)));
        let other = Entry::Param(KeyValue::new("q", "x".repeat(400_000)));
        let third = Entry::Param(KeyValue::new("r", "x".repeat(400_000)));
        assert_eq!(sizes(&[long, other, third]), [2, 1]);
    }

    #[test]
    fn a_param_given_twice_goes_into_two_batches() {
        assert_eq!(sizes(&[param(1), metric(), param(1), metric()]), [2, 2]);
    }

    #[test]
    fn a_change_of_status_goes_alone_and_keeps_its_place() {
        let status = Entry::Status(Status {
            status: RunStatus::Finished,
            at: 1,
        });
        assert_eq!(sizes(&[metric(), metric(), status, metric()]), [2, 1, 1]);
    }
}
