//! Reading configurations through the public surface: what a person typed, and what he is told.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use garde::Validate;
use idiom_spec::{Loaded, SpecError, load};
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Toy {
    #[garde(skip)]
    name: String,
    #[garde(dive)]
    train: Train,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Train {
    #[garde(custom(idiom_spec::range::between(0.0, 1.0)))]
    learning_rate: f64,
    #[garde(skip)]
    #[serde(default)]
    seed: u64,
}

struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        Self(dir)
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn load(&self, name: &str, overrides: &[&str]) -> Result<Loaded<Toy>, SpecError> {
        load(
            &self.path(name),
            &overrides
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
        )
    }
    /// The error's message with the folder cut away.
    fn message(&self, name: &str, overrides: &[&str]) -> String {
        let error = self.load(name, overrides).unwrap_err();
        let hint = error.hint().map(|h| format!(" ({h})")).unwrap_or_default();
        format!("{error}{hint}").replace(&format!("{}/", self.0.path().display()), "")
    }
}

const GOOD: &str = "name: a\ntrain:\n  learning_rate: 0.5\n  seed: 1\n";

#[test]
fn a_file_extends_another_and_an_override_wins_over_both() {
    let files = Files::new(&[
        ("a.yaml", GOOD),
        (
            "b.yaml",
            "extends: a.yaml\ntrain: {seed: 5, learning_rate: 0.1}\n",
        ),
    ]);
    let toy = files.load("b.yaml", &["train.seed=7"]).unwrap().value;
    assert_eq!((toy.name.as_str(), toy.train.seed), ("a", 7));
    assert!((toy.train.learning_rate - 0.1).abs() < 1e-12);
}

#[test]
fn a_misspelt_key_is_named_with_its_place_and_the_nearest_key() {
    let files = Files::new(&[(
        "a.yaml",
        "name: a\ntrain:\n  learning_rate: 0.5\n  sead: 1\n",
    )]);
    insta::assert_snapshot!(files.message("a.yaml", &[]), @"a.yaml:4:3: `train.sead`: unknown field `sead`, expected `learning_rate` or `seed` (did you mean `seed`?)");
}

#[test]
fn a_wrong_type_is_named_with_its_place() {
    let files = Files::new(&[("a.yaml", "name: a\ntrain:\n  learning_rate: fast\n")]);
    insta::assert_snapshot!(files.message("a.yaml", &[]), @r#"a.yaml:3:3: `train.learning_rate`: invalid type: string "fast", expected f64"#);
}

#[test]
fn a_value_out_of_range_is_named_in_the_file_that_set_it() {
    let files = Files::new(&[
        ("a.yaml", GOOD),
        ("b.yaml", "extends: a.yaml\ntrain:\n  learning_rate: 20\n"),
    ]);
    insta::assert_snapshot!(files.message("b.yaml", &[]), @"b.yaml:3:3: `train.learning_rate`: is 20, but must be at least 0 and at most 1");
}

#[test]
fn nan_is_out_of_range() {
    let files = Files::new(&[("a.yaml", "name: a\ntrain: {learning_rate: .nan}\n")]);
    assert!(files.load("a.yaml", &[]).is_err());
}

#[test]
fn a_wrong_override_is_named_as_the_command_lines() {
    let files = Files::new(&[("a.yaml", GOOD)]);
    insta::assert_snapshot!(files.message("a.yaml", &["train.sed=2"]), @"command line: `train.sed`: unknown field `sed`, expected `learning_rate` or `seed` (did you mean `seed`?)");
    insta::assert_snapshot!(files.message("a.yaml", &["train.seed"]), @"command line: `train.seed`: has no `=` (write overrides as `train.seed=2`)");
}

#[test]
fn a_duplicate_key_a_loop_and_a_missing_file_are_refused() {
    let files = Files::new(&[
        ("twice.yaml", "name: a\nname: b\n"),
        ("loop.yaml", "extends: loop.yaml\n"),
        ("lost.yaml", "extends: nowhere.yaml\n"),
    ]);
    insta::assert_snapshot!(files.message("twice.yaml", &[]), @r#"twice.yaml:1:1: duplicate entry with key "name""#);
    insta::assert_snapshot!(files.message("loop.yaml", &[]), @"loop.yaml: `extends` leads back to `loop.yaml` (name another file after `extends:`, relative to this one)");
    insta::assert_snapshot!(files.message("lost.yaml", &[]), @"nowhere.yaml: there is no such file");
}

#[test]
fn an_anchor_bomb_and_deep_nesting_are_refused() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (one, next) in ('a'..'j').zip('b'..='j') {
        bomb += &format!(
            "{next}: &{next} [{}]\n",
            vec![format!("*{one}"); 9].join(",")
        );
    }
    let deep = format!("name: {}{}", "[".repeat(5000), "]".repeat(5000));
    let files = Files::new(&[("bomb.yaml", &bomb), ("deep.yaml", &deep)]);
    assert!(files.message("bomb.yaml", &[]).contains("repetition limit"));
    assert!(files.message("deep.yaml", &[]).contains("recursion limit"));
}
