//! A data set of 24 pictures of 16 px in two looks, with vectors, and an experiment with tiny networks to go with it.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use idiom_dataset::embeddings::{EmbeddingRow, EmbeddingsWriter, text_sha256};
use idiom_dataset::manifest::FileEntry;
use idiom_dataset::{
    Caption, Columns, Counts, Dataset, Manifest, Phrase, Record, ShardEntry, ShardWriter, Split,
};
use idiom_encoders::{MOST_PARTS, parts_of};
use idiom_picture::{Rgb8, encode_png};
use idiom_spec::experiment::Experiment;
use idiom_train::{Event, NoSink, Outcome, Summary, TrainError, TrainRequest, train};

/// Draws a subject in a look, so many pixels a side.
pub(crate) type Paint = fn(u32, &str, u32) -> Rgb8;

/// A folder with a data set and room for runs.
pub(crate) struct Toy {
    path: PathBuf,
    /// Removes the folder in the end, where it is ours.
    _folder: Option<tempfile::TempDir>,
}

impl Toy {
    pub(crate) fn new() -> Self {
        Self::sized(16, 8)
    }

    /// One with pictures and vectors of other sizes.
    pub(crate) fn sized(side: u32, dim: usize) -> Self {
        Self::painted(side, dim, 12, strip)
    }

    /// One with so many subjects, drawn by `paint` in both looks.
    pub(crate) fn painted(side: u32, dim: usize, n_subjects: u32, paint: Paint) -> Self {
        Self::said(" ", (side, dim, n_subjects), paint)
    }

    /// One whose sentences are cut by a comma between the subject and the look.
    pub(crate) fn in_parts() -> Self {
        Self::said(", ", (16, 8, 12), strip)
    }

    fn said(between: &str, (side, dim, n_subjects): (u32, usize, u32), paint: Paint) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rows = (0..n_subjects).flat_map(|subject| {
            ["flat", "ink"].map(|style| {
                let picture = paint(subject, style, side);
                record(subject, between, style, &picture)
            })
        });
        write_dataset(&folder.path().join("data"), rows.collect(), dim);
        Self {
            path: folder.path().to_owned(),
            _folder: Some(folder),
        }
    }

    /// One that another process has made.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            _folder: None,
        }
    }

    /// Vectors anew, of what is said of training rows alone and without the parts that say a look.
    pub(crate) fn embed_training_wholes(&self) {
        let dataset = Dataset::open(&self.dataset()).unwrap();
        let rows = dataset.records(Split::Train, Columns::WithoutImage);
        let captions = rows.flat_map(|row| row.unwrap().captions);
        let mut texts: Vec<String> = captions.map(|caption| caption.text).collect();
        texts.extend(
            dataset
                .phrases()
                .unwrap()
                .into_iter()
                .map(|phrase| phrase.text),
        );
        texts.retain(|text| !text.starts_with("in "));
        std::fs::remove_dir_all(self.dataset().join("embeddings")).unwrap();
        write_embeddings(&self.dataset(), &texts, 8);
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn run_folder(&self, run_id: &str) -> PathBuf {
        self.path.join("runs").join(run_id)
    }

    pub(crate) fn dataset(&self) -> PathBuf {
        self.path.join("data")
    }

    /// A request for so many pictures.
    pub(crate) fn request(&self, run_id: &str, images: u64) -> TrainRequest {
        let experiment: Experiment = serde_yaml::from_str(&format!(
            "name: toy\ndataset: toy\nencoder: toy\nresolution: 16\n\
             train: {{images: {images}, batch_size: 4}}\n\
             generator: {{latent_dim: 4, text_head_dim: 4, style_dim: 8, channels: [8, 8, 4]}}\n\
             discriminator: {{channels: [4, 8], feature_dim: 8}}\n\
             objective: {{pooled_colour_weight: 1.0}}\n\
             checkpoint: {{every_images: 16, keep: 9}}\nsamples: {{every_images: 32, subjects: 2}}\n\
             logging: {{every_images: 16}}\n"
        ))
        .unwrap();
        TrainRequest {
            resolved_yaml: serde_yaml::to_string(&experiment).unwrap(),
            encoder: "toy".to_owned(),
            experiment,
            dataset: self.dataset(),
            runs: self.path.join("runs"),
            run_id: run_id.to_owned(),
            resume: false,
            init_from: None,
            rendezvous: None,
            memory_bytes: None,
            vision: None,
            device: tch::Device::Cpu,
            n_threads: 1,
            font: None,
            provenance: vec![("commit".to_owned(), "none".to_owned())],
        }
    }

    /// A request to learn restyling from so many pictures, the first 32 of which teach the encoder.
    pub(crate) fn restyle_request(&self, run_id: &str, images: u64) -> TrainRequest {
        let experiment: Experiment = serde_yaml::from_str(&format!(
            "name: toy\ndataset: toy\nencoder: toy\nresolution: 16\ntask: restyle\n\
             train: {{images: {images}, batch_size: 4}}\n\
             restyle:\n  style_dim: 8\n\
             \x20 encoder: {{images: 32, fine_channels: 8, channels: [8, 8], hidden_dim: 8}}\n\
             \x20 generator: {{channels: [8, 8, 8], n_blocks: 1, mapped_dim: 8}}\n\
             \x20 discriminator: {{channels: [8, 8], hidden_dim: 8}}\n\
             \x20 weights: {{subject: 1.0}}\n\
             checkpoint: {{every_images: 16, keep: 9}}\nsamples: {{every_images: 32, subjects: 2}}\n\
             logging: {{every_images: 16}}\n"
        ))
        .unwrap();
        TrainRequest {
            resolved_yaml: serde_yaml::to_string(&experiment).unwrap(),
            experiment,
            ..self.request(run_id, images)
        }
    }

    /// Takes a run up again, to so many pictures.
    pub(crate) fn resumed(&self, run_id: &str, images: u64) -> TrainRequest {
        TrainRequest {
            resume: true,
            ..self.request(run_id, images)
        }
    }
}

