//! What `embed` promises, with an encoder that counts and needs no weights.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use idiom_dataset::embeddings::Embeddings;
use idiom_dataset::manifest::FileEntry;
use idiom_dataset::picture_vectors::PictureVectors;
use idiom_dataset::{
    Caption, Dataset, Manifest, Phrase, Record, ShardEntry, ShardWriter, Split, phrases, schema,
};
use idiom_embed::{EmbedError, EmbedOptions, Event, Summary, embed, embed_pictures, probe};
use idiom_encoders::{EncoderError, PictureEncoder, TextEncoder, TextVector};
use idiom_picture::{Rgb8, encode_png};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const STYLES: [&str; 3] = ["clay", "ink", "flat"];

/// Direction by the style's name in the text, tilted a little by the text's length; sets `stop` after so many calls.
struct Counting<'a> {
    sha256: &'a str,
    seen: Mutex<Vec<String>>,
    stop_after: usize,
    n_calls: AtomicUsize,
    stop: AtomicBool,
}

impl<'a> Counting<'a> {
    fn new(sha256: &'a str, stop_after: usize) -> Self {
        let (seen, n_calls, stop) = (
            Mutex::default(),
            AtomicUsize::new(0),
            AtomicBool::new(false),
        );
        Self {
            sha256,
            seen,
            stop_after,
            n_calls,
            stop,
        }
    }

    fn seen(&self) -> Vec<String> {
        let mut seen = self.seen.lock().unwrap().clone();
        seen.sort();
        seen
    }
}

impl TextEncoder for Counting<'_> {
    fn name(&self) -> &str {
        "counting"
    }

    fn sha256(&self) -> &str {
        self.sha256
    }

    fn dim(&self) -> usize {
        3
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<TextVector>, EncoderError> {
        self.seen
            .lock()
            .unwrap()
            .extend(texts.iter().map(|text| text.to_string()));
        if self.n_calls.fetch_add(1, Ordering::Relaxed) + 1 == self.stop_after {
            self.stop.store(true, Ordering::Relaxed);
        }
        let vector = |text: &&str| {
            let values = STYLES.map(|style| {
                if text.contains(style) {
                    1.0
                } else {
                    text.len() as f32 / 64.0
                }
            });
            TextVector {
                values: values.to_vec(),
                n_tokens: text.len() as u32,
                truncated: text.len() > 18,
            }
        };
        Ok(texts.iter().map(vector).collect())
    }

    fn token_ids(&self, _texts: &[&str]) -> Result<Vec<Vec<u32>>, EncoderError> {
        Ok(Vec::new())
    }
}

/// Two rows a split with three captions each, one of them in all rows, and phrases: 6 + 6 + 1 + 12 distinct texts.
fn write_dataset(folder: &Path) {
    let shards = Split::ALL.map(|split| {
        let path = format!("data/{}-00000-of-00001.parquet", split.name());
        let mut writer = ShardWriter::create(&folder.join(&path), "", &[]).unwrap();
        for number in 0..2 {
            let text = format!("{} {number}", split.name());
            let caption = |text: &str, lang: &str| Caption {
                text: text.into(),
                lang: lang.into(),
                ..Caption::default()
            };
            let captions = vec![
                caption(&text, "en"),
                caption(&format!("{text} 貓"), "yue"),
                caption("a cat", "en"),
            ];
            writer
                .push(Record {
                    key: text.clone(),
                    caption: text,
                    captions,
                    image: encode_png(&Rgb8::filled(
                        8 + 2 * number,
                        8,
                        [40 * number as u8, 9, 200],
                    ))
                    .unwrap()
                    .into(),
                    ..Record::default()
                })
                .unwrap();
        }
        let info = writer.finish().unwrap();
        let (rows, bytes, sha256) = (info.rows, info.bytes, info.sha256);
        ShardEntry {
            path,
            split,
            rows,
            bytes,
            sha256,
            first_key: info.first_key,
            last_key: info.last_key,
        }
    });
    let phrase = |number: usize| Phrase {
        style: STYLES[number % 3].into(),
        lang: if number.is_multiple_of(2) {
            "en"
        } else {
            "yue"
        }
        .into(),
        text: format!("like {} number {number}", STYLES[number % 3]),
        kind: "colloquial".into(),
        split: if number < 6 {
            Split::Train
        } else {
            Split::Test
        },
    };
    phrases::write(
        &folder.join("phrases.parquet"),
        &(0..12).map(phrase).collect::<Vec<_>>(),
    )
    .unwrap();
    let phrases = Some(FileEntry::of(folder, "phrases.parquet", 12).unwrap());
    let shards = shards.to_vec();
    Manifest {
        schema_version: schema::VERSION,
        name: "small".into(),
        shards,
        phrases,
        ..Manifest::default()
    }
    .write(folder)
    .unwrap();
}

fn run(folder: &Path, encoder: &Counting<'_>) -> Result<Summary, EmbedError> {
    let options = EmbedOptions {
        texts_a_step: 4,
        texts_a_part: 10,
    };
    embed(folder, encoder, &options, &|_| {}, &encoder.stop)
}

