//! How long a start takes, and how many texts a second go through the built-in encoders.
//!
//! The texts are the 10,000 strings of the tokenizers' oracle. An encoder whose weights are missing is left out.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints its figures"
)]

use idiom_encoders::{BUILT_IN, Locations, TextEncoder, load};
use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

/// The small encoder's share: BERT is slower, and a tenth tells its rate as well.
const N_TEXTS: [usize; 2] = [10_000, 1_000];

fn main() {
    let texts = strings();
    for (name, n_texts) in BUILT_IN.into_iter().zip(N_TEXTS) {
        let begun = Instant::now();
        match load(name, &locations(), tch::Device::Cpu) {
            Ok(encoder) => {
                println!("{name}: start {:.2} s", begun.elapsed().as_secs_f64());
                report(encoder.as_ref(), &texts[..n_texts]);
            }
            Err(error) => println!("{name}: left out: {error}"),
        }
    }
}

fn report(encoder: &dyn TextEncoder, texts: &[String]) {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let begun = Instant::now();
    let n_tokens: usize = encoder
        .token_ids(&texts)
        .unwrap()
        .iter()
        .map(Vec::len)
        .sum();
    let tokenized = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    encoder.encode(&texts).unwrap();
    let encoded = begun.elapsed().as_secs_f64();
    println!(
        "{}: {:.0} texts/s, {:.0} tokens/s, of which the tokenizer takes {:.0} %; {} threads",
        encoder.name(),
        texts.len() as f64 / encoded,
        n_tokens as f64 / encoded,
        100.0 * tokenized / encoded,
        tch::get_num_threads(),
    );
}

fn strings() -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("oracle/strings.jsonl.gz");
    let mut lines = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut lines)
        .unwrap();
    let text = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["t"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    lines.lines().map(text).collect()
}

fn locations() -> Locations {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = || set("HOME").unwrap_or_default().join(".cache");
    let cache = set("IDIOM_CACHE")
        .unwrap_or_else(|| set("XDG_CACHE_HOME").unwrap_or_else(home).join("idiom"));
    Locations {
        folder: cache.join("encoders"),
        offline: true,
        ..Locations::default()
    }
}
