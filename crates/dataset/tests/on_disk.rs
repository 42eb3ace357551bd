//! What a dataset folder promises to those who read it: the crate through its public surface, the files by `parquet` itself.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs::{self, File};
use std::path::Path;

use idiom_dataset::embeddings::{EmbeddingRow, Embeddings, EmbeddingsWriter, text_sha256};
use idiom_dataset::lock::FolderLock;
use idiom_dataset::{
    Caption, Columns, Counts, Dataset, DatasetError, Manifest, Phrase, Record, Reject, ShardEntry,
    ShardWriter, Split, phrases, rejects, schema,
};
use parquet::basic::Compression;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

fn record(number: usize) -> Record {
    let caption = |text: &str, lang: &str, kind: &str| Caption {
        text: text.to_owned(),
        lang: lang.to_owned(),
        source: "table".to_owned(),
        kind: kind.to_owned(),
    };
    Record {
        key: format!("{number:06}/drawn"),
        subject: Some(format!("{number:06}")),
        style: (!number.is_multiple_of(3)).then(|| "drawn".to_owned()),
        caption: format!("thing {number}"),
        captions: (0..number % 4)
            .map(|i| caption(&format!("第{i}句"), "zh", "label"))
            .collect(),
        image: vec![number as u8; 10 + number % 7].into(),
        image_path: Some(format!("{number}.png")),
        label: number.is_multiple_of(2).then_some(number as i64),
        width: 64,
        height: 64,
        orig_width: 256,
        orig_height: 128,
        format: "svg".to_owned(),
        sha256: [number as u8; 32],
        phash: Some(u64::MAX - number as u64),
        license: Some("MIT".to_owned()),
        source: Some("somewhere".to_owned()),
        url: None,
        opt_out: None,
        transform: Some("rasterised".to_owned()),
        meta: Some("{\"a\":1}".to_owned()),
    }
}

/// A dataset of one split in two shards.
fn write(folder: &Path, rows: usize) -> Manifest {
    let mut shards = Vec::new();
    for (number, range) in [(0, 0..rows / 2), (1, rows / 2..rows)] {
        let path = format!("data/train-{number:05}-of-00002.parquet");
        let mut writer = ShardWriter::create(&folder.join(&path), "c0ffee", &[]).unwrap();
        range.for_each(|i| writer.push(record(i)).unwrap());
        let info = writer.finish().unwrap();
        shards.push(ShardEntry {
            path,
            split: Split::Train,
            rows: info.rows,
            bytes: info.bytes,
            sha256: info.sha256,
            first_key: info.first_key,
            last_key: info.last_key,
        });
    }
    let counts = Counts {
        rows_in: rows as u64,
        rows_out: rows as u64,
        ..Counts::default()
    };
    let manifest = Manifest {
        schema_version: schema::VERSION,
        name: "small".to_owned(),
        shards,
        counts,
        ..Manifest::default()
    };
    manifest.write(folder).unwrap();
    manifest
}

#[test]
fn rows_come_back_as_they_went_in() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2_500);
    let dataset = Dataset::open(folder.path()).unwrap();
    assert_eq!(dataset.rows(Split::Train), 2_500);
    assert_eq!(dataset.rows(Split::Test), 0);
    let rows: Vec<Record> = dataset
        .records(Split::Train, Columns::All)
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows, (0..2_500).map(record).collect::<Vec<_>>());
    assert_eq!(dataset.sha256().len(), 64);
}

#[test]
fn captions_are_read_without_pictures() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 10);
    let dataset = Dataset::open(folder.path()).unwrap();
    let rows: Vec<Record> = dataset
        .records(Split::Train, Columns::WithoutImage)
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 10);
    assert!(rows.iter().all(|row| row.image.is_empty()));
    assert_eq!(rows[3].captions, record(3).captions);
}

#[test]
fn any_row_group_is_read_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2_500);
    let dataset = Dataset::open(folder.path()).unwrap();
    let groups = dataset.row_groups(Split::Train).unwrap();
    assert_eq!(
        groups.iter().map(|group| group.rows).collect::<Vec<_>>(),
        [1_024, 226, 1_024, 226]
    );
    let rows = dataset.read_group(&groups[2], Columns::All).unwrap();
    assert_eq!(rows[0].key, record(groups[2].first_row as usize).key);
    assert_eq!(groups[2].first_row, 1_250);
}

