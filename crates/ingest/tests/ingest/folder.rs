//! A folder of pictures with caption files beside them.

use std::fs;
use std::sync::atomic::AtomicBool;

use idiom_dataset::lock::FolderLock;
use idiom_dataset::{Caption, Dataset, Manifest};
use idiom_ingest::IngestError;
use rstest::rstest;

use crate::world::{FOLDER, World, png};

fn world() -> World {
    let world = World::new();
    world.pipeline(FOLDER);
    world.picture("cat", 1, "a cat\r\na small cat\n\n");
    world
}

#[test]
fn a_picture_and_its_lines_become_a_row() {
    let world = world();
    world.run(1).unwrap();
    let (_, row) = &world.rows()["cat.png"];
    let texts: Vec<&str> = row
        .captions
        .iter()
        .map(|caption| caption.text.as_str())
        .collect();
    assert_eq!(
        (row.caption.as_str(), texts),
        ("a cat", vec!["a cat", "a small cat"])
    );
    assert_eq!(
        (row.width, row.height, row.orig_width, row.orig_height),
        (16, 16, 40, 40)
    );
    assert_eq!(
        (row.format.as_str(), row.license.as_deref()),
        ("png", Some("CC0-1.0"))
    );
    assert_eq!(row.source.as_deref(), Some("folder:pictures/cat.png"));
    assert_eq!(row.sha256, idiom_dataset::digest::sha256(&png(1)));
    assert!(row.subject.is_none() && row.style.is_none());
}