fn dataset() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_dataset(folder.path());
    folder
}

#[test]
fn every_caption_and_phrase_gets_its_vector_once() {
    let folder = dataset();
    let encoder = Counting::new("a", 0);
    let summary = run(folder.path(), &encoder).unwrap();
    assert_eq!(
        (summary.n_texts, summary.n_encoded, summary.skipped),
        (25, 25, false)
    );
    let mut distinct = encoder.seen();
    distinct.dedup();
    assert_eq!(distinct.len(), 25);
    assert_eq!(encoder.seen().len(), 25);
    let found = Embeddings::open(folder.path(), "counting").unwrap();
    assert_eq!(
        (found.len(), found.dim(), found.encoder_sha256()),
        (25, 3, "a")
    );
    assert_eq!(found.get("a cat"), Some([5.0 / 64.0; 3].as_slice()));
    assert_eq!(
        found.get("like ink number 1"),
        Some([17.0 / 64.0, 1.0, 17.0 / 64.0].as_slice())
    );
    assert_eq!(found.get("a dog"), None);
}

#[test]
fn what_is_current_is_not_encoded_again() {
    let folder = dataset();
    run(folder.path(), &Counting::new("a", 0)).unwrap();
    let again = Counting::new("a", 0);
    assert!(run(folder.path(), &again).unwrap().skipped);
    assert!(again.seen().is_empty());
}

#[test]
fn another_encoder_of_the_same_name_starts_over() {
    let folder = dataset();
    run(folder.path(), &Counting::new("a", 0)).unwrap();
    assert_eq!(
        run(folder.path(), &Counting::new("b", 0))
            .unwrap()
            .n_encoded,
        25
    );
    assert_eq!(
        Embeddings::open(folder.path(), "counting")
            .unwrap()
            .encoder_sha256(),
        "b"
    );
}

#[test]
fn a_run_that_was_stopped_goes_on_where_it_was() {
    let (whole, stopped) = (dataset(), dataset());
    run(whole.path(), &Counting::new("a", 0)).unwrap();
    for stop_after in [1, 3] {
        let first = Counting::new("a", stop_after);
        let error = run(stopped.path(), &first).unwrap_err();
        assert!(
            matches!(error, EmbedError::Interrupted { n_texts: 25, .. }),
            "{error}"
        );
        assert_eq!(first.n_calls.load(Ordering::Relaxed), stop_after);
        assert!(
            Embeddings::open(stopped.path(), "counting").is_err(),
            "a part of it looks whole"
        );
    }
    let last = run(stopped.path(), &Counting::new("a", 0)).unwrap();
    assert_eq!((last.n_texts, last.n_encoded), (25, 25 - 4 - 12));
    let found = Embeddings::open(stopped.path(), "counting").unwrap();
    let wanted = Embeddings::open(whole.path(), "counting").unwrap();
    for text in ["a cat", "train 0", "test 1 貓", "like flat number 11"] {
        assert_eq!(found.get(text), wanted.get(text), "{text}");
    }
}

#[test]
fn new_texts_alone_are_encoded_when_a_dataset_grew() {
    let folder = dataset();
    run(folder.path(), &Counting::new("a", 0)).unwrap();
    let path = folder.path().join("phrases.parquet");
    let mut grown = phrases::read(&path).unwrap();
    grown.push(Phrase {
        text: "like ink, but new".into(),
        ..grown[0].clone()
    });
    phrases::write(&path, &grown).unwrap();
    let encoder = Counting::new("a", 0);
    let summary = run(folder.path(), &encoder).unwrap();
    // What is new, and both its parts.
    assert_eq!((summary.n_texts, summary.n_encoded), (28, 3));
    assert_eq!(encoder.seen(), ["but new", "like ink", "like ink, but new"]);
}

#[test]
fn two_writers_cannot_embed_at_once() {
    let folder = dataset();
    let _held =
        idiom_dataset::embeddings::EmbeddingsWriter::begin(folder.path(), "counting", "a", 3)
            .unwrap();
    let error = run(folder.path(), &Counting::new("a", 0)).unwrap_err();
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
}

#[test]
fn progress_adds_up_to_what_was_announced() {
    let folder = dataset();
    let events = Mutex::new(Vec::new());
    let encoder = Counting::new("a", 0);
    let on = |event: Event| events.lock().unwrap().push(event);
    embed(
        folder.path(),
        &encoder,
        &EmbedOptions::default(),
        &on,
        &AtomicBool::new(false),
    )
    .unwrap();
    let mut stages: Vec<(&str, u64, u64)> = Vec::new();
    for event in events.into_inner().unwrap() {
        match event {
            Event::Started { stage, total } => stages.push((stage, total, 0)),
            Event::Advanced(n) => stages.last_mut().unwrap().2 += n,
            Event::Message(_) => {}
        }
    }
    assert_eq!(stages, [("captions", 6, 6), ("vectors", 25, 25)]);
}

