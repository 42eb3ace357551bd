//! Which rows show which subject in which style, and which words name a style: what a sample is drawn from.

use std::collections::BTreeMap;

use idiom_dataset::{Columns, Dataset, Split, combination};
use idiom_gan::draws::SampleDraws;
use idiom_spec::experiment::{Experiment, PhraseKinds};

use crate::TrainError;
use crate::bank::Shown;
use crate::captions::TextTableBuilder;

/// The training rows by subject and style, and the words of each style.
#[derive(Debug)]
pub(crate) struct Looks {
    /// Names of the styles, as the data set numbers them.
    pub(super) names: Vec<String>,
    /// Subject and style of each training row; rows without a style have none.
    rows: Vec<Option<Row>>,
    /// The rows in each style.
    of_style: Vec<Vec<u64>>,
    /// The row of a subject in a style.
    paired: BTreeMap<(u32, u32), u64>,
    /// The words of each style, by language, by number in the text table.
    words: Vec<Vec<Vec<u32>>>,
    /// Training pictures by licence.
    pub(super) licences: BTreeMap<String, u64>,
    /// All phrases with a vector.
    pub(super) phrases: Phrases,
}

/// The words of all styles.
#[derive(Debug, Clone, Default)]
pub(super) struct Phrases {
    /// Those that are trained on.
    pub(super) trained_on: Vec<Phrase>,
    /// Those that the data lets learn from but that are kept for calibrating: nothing learns from them.
    pub(super) aside: Vec<Phrase>,
    /// Those that are not to be learnt from.
    pub(super) held_out: Vec<Phrase>,
}

/// Of so many phrases of a style in a language, one is set aside for calibrating.
const ASIDE_OF: usize = 8;

impl Phrases {
    /// Sets some of the phrases aside: what a model makes of words that it learnt from says nothing of those that people will use.
    fn set_aside(&mut self) {
        let mut n_seen: BTreeMap<(u32, String), usize> = BTreeMap::new();
        let all = std::mem::take(&mut self.trained_on);
        for phrase in all {
            let seen = n_seen
                .entry((phrase.style, phrase.language.clone()))
                .or_default();
            *seen += 1;
            if seen.is_multiple_of(ASIDE_OF) {
                self.aside.push(phrase);
            } else {
                self.trained_on.push(phrase);
            }
        }
    }
}

/// Words for a style.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Phrase {
    /// The style's number.
    pub(super) style: u32,
    /// Their language.
    pub(super) language: String,
    /// The words.
    pub(super) text: String,
    /// Their number in the text table.
    pub(super) number: u32,
}

/// What a training row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// Rows with equal numbers show the same subject.
    pub(super) subject: u32,
    /// The style's number.
    pub(super) style: u32,
}

impl Looks {
    /// Reads subjects and styles of all training rows but those that the experiment holds out, and the styles' words into the table.
    ///
    /// # Errors
    /// The data set cannot be read, has fewer than two styles, or a style has no words with a vector.
    pub(crate) fn read(
        dataset: &Dataset,
        table: &mut TextTableBuilder<'_>,
        experiment: &Experiment,
    ) -> Result<Self, TrainError> {
        let names = dataset.manifest().styles.clone();
        if names.len() < 2 {
            return Err(TrainError::NoLooks {
                dataset: dataset.folder().to_owned(),
                found: names.len(),
            });
        }
        let mut looks = Self {
            rows: Vec::new(),
            of_style: vec![Vec::new(); names.len()],
            paired: BTreeMap::new(),
            words: vec![Vec::new(); names.len()],
            licences: BTreeMap::new(),
            phrases: Phrases::default(),
            names,
        };
        looks.read_rows(dataset, experiment.restyle.hold_out)?;
        looks.read_words(dataset, table, experiment.captions.phrases)?;
        Ok(looks)
    }

    fn read_rows(&mut self, dataset: &Dataset, hold_out: f64) -> Result<(), TrainError> {
        let mut subjects: BTreeMap<String, u32> = BTreeMap::new();
        for record in dataset.records(Split::Train, Columns::WithoutImage) {
            let record = record?;
            let row_idx = self.rows.len() as u64;
            if combination::is_held_out(&record, hold_out) {
                self.rows.push(None);
                continue;
            }
            let licence = record.license.unwrap_or_else(|| "unknown".to_owned());
            *self.licences.entry(licence).or_default() += 1;
            let style = record.style.as_ref().and_then(|style| self.number(style));
            let name = record.subject.unwrap_or(record.key);
            let fresh = subjects.len() as u32;
            let subject = *subjects.entry(name).or_insert(fresh);
            let row = style.map(|style| Row { subject, style });
            if let Some(row) = row {
                self.of_style[row.style as usize].push(row_idx);
                self.paired.insert((row.subject, row.style), row_idx);
            }
            self.rows.push(row);
        }
        match self.of_style.iter().position(Vec::is_empty) {
            Some(style) => Err(TrainError::EmptyLook {
                dataset: dataset.folder().to_owned(),
                style: self.names[style].clone(),
                lacks: "picture in the training split",
            }),
            None => Ok(()),
        }
    }