#[test]
fn equal_rows_give_equal_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_eq!(write(one.path(), 300), write(two.path(), 300));
}

#[test]
fn pictures_are_stored_plainly_and_without_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(folder.path(), 100);
    let file = File::open(folder.path().join(&manifest.shards[0].path)).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let columns = reader.metadata().row_group(0).columns().to_vec();
    let column = |name: &str| {
        columns
            .iter()
            .find(|column| column.column_path().string() == name)
            .unwrap()
    };
    let bytes = column("image.bytes");
    assert_eq!(bytes.compression(), Compression::UNCOMPRESSED);
    assert!(bytes.statistics().is_none());
    assert!(bytes.dictionary_page_offset().is_none());
    assert!(matches!(
        column("caption").compression(),
        Compression::ZSTD(_)
    ));
    assert!(
        columns
            .iter()
            .all(|column| column.offset_index_offset().is_some())
    );
}

#[test]
fn the_file_says_what_its_columns_are() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(folder.path(), 4);
    let file = File::open(folder.path().join(&manifest.shards[0].path)).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let pairs = reader
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .unwrap()
        .clone();
    let value = |key: &str| {
        pairs
            .iter()
            .find(|pair| pair.key == key)
            .and_then(|pair| pair.value.clone())
            .unwrap()
    };
    let features: serde_json::Value = serde_json::from_str(&value("huggingface")).unwrap();
    assert_eq!(features["info"]["features"]["image"]["_type"], "Image");
    assert_eq!(
        features["info"]["features"]["captions"][0]["lang"]["dtype"],
        "string"
    );
    assert_eq!(features["info"]["features"]["phash"]["dtype"], "uint64");
    assert_eq!(features["info"]["features"]["sha256"]["dtype"], "binary");
    assert_eq!(value("idiom.schema_version"), "1");
    assert_eq!(value("idiom.config_sha256"), "c0ffee");
}

#[test]
fn class_names_make_the_label_a_class() {
    let features = schema::features(&["cat".to_owned(), "dog".to_owned()]);
    assert_eq!(
        features["label"],
        serde_json::json!({"names": ["cat", "dog"], "_type": "ClassLabel"})
    );
    assert_eq!(
        schema::features(&[])["label"],
        serde_json::json!({"dtype": "int64", "_type": "Value"})
    );
}

#[test]
fn a_folder_without_manifest_is_no_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let error = Dataset::open(folder.path()).unwrap_err();
    assert!(matches!(error, DatasetError::NoManifest { .. }));
    assert!(error.hint().unwrap().contains("just ingest"));
}

#[test]
fn another_schema_version_is_refused_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = Manifest {
        schema_version: 99,
        ..write(folder.path(), 2)
    };
    manifest.write(folder.path()).unwrap();
    let message = Dataset::open(folder.path()).unwrap_err().to_string();
    assert!(
        message.contains("schema version 99") && message.contains("reads version 1"),
        "{message}"
    );
}

#[test]
fn a_cut_shard_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(folder.path(), 50);
    let path = folder.path().join(&manifest.shards[1].path);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let rows: Vec<_> = Dataset::open(folder.path())
        .unwrap()
        .records(Split::Train, Columns::All)
        .collect();
    assert_eq!(rows.iter().filter(|row| row.is_ok()).count(), 25);
    assert!(
        rows.last()
            .unwrap()
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("train-00001-of-00002.parquet")
    );
}

#[test]
fn a_missing_column_is_an_error_that_names_both_types() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(folder.path(), 4);
    phrases::write(&folder.path().join(&manifest.shards[0].path), &[]).unwrap();
    let one = Phrase {
        style: String::new(),
        lang: String::new(),
        text: String::new(),
        kind: String::new(),
        split: Split::Test,
    };
    phrases::write(&folder.path().join(&manifest.shards[0].path), &[one]).unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    let error = dataset
        .records(Split::Train, Columns::All)
        .next()
        .unwrap()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("column `caption` is missing, but must be `Utf8`"),
        "{error}"
    );
}

