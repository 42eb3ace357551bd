//! Token ids and vectors equal those of the packages that the weights come from.
//!
//! The numbers were made by `oracle/make_oracle.py` with the packages' own code. The weights are fetched by
//! `fetch_encoders.py`; where they are missing, these tests say so and pass, or fail where `IDIOM_REQUIRE_ALL=1`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a skipped test prints a line; a failed unwrap fails the test"
)]

mod families;
mod weights;

use idiom_encoders::{ALL_MINILM_L6_V2, TextVector, USE_MULTILINGUAL};
use std::io::Read;
use std::path::PathBuf;
use tch::{Kind, Tensor};

fn oracle(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("oracle")
        .join(file);
    std::fs::read(&path).unwrap_or_else(|reason| panic!("{}: {reason}", path.display()))
}

/// Texts, the multilingual tokenizer's ids, the crc32 of the BERT tokenizer's ids.
fn strings() -> Vec<(String, Vec<u32>, u32)> {
    let mut lines = String::new();
    flate2::read::GzDecoder::new(oracle("strings.jsonl.gz").as_slice())
        .read_to_string(&mut lines)
        .unwrap();
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let ids = row["u"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_u64().unwrap() as u32)
            .collect();
        (
            row["t"].as_str().unwrap().to_owned(),
            ids,
            row["m"].as_u64().unwrap() as u32,
        )
    };
    lines.lines().map(row).collect()
}

/// Languages and texts.
fn captions() -> Vec<(String, String)> {
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&oracle("captions.json")).unwrap();
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| (text(row, "lang"), text(row, "text")))
        .collect()
}

/// A third of them, for what holds for any texts.
fn some_captions() -> Vec<String> {
    captions()
        .into_iter()
        .step_by(3)
        .map(|(_, text)| text)
        .collect()
}

fn vectors(file: &str) -> Vec<Vec<f32>> {
    let bytes = oracle(file);
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let view = tensors.tensor("vectors").unwrap();
    let shape: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
    let halves = Tensor::from_data_size(view.data(), &shape, Kind::Half);
    Vec::<Vec<f32>>::try_from(halves.to_kind(Kind::Float)).unwrap()
}

fn check_vectors(name: &str, file: &str) {
    let Some(encoder) = weights::load(name) else {
        return;
    };
    let captions = captions();
    for lang in ["en", "zh", "yue"] {
        let n = captions.iter().filter(|(of, _)| of == lang).count();
        assert_eq!(n, 200, "captions in {lang}");
    }
    let texts: Vec<&str> = captions.iter().map(|(_, text)| text.as_str()).collect();
    let found = encoder.encode(&texts).unwrap();
    let wanted = vectors(file);
    assert_eq!((found.len(), wanted.len()), (600, 600));
    for ((text, found), wanted) in texts.iter().zip(&found).zip(&wanted) {
        let cosine = weights::cosine(&found.values, wanted);
        assert!(cosine >= 0.9999, "{text}: cosine {cosine}");
        let norm = found
            .values
            .iter()
            .map(|value| value * value)
            .sum::<f32>()
            .sqrt();
        assert!((norm - 1.0).abs() < 1e-5, "{text}: norm {norm}");
    }
}

#[test]
fn multilingual_vectors_are_those_of_the_numpy_forward_pass() {
    check_vectors(USE_MULTILINGUAL, "use-multilingual.safetensors");
}

#[test]
fn minilm_vectors_are_those_of_sentence_transformers() {
    check_vectors(ALL_MINILM_L6_V2, "all-minilm-l6-v2.safetensors");
}

#[test]
fn multilingual_token_ids_are_equal_on_10_000_strings() {
    let Some(encoder) = weights::load(USE_MULTILINGUAL) else {
        return;
    };
    let strings = strings();
    assert_eq!(strings.len(), 10_000);
    let texts: Vec<&str> = strings.iter().map(|(text, ..)| text.as_str()).collect();
    let found = encoder.token_ids(&texts).unwrap();
    for ((text, wanted, _), found) in strings.iter().zip(&found) {
        assert_eq!(found, wanted, "{text:?}");
    }
}

