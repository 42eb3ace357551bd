//! Several runs from one file: a grid of settings, each with several seeds.
//!
//! `sweep: {seeds: [1, 2, 3], grid: {objective.mismatch: [0, 0.5]}}` is six runs: the grid's settings in every combination, the last
//! key turning fastest, each with every seed. A variant is what differs apart from the seed; figures are summed up over the seeds of a
//! variant. Not here: running them.

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// More runs than anybody waits for are a mistake.
const MOST_RUNS: usize = 1000;

/// Which runs a file stands for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
#[garde(allow_unvalidated)]
pub struct Sweep {
    /// Values of `train.seed`, each different; empty for the file's own.
    #[garde(custom(all_differ))]
    pub seeds: Vec<u64>,
    /// Values for other settings by dotted key, each list with at least one; all combinations are run.
    #[garde(custom(has_values))]
    pub grid: BTreeMap<String, Vec<Value>>,
}

/// One run of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What it differs in apart from the seed, `objective.mismatch=0.5`; empty where there is no grid.
    pub variant: String,
    /// `key=value` to lay over the file, the seed and the end of the sweep included.
    pub overrides: Vec<String>,
}

impl Sweep {
    /// Its runs: variant after variant, each with all its seeds.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        let seeds: Vec<Option<u64>> = if self.seeds.is_empty() {
            vec![None]
        } else {
            self.seeds.iter().copied().map(Some).collect()
        };
        let with_seed = |settings: &Vec<String>, seed: &Option<u64>| Member {
            variant: settings.join(","),
            overrides: settings
                .iter()
                .cloned()
                .chain(seed.map(|seed| format!("train.seed={seed}")))
                .chain(["sweep=null".to_owned()])
                .collect(),
        };
        self.combinations()
            .iter()
            .flat_map(|settings| seeds.iter().map(move |seed| with_seed(settings, seed)))
            .collect()
    }

    fn combinations(&self) -> Vec<Vec<String>> {
        self.grid
            .iter()
            .fold(vec![Vec::new()], |so_far, (key, values)| {
                let with = |settings: &Vec<String>, value: &Value| {
                    [settings.as_slice(), &[format!("{key}={value}")]].concat()
                };
                so_far
                    .iter()
                    .flat_map(|settings| values.iter().map(move |value| with(settings, value)))
                    .collect()
            })
    }
}

fn all_differ(seeds: &[u64], (): &()) -> garde::Result {
    let twin = seeds
        .iter()
        .enumerate()
        .find(|(idx, seed)| seeds[..*idx].contains(seed));
    twin.map_or(Ok(()), |(_, seed)| {
        Err(garde::Error::new(format!(
            "names {seed} twice, but two runs of one seed are the same run"
        )))
    })
}

fn has_values(grid: &BTreeMap<String, Vec<Value>>, (): &()) -> garde::Result {
    if let Some((key, _)) = grid.iter().find(|(_, values)| values.is_empty()) {
        return Err(garde::Error::new(format!(
            "`{key}` has no values, but must have at least one"
        )));
    }
    if let Some(key) = grid
        .keys()
        .find(|key| *key == "train.seed" || key.split('.').next() == Some("sweep"))
    {
        return Err(garde::Error::new(format!(
            "`{key}` cannot be part of the grid: seeds stand in `sweep.seeds`"
        )));
    }
    let n_runs = grid
        .values()
        .try_fold(1_usize, |n, values| n.checked_mul(values.len()));
    if n_runs.is_some_and(|n| n <= MOST_RUNS) {
        return Ok(());
    }
    Err(garde::Error::new(format!(
        "has more than {MOST_RUNS} combinations"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(json: &str) -> Sweep {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_grid_is_every_combination_with_every_seed() {
        let sweep = sweep(r#"{"seeds": [1, 2], "grid": {"a": [0, 0.5], "b.c": ["x"]}}"#);
        let members = sweep.members();
        let variants: Vec<&str> = members.iter().map(|m| m.variant.as_str()).collect();
        assert_eq!(
            variants,
            [
                r#"a=0,b.c="x""#,
                r#"a=0,b.c="x""#,
                r#"a=0.5,b.c="x""#,
                r#"a=0.5,b.c="x""#
            ]
        );
        assert_eq!(
            members[3].overrides,
            ["a=0.5", r#"b.c="x""#, "train.seed=2", "sweep=null"]
        );
    }

    #[test]
    fn seeds_alone_are_one_variant() {
        let members = sweep(r#"{"seeds": [3, 4]}"#).members();
        assert_eq!(members.len(), 2);
        assert!(members.iter().all(|member| member.variant.is_empty()));
        assert_eq!(members[0].overrides, ["train.seed=3", "sweep=null"]);
    }

    #[test]
    fn an_empty_sweep_is_the_file_itself() {
        assert_eq!(Sweep::default().members()[0].overrides, ["sweep=null"]);
    }

    fn check_message(json: &str, expected: &str) {
        let message = sweep(json).validate().unwrap_err().to_string();
        assert!(message.contains(expected), "{message:?} lacks {expected:?}");
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        check_message(r#"{"seeds": [1, 2, 1]}"#, "names 1 twice");
        check_message(r#"{"grid": {"a.b": []}}"#, "`a.b` has no values");
        check_message(
            r#"{"grid": {"train.seed": [1]}}"#,
            "seeds stand in `sweep.seeds`",
        );
        let values = "[1,2,3,4,5,6,7,8,9,10,11]";
        check_message(
            &format!(r#"{{"grid": {{"a": {values}, "b": {values}, "c": {values}}}}}"#),
            "more than 1000 combinations",
        );
    }
}
