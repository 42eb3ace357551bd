//! Words in a pipeline: tables that know them for what is drawn, which subjects are kept, and sentences made of both.

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::range::between;

/// A JSON table of words for characters, in a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct CaptionTable {
    /// Which of `packages`.
    pub package: String,
    /// The file, below the package's root.
    #[garde(length(min = 1))]
    pub file: String,
    /// Language of the words.
    #[garde(length(min = 2, max = 35))]
    pub lang: String,
    /// Where in the file the table stands: keys joined by dots; empty for the whole file.
    #[serde(default)]
    pub at: String,
    /// Field of an entry that holds its code points, for tables that are lists. Other tables are keyed by the characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Field that holds the name of what is drawn (a string, or a list of which the first counts).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Field that holds further words (a list of strings); unused where the entry is itself a list of strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// What stands between the further words in their caption.
    #[serde(default = "default_joiner")]
    pub joiner: String,
}

fn default_joiner() -> String {
    ", ".to_owned()
}

/// Which subjects are kept. A subject is a sequence of code points without variation selectors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
#[garde(allow_unvalidated)]
pub struct SubjectRules {
    /// Keep only subjects that every source of characters draws, so that the styles are paired.
    pub in_every_style: bool,
    /// Keep only subjects that have a label in each of these languages.
    pub labelled_in: Vec<String>,
    /// Code points (hexadecimal) that vary a subject without making it another: genders, persons, skin tones. They are left
    /// out when subjects are grouped for the split.
    pub variants: Vec<String>,
    /// Subjects (hexadecimal code points, joined by dashes) that are one for the split although their code points differ.
    pub same: Vec<Vec<String>>,
}

/// Sentences made of a subject's label and a phrase of its style. Held-out phrases go to the test split only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Compose {
    /// Sentences a row.
    #[garde(custom(between(1, 64)))]
    pub per_row: u32,
    /// Seed of the draws.
    #[serde(default)]
    #[garde(skip)]
    pub seed: u64,
    /// How sentences are made in each language.
    #[garde(length(min = 1), dive)]
    pub languages: BTreeMap<String, ComposeLanguage>,
}

/// How sentences are made in one language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct ComposeLanguage {
    /// Weight of the language against the others.
    #[garde(custom(between(0.001, 1_000.0)))]
    pub share: f64,
    /// Sentences with `{subject}` and `{phrase}` in them; one is drawn each time.
    #[garde(length(min = 1), inner(custom(has_places)))]
    pub patterns: Vec<String>,
}

fn has_places(pattern: &str, (): &()) -> garde::Result {
    if pattern.contains("{subject}") && pattern.contains("{phrase}") {
        return Ok(());
    }
    Err(garde::Error::new("must contain `{subject}` and `{phrase}`"))
}
