//! The "never" lines and the manners of writing that only the sources can tell.

use idiom_tests::workspace::{Source, root, sources};
use std::collections::BTreeSet;

/// Fails with every place at which `wrong` says so.
fn none(what: &str, wrong: impl Fn(&Source, &str) -> bool) {
    let mut places = Vec::new();
    for source in sources().iter().filter(|s| !s.is_test()) {
        let hits = source.code().filter(|(_, line)| wrong(source, line));
        places.extend(
            hits.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())),
        );
    }
    assert!(places.is_empty(), "{what}:\n{}", places.join("\n"));
}

fn is_main(source: &Source) -> bool {
    source.path.ends_with("/main.rs")
}

#[test]
fn only_main_prints_reads_the_environment_and_exits() {
    let words = [
        "println!",
        "eprintln!",
        "print!(",
        "env::var",
        "process::exit",
        "tracing_subscriber::",
    ];
    none("only main.rs may do this", |s, line| {
        !is_main(s) && words.iter().any(|w| line.contains(w))
    });
}

#[test]
fn the_networks_see_no_file_no_clock_and_no_configuration() {
    let words = [
        "std::fs",
        "std::time",
        "std::env",
        "Instant",
        "idiom_spec",
        "SystemTime",
    ];
    none("gan is functions of tensors", |s, line| {
        s.path.starts_with("crates/gan/") && words.iter().any(|w| line.contains(w))
    });
}

#[test]
fn unsafe_stands_only_where_libtorch_is_bound() {
    let unsafe_word = |line: &str| {
        line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')
            .any(|w| w == "unsafe")
    };
    none("unsafe code", |s, line| {
        !s.path.starts_with("crates/torch-ext/") && unsafe_word(line)
    });
}

#[test]
fn no_name_of_an_experiment_a_style_or_a_data_set_stands_in_the_code() {
    let names = declared_names();
    assert!(names.len() >= 6, "the check itself is blind: {names:?}");
    none("names belong into YAML and TSV", |_, line| {
        names
            .iter()
            .any(|n| line.contains(&format!("\"{n}\"")) || line.contains(&format!("\"{n}.yaml\"")))
    });
}

/// Names of experiments, pipelines and styles, as their files declare them.
fn declared_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["experiments", "pipelines"] {
        for entry in std::fs::read_dir(root().join(folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            // `folder` is also the name of a kind of source and `restyle` that of a task, which the code must know.
            if path.extension().is_some_and(|e| e == "yaml")
                && path
                    .file_stem()
                    .is_some_and(|s| s != "folder" && s != "restyle")
            {
                names.extend(path.file_stem().map(|s| s.to_string_lossy().into_owned()));
            }
        }
    }
    let phrases = std::fs::read_to_string(root().join("pipelines/phrases.tsv")).unwrap_or_default();
    names.extend(
        phrases
            .lines()
            .skip(1)
            .filter_map(|l| l.split('\t').next())
            .map(str::to_owned),
    );
    names
}

#[test]
fn every_file_says_what_it_is_and_fits_the_eye() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if !source.text.starts_with("//!") {
            wrong.push(format!("{}: does not open with `//!`", source.path));
        }
        if lines > 500 {
            wrong.push(format!("{}: has {lines} lines, more than 500", source.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    let empty = [
        "utils", "util", "common", "base", "helpers", "helper", "misc", "core", "manager",
    ];
    for source in sources() {
        let parts = source.path.trim_end_matches(".rs").split('/').skip(2);
        for part in parts {
            assert!(
                !empty.contains(&part),
                "{}: `{part}` says nothing",
                source.path
            );
        }
    }
}

#[test]
fn the_schemas_beside_the_yaml_are_current() {
    for (kind, folder) in [("experiment", "experiments"), ("pipeline", "pipelines")] {
        let output = std::process::Command::new(idiom_tests::project::binary("idiom"))
            .args(["schema", kind])
            .output()
            .unwrap_or_else(|e| panic!("{e}"));
        let made = String::from_utf8_lossy(&output.stdout).into_owned();
        let file = root().join(folder).join("schema.json");
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            made == kept,
            "{folder}/schema.json is not current: `target/debug/idiom schema {kind} > {folder}/schema.json`"
        );
    }
}
