//! Other people's programs read what we write: pyarrow, polars, `DuckDB` and Hugging Face `datasets`, fetched by
//! `tests/fetch_python.py readers`. Each must see the same keys, captions, pictures, labels, hashes and vectors.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use idiom_dataset::embeddings::{EmbeddingRow, EmbeddingsWriter, text_sha256};
use idiom_dataset::manifest::Counts;
use idiom_dataset::picture_vectors::PictureVectorsWriter;
use idiom_dataset::{
    Caption, Columns, Manifest, Record, Records, ShardEntry, ShardWriter, Split, card, digest,
    schema,
};
use serde_json::Value;

/// Rows of each split.
const ROWS: [(Split, usize); 3] = [(Split::Train, 30), (Split::Validation, 3), (Split::Test, 5)];
const DIM: usize = 8;

/// A 1x1 PNG whose one pixel is `value`: the header, the pixel, and the sums that belong to them.
fn png(value: u8) -> Vec<u8> {
    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let named = [kind.as_slice(), data].concat();
        let length = (data.len() as u32).to_be_bytes();
        let crc = crc32(&named).to_be_bytes();
        [length.as_slice(), &named, &crc].concat()
    }
    // A stored (not compressed) block of two bytes: the filter 0 and the grey value.
    let (low, high) = (1 + u32::from(value), 2 + u32::from(value));
    let adler = ((high << 16) | low).to_be_bytes();
    let raw = [
        &[0x78, 0x01, 0x01, 2, 0, 0xfd, 0xff, 0, value],
        adler.as_slice(),
    ]
    .concat();
    let head = [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0];
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &head),
        chunk(b"IDAT", &raw),
        chunk(b"IEND", b""),
    ]
    .concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

fn rows(split: Split, n: usize) -> Vec<Record> {
    let row = |i: usize| {
        let caption = |text: String, lang: &str| Caption {
            text,
            lang: lang.to_owned(),
            source: "test".to_owned(),
            kind: "text".to_owned(),
        };
        let captions = vec![
            caption(format!("{} number {i}, \"quoted\"", split.name()), "en"),
            caption(format!("第{i}隻貓 <😀>"), "yue"),
        ];
        Record {
            key: format!("{}-{i:03}", split.name()),
            caption: captions[0].text.clone(),
            captions,
            image: png(i as u8).into(),
            image_path: Some(format!("{i}.png")),
            width: 1,
            height: 1,
            format: "png".to_owned(),
            label: i.is_multiple_of(2).then_some(1),
            phash: Some(u64::MAX - i as u64),
            ..Record::default()
        }
    };
    (0..n).map(row).collect()
}

/// A dataset of three splits, two of the training split's shards, with a card and vectors; gives all rows.
fn write(folder: &Path) -> Vec<Record> {
    let classes = ["cat".to_owned(), "dog".to_owned()];
    let (mut all, mut shards) = (Vec::new(), Vec::new());
    for (split, n) in ROWS {
        let rows = rows(split, n);
        let pieces: Vec<&[Record]> = rows.chunks(20).collect();
        for (number, piece) in pieces.iter().enumerate() {
            let path = format!(
                "data/{}-{number:05}-of-{:05}.parquet",
                split.name(),
                pieces.len()
            );
            let mut writer = ShardWriter::create(&folder.join(&path), "", &classes).unwrap();
            piece
                .iter()
                .for_each(|row| writer.push(row.clone()).unwrap());
            let info = writer.finish().unwrap();
            shards.push(ShardEntry {
                path,
                split,
                rows: info.rows,
                bytes: info.bytes,
                sha256: info.sha256,
                first_key: info.first_key,
                last_key: info.last_key,
            });
        }
        all.extend(rows);
    }
    let n = all.len() as u64;
    let manifest = Manifest {
        schema_version: schema::VERSION,
        name: "readers".to_owned(),
        shards,
        counts: Counts {
            rows_in: n,
            rows_out: n,
            ..Counts::default()
        },
        classes: classes.to_vec(),
        ..Manifest::default()
    };
    std::fs::write(
        folder.join("README.md"),
        card::card(&manifest, &card::CardText::default()),
    )
    .unwrap();
    manifest.write(folder).unwrap();
    let mut writer = EmbeddingsWriter::begin(folder, "tiny", "0", DIM).unwrap();
    let vectors: Vec<EmbeddingRow> = all
        .iter()
        .map(|row| EmbeddingRow {
            text_sha256: text_sha256(&row.caption),
            embedding: vec![(1.0 / DIM as f32).sqrt(); DIM],
            n_tokens: 3,
            truncated: false,
        })
        .collect();
    writer.append(&vectors).unwrap();
    writer.finish("0").unwrap();
    let mut writer = PictureVectorsWriter::begin(folder, "tiny", "0", DIM).unwrap();
    for shard in &manifest.shards {
        let rows = Records::of_shard(&folder.join(&shard.path), Columns::WithoutImage);
        let keys: Vec<String> = rows.map(|row| row.unwrap().key).collect();
        let vectors = vec![vec![0.5; DIM]; keys.len()];
        writer.append(shard, &keys, &vectors).unwrap();
    }
    writer.finish(&manifest.shards).unwrap();
    all
}

