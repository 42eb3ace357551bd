//! Encoders whose weights may not be on this machine.

#![allow(dead_code, reason = "each test takes what it needs")]

use idiom_encoders::{Locations, TextEncoder, load as load_encoder};
use std::path::PathBuf;

/// The encoder from the user's cache, or `None` after one line that says why the test is skipped.
///
/// # Panics
/// Where it is missing and `IDIOM_REQUIRE_ALL=1`, or where it is there and damaged.
pub(crate) fn load(name: &str) -> Option<Box<dyn TextEncoder>> {
    let folder = cache().join("encoders");
    if !folder.join(name).join("tokenizer.json").exists() {
        skip(name);
        return None;
    }
    let locations = Locations {
        folder,
        offline: true,
        ..Locations::default()
    };
    Some(load_encoder(name, &locations, tch::Device::Cpu).unwrap())
}

/// One line that says what is missing.
///
/// # Panics
/// Where `IDIOM_REQUIRE_ALL=1`.
pub(crate) fn skip(name: &str) {
    let folder = cache().join("encoders");
    let line = format!(
        "skipped: encoders need `{name}` in {} (fetch_encoders.py)",
        folder.display()
    );
    assert!(
        std::env::var("IDIOM_REQUIRE_ALL").as_deref() != Ok("1"),
        "{line}"
    );
    println!("{line}");
}

pub(crate) fn cache() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = || set("HOME").unwrap_or_default().join(".cache");
    set("IDIOM_CACHE").unwrap_or_else(|| set("XDG_CACHE_HOME").unwrap_or_else(home).join("idiom"))
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
