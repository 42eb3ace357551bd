//! Runs that build on one another: each stage is the file with some settings laid over it, and may begin from an earlier one.
//!
//! ```yaml
//! stages:
//!   - {name: shapes, set: {train.images: 32768}}
//!   - {name: words, set: {init_from: $shapes, freeze: [generator.block4], captions.composed_share: 1.0}}
//! ```
//! `$shapes` stands for the run that the stage `shapes` made. Not here: running them.

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct Stage {
    /// What it is called: part of its run's name, and `$name` in later stages.
    #[garde(custom(super::file_name))]
    pub name: String,
    /// Settings by dotted key, laid over the file's.
    #[serde(default)]
    pub set: BTreeMap<String, Value>,
}

impl Stage {
    /// `key=value` to lay over the file, for an experiment of this name; `runs` are the stages' runs so far, by stage.
    #[must_use]
    pub fn overrides(&self, experiment: &str, runs: &BTreeMap<String, String>) -> Vec<String> {
        let named = format!("name={experiment}-{}", self.name);
        let settings = self
            .set
            .iter()
            .map(|(key, value)| format!("{key}={}", with_runs(value, runs)));
        [named, "stages=null".to_owned()]
            .into_iter()
            .chain(settings)
            .collect()
    }
}

/// Each stage has a name of its own, and speaks of earlier ones only.
pub(super) fn in_order(stages: &[Stage], (): &()) -> garde::Result {
    for (idx, stage) in stages.iter().enumerate() {
        let earlier = || stages[..idx].iter().map(|stage| stage.name.as_str());
        if earlier().any(|name| name == stage.name) {
            return Err(garde::Error::new(format!(
                "has two stages called `{}`",
                stage.name
            )));
        }
        let named = stage.set.values().filter_map(Value::as_str);
        for name in named.filter_map(|text| text.strip_prefix('$')) {
            if !earlier().any(|earlier| earlier == name) {
                return Err(garde::Error::new(format!(
                    "`{}` names `${name}`, but no earlier stage is called so",
                    stage.name
                )));
            }
        }
    }
    Ok(())
}

fn with_runs(value: &Value, runs: &BTreeMap<String, String>) -> Value {
    let run = value
        .as_str()
        .and_then(|text| text.strip_prefix('$'))
        .and_then(|stage| runs.get(stage));
    run.map_or_else(|| value.clone(), |run| Value::from(run.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(json: &str) -> Vec<Stage> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_stage_names_its_run_and_takes_the_run_of_an_earlier_one() {
        let stages = stages(
            r#"[{"name": "one"}, {"name": "two", "set": {"init_from": "$one", "train.images": 64}}]"#,
        );
        assert!(in_order(&stages, &()).is_ok());
        let runs = BTreeMap::from([("one".to_owned(), "e-one-7".to_owned())]);
        assert_eq!(
            stages[1].overrides("e", &runs),
            [
                "name=e-two",
                "stages=null",
                "init_from=\"e-one-7\"",
                "train.images=64"
            ]
        );
    }

    #[test]
    fn a_stage_that_is_not_earlier_is_refused() {
        let later = stages(r#"[{"name": "one", "set": {"init_from": "$two"}}, {"name": "two"}]"#);
        let message = in_order(&later, &()).unwrap_err().to_string();
        assert!(
            message.contains("no earlier stage is called so"),
            "{message}"
        );
        let twins = stages(r#"[{"name": "one"}, {"name": "one"}]"#);
        assert!(in_order(&twins, &()).is_err());
    }
}
