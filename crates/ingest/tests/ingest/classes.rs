//! Class folders with caption templates.

use idiom_dataset::Dataset;

use crate::world::{World, png};

fn world() -> World {
    let world = World::new();
    for (i, file) in [
        "n02/a.png",
        "n02/b.png",
        "n01/deep/c.png",
        "n03/d.png",
        "stray.png",
    ]
    .into_iter()
    .enumerate()
    {
        world.write(&format!("classes/{file}"), png(i as u8));
    }
    world
}

const TEMPLATES: &str =
    "templates: {en: [\"a photo of a {class}\", \"one {class}\"], zh: [\"一张{class}的照片\"]}";

#[test]
fn captions_are_made_of_the_classs_name_in_each_language() {
    let world = world();
    world.write(
        "names.tsv",
        "folder\ten\tzh\nn01\ttench\t丁鲷\nn02\tgoldfish\t\n",
    );
    world.sources(&[&format!(
        "c: {{class_folders: {{path: classes, names: names.tsv, {TEMPLATES}}}}}"
    )]);
    world.run(2).unwrap();
    assert_eq!(
        world.texts("n01/deep/c.png"),
        [
            "a photo of a tench",
            "one tench",
            "一张丁鲷的照片",
            "tench",
            "丁鲷"
        ]
    );
    assert_eq!(
        world.texts("n02/a.png"),
        ["a photo of a goldfish", "one goldfish", "goldfish"]
    );
    let rows = world.rows();
    let kinds: Vec<&str> = rows["n01/deep/c.png"]
        .1
        .captions
        .iter()
        .map(|caption| caption.kind.as_str())
        .collect();
    assert_eq!(kinds, ["text", "text", "text", "label", "label"]);
    assert_eq!(
        (world.code("stray.png"), world.code("n03/d.png")),
        ("no_class".to_owned(), "no_class_name".to_owned())
    );
}

#[test]
fn labels_count_the_sorted_classes_and_readers_know_their_names() {
    let world = world();
    world.sources(&[&format!(
        "c: {{class_folders: {{path: classes, {TEMPLATES}}}}}"
    )]);
    world.run(1).unwrap();
    let dataset = Dataset::open(&world.out()).unwrap();
    assert_eq!(dataset.manifest().classes, ["n01", "n02", "n03"]);
    let rows = world.rows();
    let labels = ["n01/deep/c.png", "n02/b.png", "n03/d.png"].map(|key| rows[key].1.label);
    assert_eq!(labels, [Some(0), Some(1), Some(2)]);
    assert_eq!(rows["n02/a.png"].1.caption, "a photo of a n02");
    let shard = std::fs::read(world.out().join(&dataset.manifest().shards[0].path)).unwrap();
    let text = String::from_utf8_lossy(&shard);
    assert!(
        text.contains(r#""label":{"_type":"ClassLabel","names":["n01","n02","n03"]}"#),
        "no ClassLabel"
    );
}
