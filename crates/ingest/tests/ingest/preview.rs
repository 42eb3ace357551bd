//! A dry run: what would be read, and nothing written.

use std::sync::atomic::AtomicBool;

use idiom_ingest::preview;

use crate::world::{FOLDER, World};

#[test]
fn a_preview_says_kinds_counts_samples_and_problems_and_writes_nothing() {
    let world = World::new();
    world.pipeline(FOLDER);
    for i in 0..20 {
        world.picture(&format!("p{i:02}"), i, "a small cat");
    }
    world.write("pictures/p07.png", b"<html>");
    world.write("pictures/lonely.png", b"x");
    let preview = preview(&world.request(1), &|_| {}, &AtomicBool::new(false)).unwrap();
    let source = &preview.sources[0];
    assert_eq!(
        (source.kind, source.offered, source.kept),
        ("folder", 20, 20)
    );
    assert_eq!(source.problems["no_caption"], (1, "lonely.png".to_owned()));
    assert_eq!(source.samples.len(), 3);
    let refused = source
        .samples
        .iter()
        .find(|sample| sample.key == "p07.png")
        .unwrap();
    assert!(
        refused
            .outcome
            .as_ref()
            .unwrap_err()
            .starts_with("unsupported_format")
    );
    let text = preview.to_string();
    for words in [
        "20 pictures of 1 source in 3 units of work",
        "train, 1 caption,",
        "40x40 -> 16x16",
        "the first in en: a small cat",
        "no_caption 1 time, the first `lonely.png`",
    ] {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }
    assert!(!world.out().exists(), "something was written");
}

#[test]
fn what_is_not_there_is_said_with_its_place_and_the_way_out() {
    for (source, field, key) in [
        ("folder: {path: nowhere}", "sources.a.folder", "path"),
        (
            "coco: {annotations: nowhere}",
            "sources.a.coco",
            "annotations",
        ),
        (
            "huggingface: {local: nowhere}",
            "sources.a.huggingface",
            "local",
        ),
        (
            "webdataset: {path: nowhere}",
            "sources.a.webdataset",
            "path",
        ),
        (
            "list: {path: nowhere.csv, image: x, captions: [{column: y}]}",
            "sources.a.list",
            "path",
        ),
    ] {
        let world = World::new();
        world.sources(&[&format!("a: {{{source}}}")]);
        let error = world.run(1).unwrap_err();
        let (message, hint) = (error.to_string(), error.hint().unwrap());
        assert!(
            message.starts_with(&format!("`{field}` reads `")),
            "{message}"
        );
        assert!(message.contains("nowhere"), "{message}");
        assert!(
            hint.ends_with(&format!("`{field}.{key}=/elsewhere`")),
            "{hint}"
        );
    }
}
