//! Any bytes as one file of a finished data set: whoever opens it gets what is in it or an error that names a file, never a panic. Shared
//! by the fuzz targets and by `crates/dataset/tests/damaged.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use idiom_dataset::embeddings::{EmbeddingRow, Embeddings, EmbeddingsWriter, text_sha256};
use idiom_dataset::manifest::FileEntry;
use idiom_dataset::picture_vectors::{PictureVectors, PictureVectorsWriter};
use idiom_dataset::{
    Caption, Columns, Dataset, DatasetError, Manifest, Phrase, Record, Reject, ShardEntry,
    ShardWriter, Split, phrases, rejects, schema,
};

/// The files of [`Stored`], each to be replaced by any bytes.
pub(crate) const FILES: [&str; 8] = [
    Manifest::FILE,
    SHARD,
    rejects::FILE,
    phrases::FILE,
    "embeddings/e/manifest.json",
    "embeddings/e/part-00000.parquet",
    "embeddings/e/pictures/manifest.json",
    "embeddings/e/pictures/train-00000-of-00001-.parquet",
];
const SHARD: &str = "data/train-00000-of-00001.parquet";
const ENCODER: &str = "e";
const DIM: usize = 2;

/// A small data set with all that may lie beside the shards.
#[derive(Debug)]
pub(crate) struct Stored {
    folder: PathBuf,
}

impl Stored {
    /// Writes it.
    pub(crate) fn write(folder: &Path) -> Result<Self, DatasetError> {
        let shard = shard(folder)?;
        let phrase = Phrase {
            style: "ink".to_owned(),
            lang: "en".to_owned(),
            text: "like a stamp".to_owned(),
            kind: "formal".to_owned(),
            split: Split::Test,
        };
        phrases::write(&folder.join(phrases::FILE), &[phrase])?;
        let reject = Reject {
            line: Some(7),
            code: "broken".into(),
            ..Reject::default()
        };
        rejects::write(&folder.join(rejects::FILE), &[reject])?;
        let mut texts = EmbeddingsWriter::begin(folder, ENCODER, "", DIM)?;
        texts.append(&["a", "b"].map(|text| EmbeddingRow {
            text_sha256: text_sha256(text),
            embedding: vec![0.6, 0.8],
            n_tokens: 1,
            truncated: false,
        }))?;
        texts.finish("")?;
        let mut pictures = PictureVectorsWriter::begin(folder, ENCODER, "", DIM)?;
        let keys = ["a", "b", "c"].map(str::to_owned);
        pictures.append(&shard, &keys, &vec![vec![1.0, 0.0]; keys.len()])?;
        pictures.finish(std::slice::from_ref(&shard))?;
        let manifest = Manifest {
            schema_version: schema::VERSION,
            name: "stored".to_owned(),
            shards: vec![shard],
            phrases: Some(FileEntry::of(folder, phrases::FILE, 1)?),
            rejects: Some(FileEntry::of(folder, rejects::FILE, 1)?),
            ..Manifest::default()
        };
        manifest.write(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// The bytes of one of its files.
    pub(crate) fn sound(&self, file: &str) -> Vec<u8> {
        fs::read(self.folder.join(file)).expect("the file was written")
    }

    /// Puts other bytes in the place of a file, reads all that the data set is read for, and puts the file back. Gives whether all of it
    /// could be read; where it could not, the error has words.
    pub(crate) fn with(&self, file: &str, bytes: &[u8]) -> bool {
        let (path, sound) = (self.folder.join(file), self.sound(file));
        let put = |bytes: &[u8]| fs::write(&path, bytes).expect("room for the file");
        put(bytes);
        let parts = [self.rows(), self.tables(), self.vectors()];
        put(&sound);
        let errors = parts.into_iter().filter_map(Result::err);
        let texts: Vec<String> = errors.map(|error| error.to_string()).collect();
        assert!(texts.iter().all(|text| text.contains('`')), "{texts:?}");
        texts.is_empty()
    }

    fn rows(&self) -> Result<(), DatasetError> {
        let dataset = Dataset::open(&self.folder)?;
        for split in Split::ALL {
            let n_rows = dataset.rows(split);
            for columns in [Columns::WithoutImage, Columns::All] {
                dataset
                    .records(split, columns)
                    .try_for_each(|row| row.map(drop))?;
            }
            for group in dataset.row_groups(split)? {
                dataset.read_group(&group, Columns::All)?;
            }
            assert_eq!(n_rows, dataset.manifest().rows(split));
        }
        let _ = dataset.manifest().counts.agree();
        Ok(())
    }

    fn tables(&self) -> Result<(), DatasetError> {
        phrases::read(&self.folder.join(phrases::FILE))?;
        rejects::read(&self.folder.join(rejects::FILE)).map(drop)
    }

    fn vectors(&self) -> Result<(), DatasetError> {
        let texts = Embeddings::open(&self.folder, ENCODER)?;
        let _ = (texts.get("a"), texts.nearest(&[0.0, 1.0], 9, |_| true));
        let pictures = PictureVectors::open(&self.folder, ENCODER)?;
        let _ = pictures.nearest(&[0.0, 1.0], 9);
        Ok(())
    }
}

/// Three rows, one of which has nothing that may be missing.
fn shard(folder: &Path) -> Result<ShardEntry, DatasetError> {
    let mut writer = ShardWriter::create(&folder.join(SHARD), "", &["x".to_owned()])?;
    for (i, key) in ["a", "b", "c"].into_iter().enumerate() {
        let known = |text: &str| (i > 0).then(|| text.to_owned());
        let caption = |text: &str| Caption {
            text: text.to_owned(),
            lang: "en".to_owned(),
            ..Caption::default()
        };
        writer.push(Record {
            key: key.to_owned(),
            caption: "a cat".to_owned(),
            captions: ["a cat", "a tom"][..i.min(2)]
                .iter()
                .copied()
                .map(caption)
                .collect(),
            subject: known("cat"),
            style: known("ink"),
            image: vec![i as u8; 9].into(),
            label: (i > 1).then_some(0),
            phash: (i > 0).then_some(i as u64),
            license: known("MIT"),
            meta: known("{}"),
            ..Record::default()
        })?;
    }
    let info = writer.finish()?;
    Ok(ShardEntry {
        path: SHARD.to_owned(),
        split: Split::Train,
        rows: info.rows,
        bytes: info.bytes,
        sha256: String::new(),
        first_key: info.first_key,
        last_key: info.last_key,
    })
}
