//! Pipelines as people write them: the files of the project are read, and mistakes are told by their place.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::path::{Path, PathBuf};

use idiom_spec::load;
use idiom_spec::pipeline::{Duplicates, FrameRule, Pipeline};
use rstest::rstest;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../pipelines")
        .join(name)
}

#[test]
fn the_default_pipeline_pairs_six_styles_and_speaks_three_languages() {
    let pipeline = load::<Pipeline>(&shipped("emoji.yaml"), &[]).unwrap().value;
    assert_eq!(
        (pipeline.name.as_str(), pipeline.picture.side),
        ("emoji", 64)
    );
    assert_eq!(pipeline.sources.len(), 6);
    assert!(pipeline.subjects.in_every_style);
    let compose = pipeline.compose.unwrap();
    assert_eq!(
        compose.languages.keys().collect::<Vec<_>>(),
        ["en", "yue", "zh"]
    );
    assert!(compose.per_row >= 4);
}

#[test]
fn the_folder_pipeline_takes_another_folder_from_the_command_line() {
    let overrides = [
        "sources.pictures.folder.path=/my/pictures".to_owned(),
        "name=mine".to_owned(),
    ];
    let pipeline = load::<Pipeline>(&shipped("folder.yaml"), &overrides)
        .unwrap()
        .value;
    assert_eq!(pipeline.name, "mine");
    assert_eq!(
        pipeline.sources["pictures"].folder.as_ref().unwrap().path,
        Path::new("/my/pictures")
    );
}

#[test]
fn every_shipped_pipeline_is_valid_and_names_itself() {
    let mut n = 0;
    for entry in std::fs::read_dir(shipped("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "yaml") {
            let pipeline = load::<Pipeline>(&path, &[]).unwrap().value;
            assert_eq!(
                Some(pipeline.name.as_str()),
                path.file_stem().and_then(|stem| stem.to_str())
            );
            n += 1;
        }
    }
    assert!(n >= 9, "only {n} were found");
}

#[test]
fn a_hub_set_is_either_here_or_there() {
    for place in ["", "local: a, repo: b/c"] {
        let message = read(&format!(
            "name: a\nsources: {{s: {{huggingface: {{{place}}}}}}}\n"
        ))
        .unwrap_err();
        assert!(message.contains("either `local` or `repo`"), "{message}");
    }
}

const SMALL: &str = "name: a\nsources:\n  pictures: {folder: {path: pictures}}\n";

fn read(yaml: &str) -> Result<Pipeline, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    std::fs::write(&path, yaml).unwrap();
    load::<Pipeline>(&path, &[])
        .map(|loaded| loaded.value)
        .map_err(|error| error.to_string())
}

#[test]
fn what_is_left_out_has_its_default() {
    let pipeline = read(SMALL).unwrap();
    assert_eq!(
        (pipeline.picture.side, pipeline.picture.frame),
        (64, FrameRule::Pad)
    );
    assert_eq!(
        (pipeline.picture.upscale, pipeline.duplicates),
        (false, Duplicates::Keep)
    );
    assert_eq!((pipeline.split.validation, pipeline.split.test), (0.1, 0.1));
    assert_eq!(pipeline.shards.max_bytes, 256 << 20);
}

#[rstest]
#[case(
    "picture: {side: 4}",
    "`picture.side`: is 4, but must be at least 8 and at most 4096"
)]
#[case(
    "split: {test: .nan}",
    "`split.test`: is NaN, but must be at least 0 and at most 0.5"
)]
#[case("pictures: {side: 64}", "unknown field `pictures`")]
#[case(
    "packages: {x: {name: \"a;b\", version: 1.0.0, integrity: x}}",
    "is `a;b`, but must be a package's name"
)]
#[case(
    "packages: {x: {name: a, version: latest, integrity: x}}",
    "is `latest`, but must be an exact version"
)]
#[case(
    "packages: {x: {name: a, version: 1.0.0, integrity: sha1-x}}",
    "must be `sha512-` and 88 characters"
)]
#[case(
    "compose: {per_row: 4, languages: {en: {share: 1, patterns: [\"{subject}\"]}}}",
    "must contain `{subject}` and `{phrase}`"
)]
fn a_mistake_is_named(#[case] line: &str, #[case] expected: &str) {
    let message = read(&format!("{SMALL}{line}\n")).unwrap_err();
    assert!(message.contains(expected), "{message}");
}

#[rstest]
#[case("name: a\nsources: {s: {style: x}}\n", "but this one has 0")]
#[case(
    "name: a\nsources: {s: {folder: {path: x}, icon_set: {package: y}}}\n",
    "but this one has 2"
)]
#[case(
    "name: ../a\nsources: {s: {folder: {path: x}}}\n",
    "is `../a`, but must be 1 to 64 letters"
)]
#[case("name: a\nsources: {}\n", "`sources`")]
fn a_pipeline_that_cannot_be_run_is_refused(#[case] yaml: &str, #[case] expected: &str) {
    let message = read(yaml).unwrap_err();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn the_resolved_pipeline_reads_back_as_the_same() {
    let pipeline = load::<Pipeline>(&shipped("emoji.yaml"), &[]).unwrap().value;
    let yaml = serde_yaml::to_string(&pipeline).unwrap();
    assert_eq!(read(&yaml).unwrap(), pipeline);
}

#[test]
fn editors_get_a_schema_with_every_field_explained() {
    let schema = serde_json::to_value(schemars::schema_for!(Pipeline)).unwrap();
    for (name, field) in schema["properties"].as_object().unwrap() {
        let explained = field["description"].is_string()
            || field["$ref"].is_string()
            || field["anyOf"].is_array();
        assert!(explained, "`{name}` has no description");
    }
}