#[test]
fn json_says_more_than_lines() {
    let world = world();
    world.write("pictures/sub/dog.png", png(2));
    world.write(
        "pictures/sub/dog.json",
        r#"{"captions": ["a dog", {"text": "一隻狗", "lang": "YUE", "kind": "label"}],
            "subject": "dog", "style": "crayon", "license": "MIT", "mood": "glad"}"#,
    );
    world.run(1).unwrap();
    let (_, row) = &world.rows()["sub/dog.png"];
    let expected = Caption {
        text: "一隻狗".to_owned(),
        lang: "yue".to_owned(),
        source: "sidecar".to_owned(),
        kind: "label".to_owned(),
    };
    assert_eq!(row.captions[1], expected);
    assert_eq!(
        (row.subject.as_deref(), row.style.as_deref()),
        (Some("dog"), Some("crayon"))
    );
    assert_eq!(
        (row.license.as_deref(), row.meta.as_deref()),
        (Some("MIT"), Some(r#"{"mood":"glad"}"#))
    );
}

#[rstest]
#[case("a.txt", b"\xef\xbb\xbfa cat\r\n", "")]
#[case("a.txt", b"a \xff cat", "bad_utf8")]
#[case("a.txt", b" \xe2\x80\x8b \n", "empty_caption")]
#[case("a.txt", &[b'x'; 1 << 20], "caption_too_long")]
#[case("a.json", b"{\"captions\": [\"a\",\n \"b\"", "broken_caption")]
#[case("a.json", b"{\"captions\": [7]}", "broken_caption")]
#[case("a.json", b"[\"one\", \"two\"]", "")]
fn a_bad_caption_is_refused_with_its_code(
    #[case] file: &str,
    #[case] content: &[u8],
    #[case] code: &str,
) {
    let world = world();
    world.write("pictures/a.png", png(3));
    world.write(&format!("pictures/{file}"), content);
    world.run(1).unwrap();
    assert_eq!(world.code("a.png"), code);
    assert_eq!(world.rows().contains_key("a.png"), code.is_empty());
}

#[test]
fn a_broken_caption_file_is_refused_with_its_line() {
    let world = world();
    world.write("pictures/a.png", png(3));
    world.write("pictures/a.json", "{\n\"captions\": [\n\"open");
    world.run(1).unwrap();
    assert_eq!(world.rejects()[0].line, Some(3));
}

#[rstest]
#[case("a.png", b"", "empty")]
#[case("a.png", b"II*\0 a TIFF in disguise", "unsupported_format")]
#[case("a.png", b"<html>not found</html>", "unsupported_format")]
#[case("a.jpg", b"\xff\xd8\xff\xe0 cut", "broken")]
fn a_bad_picture_is_refused_with_its_code(
    #[case] file: &str,
    #[case] bytes: &[u8],
    #[case] code: &str,
) {
    let world = world();
    world.write(&format!("pictures/{file}"), bytes);
    world.write("pictures/a.txt", "words");
    let summary = world.run(1).unwrap();
    assert_eq!(world.code(file), code);
    assert_eq!(summary.rejects_by_code, [(code.to_owned(), 1)]);
    assert_eq!(
        world.rejects()[0].sha256,
        idiom_dataset::digest::sha256_hex(bytes)
    );
}

#[test]
fn what_has_no_partner_is_refused() {
    let world = world();
    world.write("pictures/lonely.png", png(4));
    world.write("pictures/words.txt", "nothing to see");
    world.run(1).unwrap();
    assert_eq!(
        (world.code("lonely.png"), world.code("words.txt")),
        ("no_caption".to_owned(), "no_picture".to_owned())
    );
}

#[test]
fn names_that_differ_only_in_case_are_refused() {
    let world = world();
    world.picture("Same", 5, "one");
    world.picture("same", 6, "two");
    world.run(1).unwrap();
    assert_eq!(
        (world.code("Same.png"), world.code("same.png")),
        ("case_conflict".to_owned(), "case_conflict".to_owned())
    );
}

#[test]
fn links_that_lead_out_of_the_folder_are_refused() {
    let world = world();
    world.write("secret.png", png(7));
    world.write("pictures/link.txt", "words");
    world.write("pictures/inner.txt", "words");
    std::os::unix::fs::symlink(
        world.root.join("secret.png"),
        world.root.join("pictures/link.png"),
    )
    .unwrap();
    std::os::unix::fs::symlink(
        world.root.join("pictures/cat.png"),
        world.root.join("pictures/inner.png"),
    )
    .unwrap();
    std::os::unix::fs::symlink(
        world.root.join("pictures"),
        world.root.join("pictures/circle"),
    )
    .unwrap();
    world.run(1).unwrap();
    assert_eq!(world.code("link.png"), "link_outside");
    assert_eq!(world.code("circle"), "link_to_folder");
    assert!(world.rows().contains_key("inner.png"));
}

#[test]
fn every_row_is_accounted_for() {
    let world = world();
    for i in 0..30 {
        world.picture(&format!("p{i:02}"), i, "words");
    }
    world.write("pictures/bad.png", b"");
    world.write("pictures/bad.txt", "words");
    world.write("pictures/lonely.png", png(4));
    let counts = world.run(2).unwrap().counts;
    assert_eq!(
        (counts.rows_in, counts.rows_out, counts.rejects),
        (33, 31, 2)
    );
    assert!(counts.agree());
    let stats: serde_json::Value = serde_json::from_slice(&world.files()["stats.json"]).unwrap();
    assert_eq!(stats["counts"]["rows_in"], 33);
    assert_eq!(
        stats["rejects_by_code"],
        serde_json::json!({"empty": 1, "no_caption": 1})
    );
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let world = world();
    for i in 0..60 {
        world.picture(&format!("p{i:02}"), i, "words");
    }
    let mut outputs = Vec::new();
    for threads in [1, 2] {
        world.run(threads).unwrap();
        outputs.push(world.files());
        fs::remove_dir_all(world.out()).unwrap();
    }
    assert_eq!(
        outputs[0].keys().collect::<Vec<_>>(),
        outputs[1].keys().collect::<Vec<_>>()
    );
    assert!(outputs[0] == outputs[1], "the bytes differ");
}

#[test]
fn rows_are_sorted_and_shards_are_numbered_of_their_total() {
    let world = world();
    world.pipeline(
        &format!("{FOLDER}  max_bytes: 4096\n").replace("{unit_rows: 8}", "\n  unit_rows: 8"),
    );
    for i in 0..60 {
        world.picture(&format!("p{i:02}"), i, "words");
    }
    world.run(2).unwrap();
    let (manifest, _) = Manifest::read(&world.out()).unwrap();
    let train: Vec<_> = manifest
        .shards
        .iter()
        .filter(|shard| shard.path.contains("train"))
        .collect();
    assert!(train.len() > 1);
    for (i, shard) in train.iter().enumerate() {
        assert_eq!(
            shard.path,
            format!("data/train-{i:05}-of-{:05}.parquet", train.len())
        );
    }
    assert!(
        train
            .windows(2)
            .all(|pair| pair[0].last_key < pair[1].first_key)
    );
}

#[test]
fn a_current_output_is_left_alone_and_a_change_is_seen() {
    let world = world();
    assert!(!world.run(1).unwrap().skipped);
    assert!(world.run(1).unwrap().skipped);
    world.picture("dog", 9, "a dog");
    let summary = world.run(1).unwrap();
    assert_eq!((summary.skipped, summary.counts.rows_out), (false, 2));
    fs::remove_file(
        world
            .out()
            .join(&Dataset::open(&world.out()).unwrap().manifest().shards[0].path),
    )
    .unwrap();
    assert!(
        !world.run(1).unwrap().skipped,
        "a missing shard was not seen"
    );
}

#[test]
fn shards_of_an_earlier_ingest_are_removed() {
    let world = world();
    world.run(1).unwrap();
    world.write("out/data/train-00000-of-00009.parquet", b"old");
    world.picture("dog", 9, "a dog");
    world.run(1).unwrap();
    assert!(
        !world
            .out()
            .join("data/train-00000-of-00009.parquet")
            .exists()
    );
    assert!(!world.out().join(".staging").exists());
}

#[test]
fn equal_pictures_are_counted_or_dropped_as_told() {
    let world = world();
    world.picture("twin", 1, "the same cat");
    let summary = world.run(1).unwrap();
    assert_eq!(
        (summary.counts.rows_out, summary.identical_pictures),
        (2, 1)
    );
    world.pipeline(&format!("{FOLDER}duplicates: drop\n"));
    let counts = world.run(1).unwrap().counts;
    assert_eq!((counts.rows_out, counts.duplicates), (1, 1));
    assert!(
        world.rows().contains_key("cat.png"),
        "the first by key stays"
    );
}

#[test]
fn one_key_from_two_folders_is_counted_or_refused() {
    let world = world();
    world.write("more/cat.png", png(1));
    world.write("more/cat.txt", "the same");
    world.picture("dog", 2, "a dog");
    world.write("more/dog.png", png(3));
    world.write("more/dog.txt", "another dog");
    world.pipeline(&FOLDER.replace("shards:", "  zmore: {folder: {path: more}}\nshards:"));
    let counts = world.run(2).unwrap().counts;
    assert_eq!(
        (
            counts.rows_in,
            counts.rows_out,
            counts.rejects,
            counts.duplicates
        ),
        (4, 1, 2, 1)
    );
    assert_eq!(world.code("dog.png"), "key_conflict");
}

#[test]
fn a_folder_that_is_being_written_names_its_writer() {
    let world = world();
    let _lock = FolderLock::take(&world.out()).unwrap();
    let error = world.run(1).unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&format!("pid {}", std::process::id())),
        "{error}"
    );
}

