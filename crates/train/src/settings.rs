//! The settings of a run as flat `dotted.key -> text` pairs: for the tracking server, and to tell whether a saved run was begun
//! with the same ones.

use std::collections::BTreeMap;

use idiom_spec::experiment::Experiment;
use serde_json::Value;

/// Keys that may differ when a run is taken up: how long, how fast, what is shown and kept, but not what is learnt.
const FREE: [&str; 11] = [
    "name",
    "dataset",
    "train.images",
    "train.minutes",
    "train.device",
    "train.threads",
    "loader.",
    "checkpoint.",
    "samples.",
    "logging.",
    "tracking.",
];

/// Every setting by dotted key. Lists are written as JSON, what is left out as an empty text.
#[must_use]
pub fn flatten(experiment: &Experiment) -> BTreeMap<String, String> {
    // An experiment is plain data: writing it as JSON cannot fail.
    flatten_value(&serde_json::to_value(experiment).unwrap_or(Value::Null))
}

/// The same for a document that was read as it stands.
#[must_use]
pub fn flatten_value(document: &Value) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    descend(document, String::new(), &mut flat);
    flat
}

/// The settings that decide what is learnt, with the hashes of the data and of the text encoder.
#[must_use]
pub(crate) fn decisive(
    experiment: &Experiment,
    dataset_sha256: &str,
    encoder_sha256: &str,
) -> BTreeMap<String, String> {
    let mut settings = flatten(experiment);
    settings.retain(|key, _| !is_free(key));
    settings.insert("dataset_sha256".to_owned(), dataset_sha256.to_owned());
    settings.insert("encoder_sha256".to_owned(), encoder_sha256.to_owned());
    settings
}

/// Each difference, as `key: then -> now`.
#[must_use]
pub(crate) fn differences(
    then: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<String> {
    let then = &with_later_keys(then);
    let keys: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let show = |value: Option<&String>| {
        value.map_or_else(|| "nothing".to_owned(), |text| format!("`{text}`"))
    };
    keys.into_iter()
        .filter(|key| then.get(*key) != now.get(*key))
        .map(|key| format!("`{key}`: {} -> {}", show(then.get(key)), show(now.get(key))))
        .collect()
}

/// What an earlier version left lacks the keys that came later; what it did is what their defaults do.
#[must_use]
pub fn with_later_keys(then: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let least = serde_json::json!({ "name": "a", "dataset": "a" });
    let defaults = serde_json::from_value(least).map_or_else(|_| BTreeMap::new(), |e| flatten(&e));
    let later = defaults
        .into_iter()
        .filter(|(key, _)| !is_free(key) && !then.contains_key(key));
    later.chain(then.clone()).collect()
}

fn is_free(key: &str) -> bool {
    FREE.iter()
        .any(|free| key == *free || (free.ends_with('.') && key.starts_with(free)))
}

fn descend(value: &Value, path: String, flat: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                descend(value, path, flat);
            }
        }
        Value::String(text) => drop(flat.insert(path, text.clone())),
        Value::Null => drop(flat.insert(path, String::new())),
        other => drop(flat.insert(path, other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experiment(yaml: &str) -> Experiment {
        serde_json::from_value(serde_json::from_str(yaml).unwrap()).unwrap()
    }

    #[test]
    fn nested_settings_get_dotted_keys() {
        let flat = flatten(&experiment(
            r#"{"name": "a", "dataset": "d", "train": {"seed": 7}}"#,
        ));
        assert_eq!(flat["train.seed"], "7");
        assert_eq!(flat["generator.channels"], "[192,128,96,48,24]");
        assert_eq!(flat["train.minutes"], "");
    }

    #[test]
    fn a_longer_run_is_the_same_run() {
        let short = experiment(r#"{"name": "a", "dataset": "d", "train": {"images": 64}}"#);
        let long = experiment(
            r#"{"name": "b", "dataset": "d", "train": {"images": 128}, "loader": {"workers": 3}}"#,
        );
        assert_eq!(decisive(&short, "x", "y"), decisive(&long, "x", "y"));
    }

    #[test]
    fn a_save_of_an_earlier_version_goes_on() {
        let now = decisive(&experiment(r#"{"name": "a", "dataset": "d"}"#), "x", "y");
        let mut then = now.clone();
        then.remove("discriminator.normalization").unwrap();
        assert_eq!(differences(&then, &now), Vec::<String>::new());
        let spectral =
            r#"{"name": "a", "dataset": "d", "discriminator": {"normalization": "spectral"}}"#;
        let now = decisive(&experiment(spectral), "x", "y");
        assert_eq!(
            differences(&then, &now),
            ["`discriminator.normalization`: `none` -> `spectral`"]
        );
    }

    #[test]
    fn another_seed_or_other_data_is_another_run() {
        let one = decisive(
            &experiment(r#"{"name": "a", "dataset": "d", "train": {"seed": 1}}"#),
            "x",
            "y",
        );
        let other = decisive(
            &experiment(r#"{"name": "a", "dataset": "d", "train": {"seed": 2}}"#),
            "z",
            "y",
        );
        let found = differences(&one, &other);
        assert_eq!(
            found,
            ["`dataset_sha256`: `x` -> `z`", "`train.seed`: `1` -> `2`"]
        );
    }
}