    fn read_words(
        &mut self,
        dataset: &Dataset,
        table: &mut TextTableBuilder<'_>,
        kinds: PhraseKinds,
    ) -> Result<(), TrainError> {
        for phrase in dataset.phrases()? {
            // Held-out phrases of every kind stay what the words are tried on.
            if phrase.split == Split::Train && !kinds.admit(&phrase.kind) {
                continue;
            }
            let style = self.number(&phrase.style);
            let (Some(style), Some(number)) = (style, table.number(&phrase.text)) else {
                continue;
            };
            let list = match phrase.split {
                Split::Train => &mut self.phrases.trained_on,
                _ => &mut self.phrases.held_out,
            };
            list.push(Phrase {
                style,
                language: phrase.lang,
                text: phrase.text,
                number,
            });
        }
        self.phrases.set_aside();
        let mut by_language: Vec<BTreeMap<&str, Vec<u32>>> =
            vec![BTreeMap::new(); self.names.len()];
        for phrase in &self.phrases.trained_on {
            let languages = &mut by_language[phrase.style as usize];
            let numbers = languages.entry(&phrase.language).or_default();
            numbers.push(phrase.number);
        }
        self.words = by_language
            .into_iter()
            .map(|languages| languages.into_values().collect())
            .collect();
        match self.words.iter().position(Vec::is_empty) {
            Some(style) => Err(TrainError::EmptyLook {
                dataset: dataset.folder().to_owned(),
                style: self.names[style].clone(),
                lacks: "phrase with a vector in the training split",
            }),
            None => Ok(()),
        }
    }

    fn number(&self, style: &str) -> Option<u32> {
        let found = self.names.iter().position(|name| name == style);
        found.map(|idx| idx as u32)
    }

    /// What a row shows; rows without a style stand for another row that has one.
    pub(super) fn row(&self, row: u64) -> (u64, Row) {
        let n = self.rows.len() as u64;
        let mut candidates = (0..n).map(|offset| (row + offset) % n);
        let found = candidates.find_map(|row| Some((row, self.rows[row as usize]?)));
        // At least one row has a style: every style has a row.
        found.unwrap_or((
            0,
            Row {
                subject: 0,
                style: 0,
            },
        ))
    }

    /// All rows that show a subject in a style, and which.
    pub(super) fn shown(&self) -> Vec<Shown> {
        let numbered = self.rows.iter().zip(0..);
        let shown = |(row, number): (&Option<Row>, u64)| {
            row.map(|row| Shown {
                row: number,
                subject: i64::from(row.subject),
                look: i64::from(row.style),
            })
        };
        numbered.filter_map(shown).collect()
    }

    /// A style other than `style`, all equally likely.
    pub(super) fn other_style(&self, style: u32, draws: &mut SampleDraws) -> u32 {
        let n = self.names.len() as u64;
        let step = 1 + draws.below(n - 1);
        ((u64::from(style) + step) % n) as u32
    }

    /// Any row in a style.
    pub(super) fn any_row(&self, style: u32, draws: &mut SampleDraws) -> u64 {
        let rows = &self.of_style[style as usize];
        rows[draws.below(rows.len() as u64) as usize]
    }

    /// The row that shows a subject in a style.
    pub(super) fn paired_row(&self, subject: u32, style: u32) -> Option<u64> {
        self.paired.get(&(subject, style)).copied()
    }

    /// Words of a style by number in the text table: all languages equally likely, then all phrases of it.
    pub(super) fn words(&self, style: u32, draws: &mut SampleDraws) -> i64 {
        let languages = &self.words[style as usize];
        let phrases = &languages[draws.below(languages.len() as u64) as usize];
        i64::from(phrases[draws.below(phrases.len() as u64) as usize])
    }

    /// Training pictures in a style.
    pub(super) fn n_pictures(&self, style: usize) -> u64 {
        self.of_style[style].len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_phrase_of_eight_in_each_style_and_language_is_set_aside() {
        let phrase = |style, language: &str, number: u32| Phrase {
            style,
            language: language.to_owned(),
            text: number.to_string(),
            number,
        };
        let mut phrases = Phrases::default();
        phrases
            .trained_on
            .extend((0..17).map(|number| phrase(0, "en", number)));
        phrases
            .trained_on
            .extend((17..24).map(|number| phrase(1, "en", number)));
        phrases
            .trained_on
            .extend((24..32).map(|number| phrase(1, "zh", number)));
        phrases.set_aside();
        let aside: Vec<u32> = phrases.aside.iter().map(|phrase| phrase.number).collect();
        assert_eq!(aside, [7, 15, 31]);
        assert_eq!(phrases.trained_on.len(), 29);
    }
}