#[test]
fn phrases_and_rejects_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let phrase = |text: &str, split| Phrase {
        style: "drawn".to_owned(),
        lang: "zh".to_owned(),
        text: text.to_owned(),
        kind: "colloquial".to_owned(),
        split,
    };
    let all = vec![
        phrase("软软的", Split::Train),
        phrase("亮亮的", Split::Test),
    ];
    phrases::write(&folder.path().join("p.parquet"), &all).unwrap();
    assert_eq!(
        phrases::read(&folder.path().join("p.parquet")).unwrap(),
        all
    );
    let refused = vec![
        Reject {
            member: "a.png".into(),
            code: "broken".into(),
            line: None,
            ..Reject::default()
        },
        Reject {
            member: "b.json".into(),
            code: "bad_utf8".into(),
            line: Some(7),
            ..Reject::default()
        },
    ];
    rejects::write(&folder.path().join("r.parquet"), &refused).unwrap();
    assert_eq!(
        rejects::read(&folder.path().join("r.parquet")).unwrap(),
        refused
    );
    rejects::write(&folder.path().join("r.parquet"), &[]).unwrap();
    assert_eq!(rejects::read(&folder.path().join("r.parquet")).unwrap(), []);
}

#[test]
fn more_refusals_than_are_written_at_a_time_come_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    let refused: Vec<Reject> = (0..70_000_u64)
        .map(|i| Reject {
            member: format!("a folder with a long name/{i:06}.png").into(),
            line: i.is_multiple_of(3).then_some(i),
            ..Reject::default()
        })
        .collect();
    rejects::write(&path, &refused).unwrap();
    assert_eq!(rejects::read(&path).unwrap(), refused);
}

#[test]
fn a_second_writer_is_told_who_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = FolderLock::take(folder.path()).unwrap();
    let error = FolderLock::take(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains(&format!("(pid {})", std::process::id())),
        "{error}"
    );
    drop(first);
    FolderLock::take(folder.path()).unwrap();
}

fn vector(text: &str, value: f32) -> EmbeddingRow {
    EmbeddingRow {
        text_sha256: text_sha256(text),
        embedding: vec![value; 3],
        n_tokens: 2,
        truncated: false,
    }
}

#[test]
fn vectors_are_found_by_their_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EmbeddingsWriter::begin(folder.path(), "enc", "abc", 3).unwrap();
    writer
        .append(&[vector("猫", 1.0), vector("cat", 2.0)])
        .unwrap();
    writer.append(&[vector("dog", 3.0)]).unwrap();
    writer.finish("texts").unwrap();
    let embeddings = Embeddings::open(folder.path(), "enc").unwrap();
    assert_eq!(
        (
            embeddings.len(),
            embeddings.dim(),
            embeddings.encoder_sha256()
        ),
        (3, 3, "abc")
    );
    assert_eq!(embeddings.get("dog").unwrap(), [3.0; 3]);
    assert_eq!(embeddings.get("猫").unwrap(), [1.0; 3]);
    assert!(embeddings.get("bird").is_none());
    assert_eq!(embeddings.manifest().texts_sha256, "texts");
}

#[test]
fn an_unfinished_sidecar_goes_on_and_is_not_open_to_readers() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EmbeddingsWriter::begin(folder.path(), "enc", "abc", 3).unwrap();
    writer.append(&[vector("cat", 2.0)]).unwrap();
    drop(writer);
    assert!(matches!(
        Embeddings::open(folder.path(), "enc"),
        Err(DatasetError::NoEmbeddings { .. })
    ));
    let mut writer = EmbeddingsWriter::begin(folder.path(), "enc", "abc", 3).unwrap();
    assert!(writer.already_done(&text_sha256("cat")));
    assert!(!writer.already_done(&text_sha256("dog")));
    writer.append(&[vector("dog", 3.0)]).unwrap();
    writer.finish("texts").unwrap();
    assert_eq!(Embeddings::open(folder.path(), "enc").unwrap().len(), 2);
}

#[test]
fn another_encoder_starts_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EmbeddingsWriter::begin(folder.path(), "enc", "abc", 3).unwrap();
    writer.append(&[vector("cat", 2.0)]).unwrap();
    writer.finish("texts").unwrap();
    let writer = EmbeddingsWriter::begin(folder.path(), "enc", "other", 3).unwrap();
    assert!(!writer.already_done(&text_sha256("cat")));
    drop(writer);
    assert!(
        Embeddings::manifest_of(folder.path(), "enc")
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_vector_of_another_length_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = EmbeddingsWriter::begin(folder.path(), "enc", "abc", 4).unwrap();
    let message = writer
        .append(&[vector("cat", 2.0)])
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("has 3 values") && message.contains("vectors of 4"),
        "{message}"
    );
}
