//! Sentences made of a subject's label and a phrase of its style, in one language, so that one sentence carries both.
//!
//! Which sentences a row gets depends on the seed, its key and its split alone. Phrases are drawn without replacement, so
//! that a row's sentences differ as long as there are phrases.

use idiom_dataset::{Caption, Split};
use idiom_spec::pipeline::{Compose, ComposeLanguage};

use crate::draw::Draw;
use crate::phrases::PhraseBook;

/// Kind of the captions made here.
pub(crate) const KIND: &str = "composed";

/// The row to make sentences for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn<'a> {
    pub(crate) key: &'a str,
    pub(crate) style: &'a str,
    pub(crate) split: Split,
    pub(crate) captions: &'a [Caption],
}

/// A language in which the row has both a label and phrases.
struct Choice<'a> {
    lang: &'a str,
    rules: &'a ComposeLanguage,
    label: &'a str,
    phrases: &'a [String],
    /// Phrases not used yet, by number.
    left: Vec<usize>,
}

/// The sentences of a row; none where no language has both a label and phrases.
pub(crate) fn sentences(rules: &Compose, book: &PhraseBook, row: Drawn<'_>) -> Vec<Caption> {
    let mut choices = choices(rules, book, row);
    if choices.is_empty() {
        return Vec::new();
    }
    let mut draw = Draw::new("compose", rules.seed, row.key);
    (0..rules.per_row)
        .map(|_| {
            let choice = pick(&mut choices, &mut draw);
            let text = choice.sentence(&mut draw);
            Caption {
                text,
                lang: choice.lang.to_owned(),
                source: KIND.to_owned(),
                kind: KIND.to_owned(),
            }
        })
        .collect()
}

fn choices<'a>(rules: &'a Compose, book: &'a PhraseBook, row: Drawn<'a>) -> Vec<Choice<'a>> {
    rules
        .languages
        .iter()
        .filter_map(|(lang, rules)| {
            let label = row
                .captions
                .iter()
                .find(|caption| caption.kind == "label" && caption.lang == *lang)?;
            let phrases = book.of(row.style, lang, row.split);
            (!phrases.is_empty()).then(|| Choice {
                lang,
                rules,
                label: &label.text,
                phrases,
                left: Vec::new(),
            })
        })
        .collect()
}

/// A language by the weight of its share.
fn pick<'c, 'a>(choices: &'c mut [Choice<'a>], draw: &mut Draw) -> &'c mut Choice<'a> {
    let total: f64 = choices.iter().map(|choice| choice.rules.share).sum();
    let mut place = draw.unit() * total;
    let last = choices.len() - 1;
    let chosen = choices
        .iter()
        .position(|choice| {
            place -= choice.rules.share;
            place < 0.0
        })
        .unwrap_or(last);
    &mut choices[chosen]
}

impl Choice<'_> {
    fn sentence(&mut self, draw: &mut Draw) -> String {
        if self.left.is_empty() {
            self.left = (0..self.phrases.len()).collect();
        }
        let phrase = self.left.swap_remove(draw.below(self.left.len()));
        let pattern = &self.rules.patterns[draw.below(self.rules.patterns.len())];
        pattern
            .replace("{phrase}", &self.phrases[phrase])
            .replace("{subject}", self.label)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use idiom_dataset::Phrase;

    use super::*;

    fn check(split: Split, per_row: u32) -> Vec<Caption> {
        let phrase = |text: &str, split| Phrase {
            style: "s".to_owned(),
            lang: "en".to_owned(),
            text: text.to_owned(),
            kind: "colloquial".to_owned(),
            split,
        };
        let mut phrases: Vec<Phrase> = (0..9)
            .map(|i| phrase(&format!("seen {i}"), Split::Train))
            .collect();
        phrases.push(phrase("held out", Split::Test));
        let language = ComposeLanguage {
            share: 1.0,
            patterns: vec!["{subject}, {phrase}".to_owned()],
        };
        let rules = Compose {
            per_row,
            seed: 1,
            languages: BTreeMap::from([
                ("en".to_owned(), language.clone()),
                ("zh".to_owned(), language),
            ]),
        };
        let label = Caption {
            text: "cat".to_owned(),
            lang: "en".to_owned(),
            source: String::new(),
            kind: "label".to_owned(),
        };
        let row = Drawn {
            key: "k",
            style: "s",
            split,
            captions: &[label],
        };
        sentences(&rules, &PhraseBook::new(&phrases), row)
    }

    #[test]
    fn a_row_gets_as_many_different_sentences_as_asked() {
        let texts: BTreeSet<String> = check(Split::Train, 9)
            .into_iter()
            .map(|caption| caption.text)
            .collect();
        assert_eq!(texts, (0..9).map(|i| format!("cat, seen {i}")).collect());
    }

    #[test]
    fn held_out_phrases_go_to_the_test_split_only() {
        assert!(
            check(Split::Test, 2)
                .iter()
                .all(|caption| caption.text == "cat, held out")
        );
        assert!(
            check(Split::Validation, 20)
                .iter()
                .all(|caption| !caption.text.contains("held out"))
        );
    }

    #[test]
    fn a_language_without_label_or_phrases_is_passed_over() {
        assert!(
            check(Split::Train, 6)
                .iter()
                .all(|caption| caption.lang == "en")
        );
    }
}