pub(crate) fn finish(request: &TrainRequest) -> Summary {
    match run(request).unwrap() {
        Outcome::Finished(summary) => summary,
        Outcome::Interrupted(summary) => panic!("{summary:?}"),
    }
}

pub(crate) fn run(request: &TrainRequest) -> Result<Outcome, TrainError> {
    train(request, &NoSink, &|_: Event| {}, &AtomicBool::new(false))
}

/// Every file of a checkpoint by name.
pub(crate) fn checkpoint_bytes(run: &Path, images: u64) -> Vec<(String, Vec<u8>)> {
    let folder = run.join(format!("checkpoints/images-{images:09}"));
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

/// A sixth of the rows is held out.
fn write_dataset(folder: &Path, mut rows: Vec<Record>, dim: usize) {
    let n_rows = rows.len();
    rows.sort_by(|one, other| one.key.cmp(&other.key));
    let phrases = phrases();
    idiom_dataset::phrases::write(&folder.join("phrases.parquet"), &phrases).unwrap();
    let bytes = std::fs::read(folder.join("phrases.parquet")).unwrap();
    let captions = rows.iter().flat_map(|row| &row.captions);
    let texts: Vec<String> = captions
        .map(|caption| caption.text.clone())
        .chain(phrases.iter().map(|phrase| phrase.text.clone()))
        .collect();
    let parts = texts.iter().flat_map(|text| parts_of(text, MOST_PARTS));
    let parts: Vec<String> = parts.map(str::to_owned).collect();
    let texts = [texts, parts].concat();
    let held_out = rows.split_off(n_rows - n_rows / 6);
    let shards = vec![
        shard(folder, Split::Train, rows),
        shard(folder, Split::Validation, held_out),
    ];
    let manifest = Manifest {
        schema_version: idiom_dataset::schema::VERSION,
        name: "toy".to_owned(),
        config_sha256: "0".repeat(64),
        shards,
        phrases: Some(FileEntry {
            path: "phrases.parquet".to_owned(),
            rows: phrases.len() as u64,
            bytes: bytes.len() as u64,
            sha256: idiom_dataset::digest::sha256_hex(&bytes),
        }),
        rejects: None,
        counts: Counts {
            rows_in: n_rows as u64,
            rows_out: n_rows as u64,
            rejects: 0,
            duplicates: 0,
        },
        styles: vec!["flat".to_owned(), "ink".to_owned()],
        languages: vec!["en".to_owned()],
        classes: Vec::new(),
        thumbnails: None,
    };
    manifest.write(folder).unwrap();
    write_embeddings(folder, &texts, dim);
}

/// Three phrases a style, the last of which is held out.
fn phrases() -> Vec<Phrase> {
    let said = [
        (
            "flat",
            ["cut from paper", "like a sticker", "one plain tint"],
        ),
        ("ink", ["dipped in ink", "black as coal", "a rubber stamp"]),
    ];
    let phrase = |style: &str, idx: usize, text: &str| Phrase {
        style: style.to_owned(),
        lang: "en".to_owned(),
        text: text.to_owned(),
        kind: "colloquial".to_owned(),
        split: if idx == 2 { Split::Test } else { Split::Train },
    };
    (said.iter())
        .flat_map(|(style, texts)| {
            let texts = texts.iter().enumerate();
            texts.map(move |(idx, text)| phrase(style, idx, text))
        })
        .collect()
}

fn shard(folder: &Path, split: Split, rows: Vec<Record>) -> ShardEntry {
    let path = format!("data/{}-00000-of-00001.parquet", split.name());
    let mut writer = ShardWriter::create(&folder.join(&path), &"0".repeat(64), &[]).unwrap();
    rows.into_iter().for_each(|row| writer.push(row).unwrap());
    let info = writer.finish().unwrap();
    ShardEntry {
        path,
        split,
        rows: info.rows,
        bytes: info.bytes,
        sha256: info.sha256,
        first_key: info.first_key,
        last_key: info.last_key,
    }
}

/// A stripe in another place for each subject, black or in another grey.
fn strip(subject: u32, style: &str, side: u32) -> Rgb8 {
    let shade = if style == "ink" { 0 } else { subject * 20 };
    let mut picture = Rgb8::filled(side, side, [255, 255, 255]);
    let first = subject as usize * 48;
    picture.pixels[first..first + 192].fill(shade as u8);
    picture
}

fn record(subject: u32, between: &str, style: &str, picture: &Rgb8) -> Record {
    let caption = |text: String, kind: &str| Caption {
        text,
        lang: "en".to_owned(),
        source: "toy".to_owned(),
        kind: kind.to_owned(),
    };
    let label = format!("thing {subject}");
    Record {
        key: format!("{subject:02}-{style}"),
        subject: Some(format!("{subject:02}")),
        style: Some(style.to_owned()),
        caption: label.clone(),
        captions: vec![
            caption(format!("{label}{between}in {style}"), "composed"),
            caption(label, "label"),
        ],
        image: encode_png(picture).unwrap().into(),
        width: picture.width,
        height: picture.height,
        orig_width: picture.width,
        orig_height: picture.height,
        format: "png".to_owned(),
        ..Record::default()
    }
}

/// Vectors of unit length that depend on the text's hash alone.
fn write_embeddings(folder: &Path, texts: &[String], dim: usize) {
    let mut writer = EmbeddingsWriter::begin(folder, "toy", &"1".repeat(64), dim).unwrap();
    let unique: std::collections::BTreeSet<&String> = texts.iter().collect();
    let row = |text: &&String| {
        let hash = text_sha256(text);
        let values: Vec<f32> = (hash.iter().cycle().take(dim))
            .map(|byte| f32::from(*byte) - 127.5)
            .collect();
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        let embedding = values.iter().map(|value| value / length).collect();
        EmbeddingRow {
            text_sha256: hash,
            embedding,
            n_tokens: 3,
            truncated: false,
        }
    };
    writer
        .append(&unique.iter().map(row).collect::<Vec<_>>())
        .unwrap();
    writer.finish(&"2".repeat(64)).unwrap();
}
