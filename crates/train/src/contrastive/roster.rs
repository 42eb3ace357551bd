//! Who is in the training rows: subjects, looks, and which phrases speak of which look.

use std::collections::{BTreeMap, BTreeSet};

use idiom_dataset::{Columns, Dataset, Split};
use idiom_spec::experiment::Captions;

use crate::TrainError;
use crate::bank::Shown;
use crate::captions::TextTableBuilder;

/// Subjects and looks of the training rows, by number.
#[derive(Debug, Clone)]
pub(crate) struct Roster {
    /// Names of the looks, sorted.
    looks: Vec<String>,
    /// Of each row: its subject's number and its look's, -1 where it has none.
    rows: Vec<[i64; 2]>,
    /// Rows of each subject.
    subjects: Vec<Vec<u64>>,
}

impl Roster {
    /// Reads all training rows; a row that names no subject is a subject of its own.
    ///
    /// # Errors
    /// The data set cannot be read.
    pub(crate) fn read(dataset: &Dataset) -> Result<Self, TrainError> {
        let mut named: Vec<[Option<String>; 2]> = Vec::new();
        for record in dataset.records(Split::Train, Columns::WithoutImage) {
            let record = record?;
            named.push([record.subject, record.style]);
        }
        Ok(Self::of(&named))
    }

    fn of(named: &[[Option<String>; 2]]) -> Self {
        let looks: BTreeSet<&String> = named.iter().filter_map(|[_, look]| look.as_ref()).collect();
        let looks: Vec<String> = looks.into_iter().cloned().collect();
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut rows, mut subjects) = (Vec::with_capacity(named.len()), Vec::new());
        for (row, [subject, look]) in named.iter().enumerate() {
            let fresh = subjects.len();
            let number = subject
                .as_deref()
                .map_or(fresh, |name| *numbers.entry(name).or_insert(fresh));
            if number == fresh {
                subjects.push(Vec::new());
            }
            subjects[number].push(row as u64);
            let look = look
                .as_ref()
                .and_then(|look| looks.binary_search(look).ok());
            rows.push([number as i64, look.map_or(-1, |look| look as i64)]);
        }
        Self {
            looks,
            rows,
            subjects,
        }
    }

    /// Whether there is more than one look to tell apart.
    #[must_use]
    pub(crate) fn has_looks(&self) -> bool {
        self.looks.len() > 1
    }

    /// Names of the looks.
    #[must_use]
    pub(crate) fn looks(&self) -> &[String] {
        &self.looks
    }

    /// Number of the subject and of the look of a row.
    #[must_use]
    pub(crate) fn row(&self, row: u64) -> [i64; 2] {
        self.rows[row as usize]
    }

    /// How many rows there are.
    #[must_use]
    pub(crate) fn n_rows(&self) -> u64 {
        self.rows.len() as u64
    }

    /// All rows and what they show.
    #[must_use]
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let numbered = (0..).zip(&self.rows);
        let shown = |(row, [subject, look]): (u64, &[i64; 2])| Shown {
            row,
            subject: *subject,
            look: *look,
        };
        numbered.map(shown).collect()
    }

    /// Rows of each subject.
    #[must_use]
    pub(crate) fn subjects(&self) -> &[Vec<u64>] {
        &self.subjects
    }

    /// The training phrases of each look, by number in the table.
    ///
    /// # Errors
    /// The phrases cannot be read, or a look has none with a vector.
    pub(crate) fn phrases(
        &self,
        dataset: &Dataset,
        table: &mut TextTableBuilder<'_>,
        options: &Captions,
    ) -> Result<Vec<Vec<u32>>, TrainError> {
        let mut found = vec![Vec::new(); self.looks.len()];
        for phrase in dataset.phrases()? {
            let speaks = (options.languages.is_empty() || options.languages.contains(&phrase.lang))
                && options.phrases.admit(&phrase.kind);
            let look = self.looks.binary_search(&phrase.style).ok();
            let (Some(look), true, Split::Train) = (look, speaks, phrase.split) else {
                continue;
            };
            found[look].extend(table.number(&phrase.text));
        }
        match found.iter().position(Vec::is_empty) {
            Some(look) => Err(TrainError::NoPhrases {
                look: self.looks[look].clone(),
            }),
            None => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(rows: &[[&str; 2]]) -> Vec<[Option<String>; 2]> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        rows.iter().map(|[a, b]| [text(a), text(b)]).collect()
    }

    #[test]
    fn rows_of_one_subject_stand_together() {
        let roster = Roster::of(&named(&[["cat", "ink"], ["dog", "clay"], ["cat", "clay"]]));
        assert_eq!(roster.subjects(), [vec![0, 2], vec![1]]);
        assert_eq!(roster.looks(), ["clay", "ink"]);
        assert_eq!(roster.row(2), [0, 0]);
        assert!(roster.has_looks());
    }

    #[test]
    fn rows_without_subject_or_look_are_each_their_own() {
        let roster = Roster::of(&named(&[["", ""], ["", ""]]));
        assert_eq!(roster.subjects(), [vec![0], vec![1]]);
        assert_eq!(roster.row(1), [1, -1]);
        assert!(!roster.has_looks());
    }
}
