//! Searching a dataset by words, with an encoder that knows three things and needs no weights.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use idiom_dataset::{Caption, Manifest, Record, ShardEntry, ShardWriter, Split, schema};
use idiom_embed::{EmbedError, EmbedOptions, SearchOptions, embed, search};
use idiom_encoders::{EncoderError, TextEncoder, TextVector};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Words for the same thing in several languages.
const THINGS: [&[&str]; 3] = [&["cat", "猫", "貓"], &["dog", "狗"], &["red", "红"]];

/// A vector with one entry for each thing that a text names.
struct Things;

impl TextEncoder for Things {
    fn name(&self) -> &str {
        "things"
    }

    fn sha256(&self) -> &str {
        "0"
    }

    fn dim(&self) -> usize {
        THINGS.len()
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<TextVector>, EncoderError> {
        let vector = |text: &&str| {
            let names =
                |words: &&[&str]| f32::from(u8::from(words.iter().any(|word| text.contains(word))));
            let values: Vec<f32> = THINGS.iter().map(names).collect();
            let length = values.iter().sum::<f32>().sqrt().max(1.0);
            TextVector {
                values: values.iter().map(|value| value / length).collect(),
                n_tokens: 1,
                truncated: false,
            }
        };
        Ok(texts.iter().map(vector).collect())
    }

    fn token_ids(&self, _texts: &[&str]) -> Result<Vec<Vec<u32>>, EncoderError> {
        Ok(Vec::new())
    }
}

fn dataset(folder: &Path) {
    let rows = [
        ("a", vec![("a cat", "en"), ("一只猫", "zh")]),
        ("b", vec![("a cat", "en"), ("a red cat", "en")]),
        ("c", vec![("a dog", "en"), ("a dog", "")]),
        ("d", vec![("a stone", "en")]),
    ];
    write(folder, rows);
}

fn write<const N: usize>(folder: &Path, rows: [(&str, Vec<(&str, &str)>); N]) {
    let path = "data/train-00000-of-00001.parquet".to_owned();
    let mut writer = ShardWriter::create(&folder.join(&path), "", &[]).unwrap();
    for (key, captions) in rows {
        let captions: Vec<Caption> = captions
            .into_iter()
            .map(|(text, lang)| Caption {
                text: text.into(),
                lang: lang.into(),
                ..Caption::default()
            })
            .collect();
        let row = Record {
            key: key.into(),
            caption: captions[0].text.clone(),
            captions,
            image: format!("picture of {key}").into_bytes().into(),
            ..Record::default()
        };
        writer.push(row).unwrap();
    }
    let info = writer.finish().unwrap();
    let shard = ShardEntry {
        path,
        split: Split::Train,
        rows: info.rows,
        bytes: info.bytes,
        sha256: info.sha256,
        first_key: info.first_key,
        last_key: info.last_key,
    };
    Manifest {
        schema_version: schema::VERSION,
        name: "small".into(),
        shards: vec![shard],
        ..Manifest::default()
    }
    .write(folder)
    .unwrap();
}

#[test]
fn words_find_texts_in_every_language_with_their_pictures() {
    let folder = tempfile::tempdir().unwrap();
    dataset(folder.path());
    let options = SearchOptions {
        texts: 3,
        rows_a_text: 1,
    };
    let missing = search(folder.path(), &Things, "cat", options).unwrap_err();
    assert!(matches!(missing, EmbedError::Dataset(_)), "{missing}");
    embed(
        folder.path(),
        &Things,
        &EmbedOptions::default(),
        &|_| {},
        &AtomicBool::new(false),
    )
    .unwrap();
    let found = search(folder.path(), &Things, "貓", options).unwrap();
    let mut texts: Vec<(&str, u64)> = found
        .iter()
        .map(|one| (one.caption.text.as_str(), one.n_rows))
        .collect();
    texts[..2].sort_unstable();
    assert_eq!(texts, [("a cat", 2), ("一只猫", 1), ("a red cat", 1)]);
    assert!((found[0].score - 1.0).abs() < 1e-6 && (found[2].score - 0.5_f32.sqrt()).abs() < 1e-6);
    for one in &found {
        assert_eq!(one.rows.len(), 1, "as many pictures as were asked for");
        let row = &one.rows[0];
        assert_eq!(row.image, format!("picture of {}", row.key).into_bytes());
    }
    let dog = SearchOptions {
        texts: 1,
        rows_a_text: 9,
    };
    let dog = search(folder.path(), &Things, "dog", dog).unwrap();
    assert_eq!(
        (dog[0].n_rows, dog[0].rows.len()),
        (1, 1),
        "a row that says it twice is one row"
    );
    let red = search(
        folder.path(),
        &Things,
        "something red",
        SearchOptions {
            texts: 1,
            rows_a_text: 9,
        },
    )
    .unwrap();
    assert_eq!(
        (red[0].caption.text.as_str(), red[0].rows[0].key.as_str()),
        ("a red cat", "b")
    );
}

#[test]
fn parts_of_a_caption_have_vectors_but_are_not_found_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), [("a", vec![("a cat, a dog", "en")])]);
    let stop = AtomicBool::new(false);
    let summary = embed(
        folder.path(),
        &Things,
        &EmbedOptions::default(),
        &|_| {},
        &stop,
    );
    assert_eq!(summary.unwrap().n_texts, 3);
    let options = SearchOptions {
        texts: 1,
        rows_a_text: 1,
    };
    let found = search(folder.path(), &Things, "cat", options).unwrap();
    assert_eq!(found[0].caption.text, "a cat, a dog");
    assert!((found[0].score - 0.5_f32.sqrt()).abs() < 1e-6);
}
