//! Sources and caption tables in packages: the join, the words, the sentences, the split, and fetching.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use idiom_dataset::{Dataset, Split};
use idiom_ingest::IngestError;
use serde_json::{Map, Value, json};

use crate::killed::child;
use crate::world::{World, png};

/// Forty subjects from U+1F600 on, drawn by an icon set and by files; the icon set has one more.
fn world() -> World {
    let world = World::new();
    let packages = [icon_set(&world), picture_files(&world), tables(&world)].concat();
    let mut phrases = String::from("style\tlang\ttext\tkind\tsplit\n");
    for (style, lang) in [("flat", "en"), ("flat", "yue"), ("photo", "en")] {
        for i in 0..6 {
            let split = if i < 4 { "train" } else { "test" };
            phrases += &format!(
                "{style}\t{lang}\t{split} phrase {i} of {style} in {lang}\tcolloquial\t{split}\n"
            );
        }
    }
    world.write("phrases.tsv", phrases);
    world.pipeline(&PIPELINE.replace("PACKAGES", &packages));
    world
}

const PIPELINE: &str = "
name: pairs
picture: {side: 16}
packages:
PACKAGES
sources:
  flat: {style: flat, license: MIT, icon_set: {package: flat}}
  photo: {style: photo, license: CC0-1.0, package_files: {package: photo, prefix: art/, suffix: .png}}
captions:
  - {package: words, file: en.json, lang: en, code: hexcode, label: label, tags: tags}
  - {package: words, file: yue.json, lang: yue, at: a.b, label: tts}