#[test]
fn a_stop_keeps_what_is_done() {
    let world = world();
    let error = world.run_until(1, &AtomicBool::new(true)).unwrap_err();
    assert!(matches!(error, IngestError::Interrupted { .. }), "{error}");
    assert!(Dataset::open(&world.out()).is_err());
    assert_eq!(world.run(1).unwrap().counts.rows_out, 1);
}

#[test]
fn a_pipeline_that_leaves_no_row_is_an_error_that_says_why() {
    let world = World::new();
    world.pipeline(FOLDER);
    world.write("pictures/a.png", png(1));
    let error = world.run(1).unwrap_err();
    assert!(error.to_string().contains("no_caption"), "{error}");
    assert!(error.hint().unwrap().contains("rejects.parquet"));
}

#[test]
fn a_missing_folder_is_an_error_that_names_it() {
    let world = World::new();
    world.pipeline(&FOLDER.replace("path: pictures", "path: nowhere"));
    let error = world.run(1).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn the_card_names_splits_and_licences() {
    let world = world();
    world.run(1).unwrap();
    let card = String::from_utf8(world.files()["README.md"].clone()).unwrap();
    assert!(card.starts_with("---\nlicense:\n- \"cc0-1.0\"\n"), "{card}");
    assert!(
        card.contains("  - split: ") && card.contains("path: data/"),
        "{card}"
    );
}
