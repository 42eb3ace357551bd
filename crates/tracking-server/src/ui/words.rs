//! What the UI says, in each language it speaks: one table, `assets/words.json`, for pages and scripts.
//!
//! The table maps a key to `[English, Chinese]`. Pages look words up here; scripts import the same table
//! as the module `words.js`, which is made from it. Extensions add keys of their own.

use std::collections::BTreeMap;

const TABLE: &str = include_str!("../../assets/words.json");

/// What the UI says: a key's words in each language.
#[derive(Clone, Debug)]
pub(super) struct Words(BTreeMap<String, [String; 2]>);

impl Words {
    /// Our own table.
    pub(super) fn own() -> Self {
        Self(serde_json::from_str(TABLE).unwrap_or_default())
    }

    /// Adds an extension's table; why not, where it cannot be read or says a key anew.
    pub(super) fn add(&mut self, table: &str) -> Result<(), String> {
        let more: BTreeMap<String, [String; 2]> =
            serde_json::from_str(table).map_err(|error| format!("its words: {error}"))?;
        if let Some(key) = more.keys().find(|key| self.0.contains_key(*key)) {
            return Err(format!("its words: `{key}` has words already"));
        }
        self.0.extend(more);
        Ok(())
    }

    /// The words of a key; the key itself when the table lacks it, so that a gap shows on the page.
    pub(super) fn say(&self, language: Language, key: &str) -> String {
        let of_key = self.0.get(key);
        of_key.map_or_else(|| key.to_owned(), |words| words[language as usize].clone())
    }

    /// The table as an ES module.
    pub(super) fn module(&self) -> Vec<u8> {
        let table = serde_json::to_string(&self.0).unwrap_or_default();
        format!("export default {table};\n").into_bytes()
    }
}

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
    fn an_extension_adds_words_but_never_changes_ours() {
        let mut words = Words::own();
        words.add(r#"{ "x.title": ["Hello", "你好"] }"#).unwrap();
        assert_eq!(words.say(Language::Chinese, "x.title"), "你好");
        assert!(words.add(r#"{ "runs.title": ["Mine", "我的"] }"#).is_err());
        assert!(words.add(r#"{ "x.half": ["Half"] }"#).is_err());
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
        let words = Words::own();
        let folders =
            ["templates", "assets"].map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
        for entry in folders.into_iter().flatten() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for key in asked.captures_iter(&text).map(|found| found[1].to_owned()) {
                assert!(
                    words.0.contains_key(&key),
                    "{}: no words for `{key}`",
                    path.display()
                );
            }
        }
    }
}