subjects: {in_every_style: true, labelled_in: [en]}
split: {validation: 0.2, test: 0.2}
phrases: phrases.tsv
compose:
  per_row: 4
  languages:
    en: {share: 0.5, patterns: [\"{subject}, {phrase}\"]}
    yue: {share: 0.5, patterns: [\"{subject}，{phrase}\"]}
shards: {unit_rows: 16}
";

fn code(number: u32) -> String {
    format!("{:x}", 0x1f600 + number)
}

fn icon_set(world: &World) -> String {
    let body = |i: u32| format!("<path fill=\"currentColor\" d=\"M0 0h{}v8H0z\"/>", i % 16);
    let icons: Map<String, Value> = (0..41)
        .map(|i| (format!("icon-{i}"), json!({"body": body(i)})))
        .collect();
    let icons = json!({"width": 16, "height": 16, "icons": icons}).to_string();
    let names: Map<String, Value> = (0..41)
        .map(|i| (format!("{}-FE0F", code(i)), format!("icon-{i}").into()))
        .collect();
    let names = Value::Object(names).to_string();
    world.package(
        "flat",
        &[
            ("icons.json", icons.as_bytes()),
            ("chars.json", names.as_bytes()),
        ],
    )
}

fn picture_files(world: &World) -> String {
    let names: Vec<String> = (0..40)
        .map(|i| format!("art/{}.png", code(i).to_uppercase()))
        .collect();
    let pictures: Vec<Vec<u8>> = (0..40).map(png).collect();
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .map(String::as_str)
        .zip(pictures.iter().map(Vec::as_slice))
        .collect();
    world.package("photo", &files)
}

fn tables(world: &World) -> String {
    let list: Vec<Value> = (0..41)
        .map(
            |i| json!({"hexcode": code(i), "label": format!("thing {i}"), "tags": ["round", ":D"]}),
        )
        .collect();
    let map: Map<String, Value> = (0..41)
        .map(|i| {
            (
                char::from_u32(0x1f600 + i).unwrap().to_string(),
                json!({"tts": [format!("東西{i}")]}),
            )
        })
        .collect();
    let (list, map) = (
        Value::from(list).to_string(),
        json!({"a": {"b": map}}).to_string(),
    );
    world.package(
        "words",
        &[("en.json", list.as_bytes()), ("yue.json", map.as_bytes())],
    )
}

#[test]
fn only_subjects_that_every_style_draws_are_kept() {
    let world = world();
    let counts = world.run(2).unwrap().counts;
    assert_eq!(
        (counts.rows_in, counts.rows_out, counts.rejects),
        (80, 80, 0)
    );
    let rows = world.rows();
    assert!(
        rows.contains_key("1f600/flat")
            && rows.contains_key("1f627/photo")
            && !rows.contains_key("1f628/flat")
    );
    let stats: Value = serde_json::from_slice(&world.files()["stats.json"]).unwrap();
    assert_eq!(
        stats["sources"][0],
        json!({"name": "npm:flat@1.0.0", "offered": 41, "kept": 40})
    );
    assert_eq!(stats["subjects"], 40);
}

#[test]
fn a_row_carries_the_words_of_every_table() {
    let world = world();
    world.run(1).unwrap();
    let (_, row) = &world.rows()["1f605/flat"];
    assert_eq!(row.caption, "thing 5");
    let plain: Vec<(&str, &str, &str)> = row
        .captions
        .iter()
        .filter(|caption| caption.kind != "composed")
        .map(|caption| {
            (
                caption.kind.as_str(),
                caption.lang.as_str(),
                caption.text.as_str(),
            )
        })
        .collect();
    assert_eq!(
        plain,
        [
            ("label", "en", "thing 5"),
            ("tags", "en", "round"),
            ("label", "yue", "東西5")
        ]
    );
    assert_eq!(
        (row.subject.as_deref(), row.style.as_deref()),
        (Some("1f605"), Some("flat"))
    );
    assert_eq!(row.source.as_deref(), Some("npm:flat@1.0.0/icon-5"));
    assert_eq!(
        (row.format.as_str(), row.orig_width, row.width),
        ("svg", 16, 16)
    );
    assert_eq!(row.meta.as_deref(), Some(r#"{"characters":"😅"}"#));
}

#[test]
fn current_colour_is_drawn_black_on_the_background() {
    let world = world();
    world.run(1).unwrap();
    let (_, row) = &world.rows()["1f608/flat"];
    let picture = idiom_picture::decode(&row.image, &idiom_picture::Limits::default()).unwrap();
    let picture = picture.pixels.on_background([1, 2, 3]);
    assert_eq!(
        (picture.at(3, 3), picture.at(12, 3), picture.at(3, 12)),
        ([0; 3], [255; 3], [255; 3])
    );
}

#[test]
fn the_styles_of_a_subject_share_its_split() {
    let world = world();
    world.run(1).unwrap();
    let rows = world.rows();
    let splits: BTreeSet<Split> = rows.values().map(|(split, _)| *split).collect();
    assert_eq!(splits.len(), 3);
    for (key, (split, _)) in rows.iter().filter(|(key, _)| key.ends_with("/flat")) {
        assert_eq!(rows[&key.replace("flat", "photo")].0, *split, "{key}");
    }
}

#[test]
fn sentences_join_a_label_and_a_phrase_of_the_right_split() {
    let world = world();
    world.run(1).unwrap();
    let mut langs = BTreeSet::new();
    for (key, (split, row)) in world.rows() {
        let sentences: Vec<_> = row
            .captions
            .iter()
            .filter(|caption| caption.kind == "composed")
            .collect();
        assert_eq!(sentences.len(), 4, "{key}");
        for sentence in sentences {
            let held_out = sentence.text.contains("test phrase");
            assert_eq!(held_out, split == Split::Test, "{key}: {}", sentence.text);
            assert!(sentence.text.contains(&format!(
                "of {} in {}",
                row.style.clone().unwrap(),
                sentence.lang
            )));
            assert!(sentence.text.starts_with("thing ") || sentence.text.starts_with("東西"));
            langs.insert((row.style.clone(), sentence.lang.clone()));
        }
    }
    assert_eq!(langs.len(), 3, "photo has no phrases in yue");
}

#[test]
fn the_phrases_lie_beside_the_shards() {
    let world = world();
    world.run(1).unwrap();
    let phrases = Dataset::open(&world.out()).unwrap().phrases().unwrap();
    assert_eq!(phrases.len(), 18);
    assert_eq!(
        phrases
            .iter()
            .filter(|phrase| phrase.split == Split::Test)
            .count(),
        6
    );
}

#[test]
fn a_broken_table_of_phrases_is_an_error_with_its_line() {
    let world = world();
    world.write(
        "phrases.tsv",
        "style\tlang\ttext\tkind\tsplit\nflat\ten\tround\tformal\tholdout\n",
    );
    let message = world.run(1).unwrap_err().to_string();
    assert!(
        message.contains("phrases.tsv:2: `holdout` is not a split"),
        "{message}"
    );
    world.write("phrases.tsv", "style,lang,text\n");
    let message = world.run(1).unwrap_err().to_string();
    assert!(
        message.contains("phrases.tsv:1: the column `style` is missing"),
        "{message}"
    );
}

#[test]
fn a_package_that_is_not_listed_is_an_error_that_lists_the_others() {
    let world = world();
    let yaml = fs::read_to_string(world.root.join("pipeline.yaml")).unwrap();
    world.pipeline(&yaml.replace("icon_set: {package: flat}", "icon_set: {package: flta}"));
    let message = world.run(1).unwrap_err().to_string();
    assert!(
        message.contains("sources.flat.icon_set.package is `flta`"),
        "{message}"
    );
    assert!(message.contains("`flat`, `photo`, `words`"), "{message}");
}

#[test]
fn a_table_that_lacks_what_the_pipeline_says_is_an_error() {
    let world = world();
    let yaml = fs::read_to_string(world.root.join("pipeline.yaml")).unwrap();
    world.pipeline(&yaml.replace("at: a.b", "at: a.c"));
    let message = world.run(1).unwrap_err().to_string();
    assert!(
        message.contains("`yue.json` in the package `words@1.0.0`: there is no `c`"),
        "{message}"
    );
}

/// A registry's client that copies what lies in `shelf/`, with a log of what it was asked for.
fn client(world: &World) {
    let root = world.root.display();
    let script = format!(
        "#!/bin/sh\necho \"$2\" >> {root}/asked\nwhile [ \"$1\" != --pack-destination ]; do shift; done\n/bin/cp {root}/shelf/* \"$2\"/\n"
    );
    world.write("bin/npm", script);
    fs::set_permissions(
        world.root.join("bin/npm"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
}

#[test]
fn a_missing_package_is_fetched_once() {
    let world = world();
    client(&world);
    fs::create_dir(world.root.join("shelf")).unwrap();
    fs::rename(
        world.root.join("cache/photo-1.0.0.tgz"),
        world.root.join("shelf/photo-1.0.0.tgz"),
    )
    .unwrap();
    let ended = child(&world, &world.root.join("bin")).wait().unwrap();
    assert!(ended.success());
    assert_eq!(
        fs::read_to_string(world.root.join("asked")).unwrap(),
        "photo@1.0.0\n"
    );
    assert_eq!(
        Dataset::open(&world.out())
            .unwrap()
            .manifest()
            .counts
            .rows_out,
        80
    );
    assert!(world.root.join("cache/photo-1.0.0.tgz").exists());
}

#[test]
fn a_package_with_other_bytes_is_refused() {
    let world = world();
    client(&world);
    world.write("shelf/photo-1.0.0.tgz", b"other bytes");
    fs::remove_file(world.root.join("cache/photo-1.0.0.tgz")).unwrap();
    assert!(
        !child(&world, &world.root.join("bin"))
            .wait()
            .unwrap()
            .success()
    );
    let message = fs::read_to_string(world.root.join("error")).unwrap();
    assert!(
        message.contains("the package `photo@1.0.0` has the hash `sha512-"),
        "{message}"
    );
    assert!(!world.root.join("cache/photo-1.0.0.tgz").exists());
}

#[test]
fn without_the_client_the_error_says_what_to_install() {
    let world = world();
    fs::remove_file(world.root.join("cache/photo-1.0.0.tgz")).unwrap();
    assert!(
        !child(&world, &world.root.join("empty"))
            .wait()
            .unwrap()
            .success()
    );
    let message = fs::read_to_string(world.root.join("error")).unwrap();
    assert!(
        message.contains("`npm` cannot be run") && message.contains("install Node.js"),
        "{message}"
    );
}

#[test]
fn a_damaged_tarball_in_the_cache_is_not_used() {
    let world = world();
    let path = world.root.join("cache/photo-1.0.0.tgz");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    client(&world);
    fs::create_dir(world.root.join("shelf")).unwrap();
    fs::write(world.root.join("shelf/photo-1.0.0.tgz"), &bytes).unwrap();
    assert!(
        child(&world, &world.root.join("bin"))
            .wait()
            .unwrap()
            .success()
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn an_unknown_kind_of_error_is_never_silent() {
    let world = world();
    let yaml = fs::read_to_string(world.root.join("pipeline.yaml")).unwrap();
    world.pipeline(&yaml.replace("suffix: .png", "suffix: .nothing"));
    assert!(matches!(
        world.run(1),
        Err(IngestError::NoRows { rows_in: 0, .. })
    ));
}