#[test]
fn cut_texts_are_counted() {
    let folder = dataset();
    let summary = run(folder.path(), &Counting::new("a", 0)).unwrap();
    assert_eq!(
        summary.to_string(),
        "25 distinct texts have vectors of counting, 25 of them new; cut, because they were too long: 1"
    );
}

#[test]
fn a_dataset_without_words_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    Manifest {
        schema_version: schema::VERSION,
        ..Manifest::default()
    }
    .write(folder.path())
    .unwrap();
    let error = run(folder.path(), &Counting::new("a", 0)).unwrap_err();
    assert!(matches!(error, EmbedError::NoTexts { .. }), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn a_folder_that_is_no_dataset_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = run(folder.path(), &Counting::new("a", 0)).unwrap_err();
    assert!(error.to_string().contains("manifest.json"), "{error}");
}

#[test]
fn the_probe_reads_held_out_phrases_language_by_language() {
    let folder = dataset();
    run(folder.path(), &Counting::new("a", 0)).unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    let found = probe(
        &dataset,
        &Embeddings::open(folder.path(), "counting").unwrap(),
    )
    .unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|accuracy| (accuracy.group.as_str(), accuracy.n, accuracy.n_right))
        .collect();
    assert_eq!(found, [("en", 3, 3), ("yue", 3, 3)]);
}

/// The mean colour of a picture; sets `stop` after so many calls.
struct MeanColour {
    sha256: &'static str,
    stop_after: usize,
    n_calls: AtomicUsize,
    stop: AtomicBool,
}

impl MeanColour {
    fn new(sha256: &'static str, stop_after: usize) -> Self {
        Self {
            sha256,
            stop_after,
            n_calls: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        }
    }
}

impl PictureEncoder for MeanColour {
    fn name(&self) -> &str {
        "mean-colour"
    }

    fn sha256(&self) -> &str {
        self.sha256
    }

    fn dim(&self) -> usize {
        3
    }

    fn vectors(&self, pictures: &tch::Tensor) -> Result<tch::Tensor, EncoderError> {
        if self.n_calls.fetch_add(1, Ordering::Relaxed) + 1 == self.stop_after {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(pictures.f_mean_dim([2_i64, 3].as_slice(), false, tch::Kind::Float)?)
    }
}

fn see(folder: &Path, encoder: &MeanColour) -> Result<idiom_embed::PictureSummary, EmbedError> {
    embed_pictures(folder, encoder, &|_| {}, &encoder.stop)
}

#[test]
fn every_picture_gets_its_vector_by_its_key() {
    let folder = dataset();
    let found = see(folder.path(), &MeanColour::new("a", 0)).unwrap();
    assert_eq!(
        (found.n_pictures, found.n_encoded, found.skipped),
        (6, 6, false)
    );
    let vectors = PictureVectors::open(folder.path(), "mean-colour").unwrap();
    let keys: Vec<&str> = vectors.rows().map(|(key, _)| key).collect();
    assert_eq!(
        keys,
        [
            "train 0",
            "train 1",
            "validation 0",
            "validation 1",
            "test 0",
            "test 1"
        ]
    );
    // (0, 9, 200) and (40, 9, 200), from bytes to -1 to 1 and then to unit length.
    for (number, (_, vector)) in vectors.rows().enumerate() {
        let colour = [40.0 * (number % 2) as f32, 9.0, 200.0].map(|byte| byte / 127.5 - 1.0);
        let length = colour.iter().map(|x| x * x).sum::<f32>().sqrt();
        let apart = vector
            .iter()
            .zip(colour)
            .map(|(a, b)| (a - b / length).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-5, "{vector:?}");
    }
    let blue = vectors.rows().nth(1).unwrap().1.to_vec();
    let nearest: Vec<&str> = vectors
        .nearest(&blue, 3)
        .iter()
        .map(|(key, _)| *key)
        .collect();
    assert_eq!(nearest, ["test 1", "train 1", "validation 1"]);
    assert!(
        see(folder.path(), &MeanColour::new("a", 0))
            .unwrap()
            .skipped
    );
}

#[test]
fn pictures_go_on_shard_by_shard_and_start_over_with_another_encoder() {
    let folder = dataset();
    // Both shards' pictures differ in size, so each takes two calls; the look at the flag comes before a batch.
    let stopped = MeanColour::new("a", 2);
    let error = see(folder.path(), &stopped).unwrap_err();
    assert!(
        matches!(
            error,
            EmbedError::Interrupted {
                n_done: 2,
                n_texts: 6,
                ..
            }
        ),
        "{error}"
    );
    assert!(PictureVectors::open(folder.path(), "mean-colour").is_err());
    let rest = see(folder.path(), &MeanColour::new("a", 0)).unwrap();
    assert_eq!((rest.n_pictures, rest.n_encoded), (6, 4));
    let other = see(folder.path(), &MeanColour::new("b", 0)).unwrap();
    assert_eq!(other.n_encoded, 6);
}
