//! Caption tables: JSON from packages that knows words for characters.
//!
//! Two shapes are read. A list of entries, each naming its code points in a field; or a map from the characters
//! themselves to an entry. An entry is an object with a field for the label and one for further words, or a plain list of
//! words.

use std::collections::BTreeMap;

use idiom_dataset::Caption;
use idiom_spec::pipeline::CaptionTable;
use serde_json::Value;

use crate::{characters, text};

/// Captions by subject, in the order of the tables.
pub(crate) type Words = BTreeMap<String, Vec<Caption>>;

/// Adds a table's words; an error says what the file lacks.
///
/// # Errors
/// The JSON is broken, or there is no table where the pipeline says.
pub(crate) fn read(
    table: &CaptionTable,
    source: &str,
    json: &[u8],
    words: &mut Words,
) -> Result<(), String> {
    let file: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let mut place = &file;
    for key in table.at.split('.').filter(|key| !key.is_empty()) {
        place = place
            .get(key)
            .ok_or_else(|| format!("there is no `{key}` on the way to `{}`", table.at))?;
    }
    let entries: Vec<(Option<String>, &Value)> = match (place, &table.code) {
        (Value::Array(list), Some(code)) => list
            .iter()
            .map(|entry| {
                (
                    entry
                        .get(code)
                        .and_then(Value::as_str)
                        .and_then(characters::from_code_points),
                    entry,
                )
            })
            .collect(),
        (Value::Object(map), None) => map
            .iter()
            .map(|(key, entry)| (characters::from_characters(key), entry))
            .collect(),
        (Value::Array(_), None) => {
            return Err("the table is a list, so `code` must name a field".to_owned());
        }
        _ => return Err("there is neither a list with `code` nor a map of characters".to_owned()),
    };
    for (subject, entry) in entries {
        let Some(subject) = subject else { continue };
        words
            .entry(subject)
            .or_default()
            .extend(captions(table, source, entry));
    }
    Ok(())
}

fn captions(table: &CaptionTable, source: &str, entry: &Value) -> Vec<Caption> {
    let caption = |text: String, kind: &str| Caption {
        text,
        lang: table.lang.clone(),
        source: source.to_owned(),
        kind: kind.to_owned(),
    };
    let field = |name: &Option<String>| {
        name.as_ref()
            .and_then(|name| entry.get(name))
            .map(strings)
            .unwrap_or_default()
    };
    let label = field(&table.label).into_iter().next();
    let mut tags = if entry.is_array() {
        strings(entry)
    } else {
        field(&table.tags)
    };
    tags.retain(|tag| Some(tag) != label.as_ref() && is_word(tag));
    let mut captions = Vec::new();
    if let Some(label) = label {
        captions.push(caption(label, "label"));
    }
    if !tags.is_empty() {
        captions.push(caption(tags.join(&table.joiner), "tags"));
    }
    captions
}

/// Faces made of punctuation, such as `:D`, stand among the words of some tables; an encoder of language cannot read them.
fn is_word(tag: &str) -> bool {
    tag.starts_with(char::is_alphanumeric) && tag.contains(char::is_alphabetic)
}

/// The words of a string or a list of strings, cleaned; an underscore stands for a space in tables of short names.
fn strings(value: &Value) -> Vec<String> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    list.iter()
        .filter_map(Value::as_str)
        .map(|word| text::clean(&word.replace('_', " ")))
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at: &str, code: Option<&str>, json: &str) -> Vec<(String, String, String)> {
        let table = CaptionTable {
            package: String::new(),
            file: String::new(),
            lang: "en".to_owned(),
            at: at.to_owned(),
            code: code.map(str::to_owned),
            label: Some("label".to_owned()),
            tags: Some("tags".to_owned()),
            joiner: ", ".to_owned(),
        };
        let mut words = Words::new();
        read(&table, "s", json.as_bytes(), &mut words).unwrap();
        words
            .into_iter()
            .flat_map(|(subject, captions)| {
                captions
                    .into_iter()
                    .map(move |c| (subject.clone(), c.kind, c.text))
            })
            .collect()
    }

    fn row(subject: &str, kind: &str, text: &str) -> (String, String, String) {
        (subject.to_owned(), kind.to_owned(), text.to_owned())
    }

    #[test]
    fn a_list_names_its_code_points() {
        let json = r#"[{"hexcode": "1F600", "label": "grinning face", "tags": ["grin", "grinning face"]}]"#;
        assert_eq!(
            check("", Some("hexcode"), json),
            [
                row("1f600", "label", "grinning face"),
                row("1f600", "tags", "grin")
            ]
        );
    }

    #[test]
    fn a_map_is_keyed_by_characters() {
        let json = r#"{"a": {"b": {"😀": {"label": ["grin"], "tags": ["face", "big grin"]}}}}"#;
        assert_eq!(
            check("a.b", None, json),
            [
                row("1f600", "label", "grin"),
                row("1f600", "tags", "face, big grin")
            ]
        );
    }

    #[test]
    fn a_list_of_short_names_gives_words() {
        assert_eq!(
            check("", None, r#"{"😀": ["grinning_face", ":D"]}"#),
            [row("1f600", "tags", "grinning face")]
        );
    }
}