#[test]
fn minilm_token_ids_are_equal_on_10_000_strings() {
    let Some(encoder) = weights::load(ALL_MINILM_L6_V2) else {
        return;
    };
    let strings = strings();
    assert_eq!(strings.len(), 10_000);
    let texts: Vec<&str> = strings.iter().map(|(text, ..)| text.as_str()).collect();
    let found = encoder.token_ids(&texts).unwrap();
    for ((text, _, wanted), found) in strings.iter().zip(&found) {
        let bytes: Vec<u8> = found.iter().flat_map(|id| id.to_le_bytes()).collect();
        let mut crc = flate2::Crc::new();
        crc.update(&bytes);
        assert_eq!(crc.sum(), *wanted, "{text:?}: {found:?}");
    }
}

#[test]
fn a_text_does_not_feel_its_neighbours() {
    for name in [USE_MULTILINGUAL, ALL_MINILM_L6_V2] {
        let Some(encoder) = weights::load(name) else {
            return;
        };
        let texts = some_captions();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let together = encoder.encode(&texts).unwrap();
        for (text, beside_others) in texts.iter().zip(&together).step_by(7) {
            let alone = &encoder.encode(&[text]).unwrap()[0];
            let apart = alone
                .values
                .iter()
                .zip(&beside_others.values)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(apart <= 1e-6, "{name}: {text}: {apart}");
            assert_eq!(
                (alone.n_tokens, alone.truncated),
                (beside_others.n_tokens, beside_others.truncated)
            );
        }
    }
}

#[test]
fn the_same_texts_give_the_same_bytes_with_any_number_of_threads() {
    for name in [USE_MULTILINGUAL, ALL_MINILM_L6_V2] {
        let Some(encoder) = weights::load(name) else {
            return;
        };
        let texts = some_captions();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let bits_with = |n_threads: i32| -> Vec<u32> {
            tch::set_num_threads(n_threads);
            let vectors: Vec<TextVector> = encoder.encode(&texts).unwrap();
            vectors
                .iter()
                .flat_map(|vector| vector.values.iter().map(|value| value.to_bits()))
                .collect()
        };
        assert_eq!(bits_with(1), bits_with(3), "{name}");
        assert_eq!(bits_with(3), bits_with(3), "{name}");
    }
}

#[test]
fn order_and_twins_are_kept() {
    let Some(encoder) = weights::load(USE_MULTILINGUAL) else {
        return;
    };
    let texts = [
        "a long sentence about a clay cat",
        "狗",
        "a long sentence about a clay cat",
        "一隻貓",
    ];
    let found = encoder.encode(&texts).unwrap();
    assert_eq!(found[0], found[2]);
    assert_ne!(found[1].values, found[3].values);
    assert_eq!(found[1], encoder.encode(&["狗"]).unwrap()[0]);
}

#[test]
fn a_text_that_is_too_long_is_cut_and_says_so() {
    for (name, limit, n_words) in [(USE_MULTILINGUAL, 2048, 3), (ALL_MINILM_L6_V2, 256, 2)] {
        let Some(encoder) = weights::load(name) else {
            return;
        };
        let found = encoder
            .encode(&[&"clay cat ".repeat(5000), "clay cat"])
            .unwrap();
        assert_eq!(
            (found[0].n_tokens, found[0].truncated),
            (limit, true),
            "{name}"
        );
        assert_eq!(
            (found[1].n_tokens, found[1].truncated),
            (n_words + 2, false),
            "{name}"
        );
    }
}

#[test]
fn chinese_and_cantonese_stand_near_their_english() {
    let Some(encoder) = weights::load(USE_MULTILINGUAL) else {
        return;
    };
    let found = encoder
        .encode(&["a cat", "一只猫", "一隻貓", "a national flag"])
        .unwrap();
    let to_cat = |idx: usize| weights::cosine(&found[0].values, &found[idx].values);
    assert!(
        to_cat(1) > to_cat(3) + 0.2 && to_cat(2) > to_cat(3) + 0.2,
        "{} {} {}",
        to_cat(1),
        to_cat(2),
        to_cat(3)
    );
}

#[test]
fn the_hash_is_known_by_name_and_stays() {
    for name in [USE_MULTILINGUAL, ALL_MINILM_L6_V2] {
        let (Some(one), Some(two)) = (weights::load(name), weights::load(name)) else {
            return;
        };
        assert_eq!((one.name(), one.sha256()), (name, two.sha256()));
        assert_eq!(one.sha256().len(), 64);
    }
}
