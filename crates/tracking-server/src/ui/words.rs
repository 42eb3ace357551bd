//! What the UI says, in each language it speaks: one table, `assets/words.json`, for pages and scripts.
//!
//! The table maps a key to `[English, Chinese]`. Pages look words up here; scripts import the same table
//! as the module `words.js`, which is made from it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("../../assets/words.json");

static WORDS: LazyLock<BTreeMap<String, [String; 2]>> =
    LazyLock::new(|| serde_json::from_str(TABLE).unwrap_or_default());

/// A language of the UI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Chinese,
}

impl Language {
    /// The one a cookie names, else the first the browser asks for that we speak, else English.
    pub(super) fn choose(cookie: Option<&str>, accept_language: Option<&str>) -> Self {
        let wishes = cookie
            .into_iter()
            .chain(accept_language.into_iter().flat_map(|list| list.split(',')));
        wishes
            .filter_map(|wish| Self::of_tag(wish.trim()))
            .next()
            .unwrap_or(Self::English)
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_', ';']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "zh" | "yue" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// The BCP 47 tag for `<html lang>`.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The words of a key; the key itself when the table lacks it, so that a gap shows on the page.
    pub(super) fn say(self, key: &str) -> String {
        let of_key = WORDS.get(key);
        of_key.map_or_else(|| key.to_owned(), |words| words[self as usize].clone())
    }
}

/// The table as an ES module.
pub(super) fn module() -> Vec<u8> {
    format!("export default {TABLE};\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_parses_and_every_key_has_both_languages() {
        let table: BTreeMap<String, [String; 2]> = serde_json::from_str(TABLE).unwrap();
        assert!(!table.is_empty());
        for (key, [english, chinese]) in table {
            assert!(
                !english.is_empty() && !chinese.is_empty(),
                "`{key}` lacks a language"
            );
        }
    }

    #[test]
    fn a_cookie_wins_over_the_browser_and_unknown_languages_are_passed_over() {
        assert_eq!(
            Language::choose(Some("en"), Some("zh-CN")),
            Language::English
        );
        assert_eq!(
            Language::choose(None, Some("fr-FR, zh-TW;q=0.9, en;q=0.8")),
            Language::Chinese
        );
        assert_eq!(Language::choose(None, Some("yue-HK")), Language::Chinese);
        assert_eq!(Language::choose(Some("tlh"), None), Language::English);
    }

    #[test]
    fn every_key_a_page_or_script_asks_for_is_in_the_table() {
        let asked = regex::Regex::new(r#"(?:shell\.say|\bsay)\(\s*["'`]([a-z_.]+)["'`]"#).unwrap();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders =
            ["templates", "assets"].map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
        for entry in folders.into_iter().flatten() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for key in asked.captures_iter(&text).map(|found| found[1].to_owned()) {
                assert!(
                    WORDS.contains_key(&key),
                    "{}: no words for `{key}`",
                    path.display()
                );
            }
        }
    }
}
