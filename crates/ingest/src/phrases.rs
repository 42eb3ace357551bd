//! The table of phrases that describe the styles: tab-separated, with the columns `style`, `lang`, `text`, `kind`, `split`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use idiom_dataset::{Phrase, Split};

use crate::{IngestError, text};

const COLUMNS: [&str; 5] = ["style", "lang", "text", "kind", "split"];

/// Reads the table; blank lines and lines that begin with `#` are skipped.
///
/// # Errors
/// The file cannot be read, a column is missing, or a line is broken.
pub(crate) fn read(path: &Path) -> Result<Vec<Phrase>, IngestError> {
    let content = fs::read_to_string(path).map_err(IngestError::io(path))?;
    let refuse = |line: usize, reason: String| IngestError::Phrases {
        path: path.to_owned(),
        line,
        reason,
    };
    let mut lines = content
        .trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line))
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let Some((number, head)) = lines.next() else {
        return Err(refuse(1, "the table is empty".to_owned()));
    };
    let head: Vec<&str> = head.split('\t').map(str::trim).collect();
    let places = COLUMNS.map(|column| head.iter().position(|name| *name == column));
    if let Some(missing) = COLUMNS
        .iter()
        .zip(&places)
        .find_map(|(column, place)| place.is_none().then_some(column))
    {
        return Err(refuse(
            number,
            format!("the column `{missing}` is missing; the columns are separated by tabs"),
        ));
    }
    let mut phrases = Vec::new();
    for (number, line) in lines {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields.len() != head.len() {
            return Err(refuse(
                number,
                format!(
                    "there are {} fields, but must be {}",
                    fields.len(),
                    head.len()
                ),
            ));
        }
        let [style, lang, words, kind, split] =
            places.map(|place| text::clean(place.map_or("", |place| fields[place])));
        if style.is_empty() || lang.is_empty() || words.is_empty() {
            return Err(refuse(
                number,
                "`style`, `lang` and `text` must not be empty".to_owned(),
            ));
        }
        let split = split.parse().map_err(|reason| refuse(number, reason))?;
        phrases.push(Phrase {
            style,
            lang: lang.to_lowercase(),
            text: words,
            kind,
            split,
        });
    }
    Ok(phrases)
}

/// Phrases by style and language, apart for training and for the test.
#[derive(Debug, Default)]
pub(crate) struct PhraseBook {
    entries: BTreeMap<(String, String, bool), Vec<String>>,
}

impl PhraseBook {
    pub(crate) fn new(phrases: &[Phrase]) -> Self {
        let mut entries: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for phrase in phrases {
            let held_out = phrase.split == Split::Test;
            entries
                .entry((phrase.style.clone(), phrase.lang.clone(), held_out))
                .or_default()
                .push(phrase.text.clone());
        }
        Self { entries }
    }

    /// The phrases that rows of a split may use: the test's rows see held-out phrases, all others see the rest.
    pub(crate) fn of(&self, style: &str, lang: &str, split: Split) -> &[String] {
        let key = (style.to_owned(), lang.to_owned(), split == Split::Test);
        self.entries.get(&key).map_or(&[], Vec::as_slice)
    }
}