fn hash(values: impl Iterator<Item = String>) -> String {
    digest::sha256_hex(values.collect::<Vec<_>>().join("\n").as_bytes())
}

/// The folder that `tests/fetch_python.py readers` fills.
fn packages() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = || set("HOME").unwrap_or_default().join(".cache");
    let cache = set("IDIOM_CACHE")
        .unwrap_or_else(|| set("XDG_CACHE_HOME").unwrap_or_else(home).join("idiom"));
    cache.join("python/readers-1")
}

#[test]
fn every_reader_sees_the_same() {
    if !packages().is_dir() {
        assert!(
            std::env::var_os("IDIOM_REQUIRE_ALL").is_none(),
            "the readers are missing"
        );
        println!(
            "skipped: every_reader_sees_the_same needs the packages of `python3 tests/fetch_python.py readers`"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut rows = write(folder.path());
    rows.sort_by(|a, b| a.key.cmp(&b.key));
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers.py"))
        .arg(folder.path())
        .arg("tiny")
        .env("PYTHONPATH", packages())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let found: BTreeMap<String, Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|value| (value["reader"].as_str().unwrap().to_owned(), value))
        .collect();
    let all = |row: &Record| {
        row.captions
            .iter()
            .map(|c| c.text.clone())
            .collect::<Vec<_>>()
            .join(" | ")
    };
    let expected = serde_json::json!({
        "rows": rows.len(),
        "keys": hash(rows.iter().map(|row| row.key.clone())),
        "captions": hash(rows.iter().map(|row| row.caption.clone())),
        "all_captions": hash(rows.iter().map(all)),
        "pictures": hash(rows.iter().map(|row| digest::sha256_hex(&row.image))),
        "labels": hash(rows.iter().map(|row| row.label.map_or("None".into(), |l| l.to_string()))),
        "phashes": hash(rows.iter().map(|row| row.phash.unwrap().to_string())),
        "picture_vectors": hash(rows.iter().map(|row| row.key.clone())) + &format!(" {DIM}"),
        "vectors": rows.len(),
        "dim": DIM,
        "norm": 1.0,
    });
    for reader in [
        "pyarrow",
        "polars",
        "duckdb",
        "datasets",
        "datasets streaming",
    ] {
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&found[reader][field], value, "{reader}: {field}");
        }
    }
    assert_eq!(
        (&found["pillow"]["width"], &found["pillow"]["height"]),
        (&1.into(), &1.into())
    );
    for reader in ["datasets", "datasets streaming"] {
        assert_eq!(
            found[reader]["first_widths"], 3,
            "{reader} decodes the first picture of each split"
        );
    }
}
