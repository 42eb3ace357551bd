//! How long a start takes, and how many texts a CPU-second go through the built-in encoders on one thread.
//!
//! The texts are the strings of the tokenizers' oracle. An encoder whose weights are missing is left out. With
//! `SENTENCE_TRANSFORMERS` set to a Python that has that package, its rate with the same weights on the same texts stands beside
//! ours, each text once, and each four times as where many pictures share a caption.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints its figures"
)]

use idiom_encoders::{BUILT_IN, Locations, TextEncoder, load};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The small encoder's share: BERT is slower, and a tenth tells its rate as well.
const N_TEXTS: [usize; 2] = [10_000, 1_000];
const REPEATS: [usize; 2] = [1, 4];

fn main() {
    tch::set_num_threads(1);
    let texts = strings();
    for (name, n_texts) in BUILT_IN.into_iter().zip(N_TEXTS) {
        let begun = Instant::now();
        match load(name, &locations(), tch::Device::Cpu) {
            Ok(encoder) => {
                println!("{name}: start {:.2} s", begun.elapsed().as_secs_f64());
                report(encoder.as_ref(), &texts[..n_texts.min(texts.len())]);
            }
            Err(error) => println!("{name}: left out: {error}"),
        }
    }
}

fn report(encoder: &dyn TextEncoder, texts: &[String]) {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let begun = cpu_seconds();
    let ids = encoder.token_ids(&texts).unwrap();
    let tokenized = cpu_seconds() - begun;
    let n_tokens: usize = ids.iter().map(Vec::len).sum();
    for repeats in REPEATS {
        let all = texts.repeat(repeats);
        let begun = (cpu_seconds(), Instant::now());
        encoder.encode(&all).unwrap();
        let (cpu, clock) = (cpu_seconds() - begun.0, begun.1.elapsed().as_secs_f64());
        println!(
            "{}, each text {repeats} times: {:.0} texts/CPU-s ({clock:.1} s), of which the tokenizer takes {:.0} %; {:.1} tokens a text",
            encoder.name(),
            all.len() as f64 / cpu,
            100.0 * tokenized / cpu,
            n_tokens as f64 / texts.len() as f64,
        );
        peer(encoder.name(), &texts, repeats, cpu);
    }
}

/// sentence-transformers on the same texts, where it is at hand and knows the model.
fn peer(name: &str, texts: &[&str], repeats: usize, own: f64) {
    let Some(python) = std::env::var_os("SENTENCE_TRANSFORMERS") else {
        return;
    };
    let folder = locations().folder.join(name);
    if !folder.join("modules.json").exists() {
        return;
    }
    let mut child = Command::new(python)
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/peers.py"))
        .arg(folder)
        .arg(repeats.to_string())
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = texts.join("\n");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let fields: Vec<f64> = printed
        .split('\t')
        .filter_map(|field| field.trim().parse().ok())
        .collect();
    let [cpu, clock, peak] = fields[..] else {
        println!("    sentence-transformers said nothing");
        return;
    };
    println!(
        "    sentence-transformers: {:.0} texts/CPU-s ({clock:.1} s), peak {peak:.0} MB; ours is {:.2} times as quick",
        (texts.len() * repeats) as f64 / cpu,
        cpu / own
    );
}

/// User and system time of this process, in steps of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
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
    let is_one_line = |text: &String| !text.is_empty() && text.lines().count() == 1;
    lines.lines().map(text).filter(is_one_line).collect()
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
