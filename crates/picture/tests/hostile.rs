//! Hostile pictures: whatever the bytes are, `decode` gives pixels or an error with a code, and never panics.
//!
//! 300 by default, 20,000 with `IDIOM_SOAK=1`.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![allow(clippy::print_stdout, reason = "the counts are worth a line")]

use std::fs;
use std::path::Path;

use idiom_picture::{Limits, decode};

/// The generator of `SplitMix64`; the test needs no more than reproducible bytes.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

fn fixtures() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut pictures: Vec<Vec<u8>> = files
        .iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension != "py" && extension != "json")
        })
        .map(|path| fs::read(path).unwrap())
        .filter(|bytes| bytes.len() < 10_000)
        .collect();
    pictures.push(
        br##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><defs><linearGradient id="a"><stop stop-color="#f00"/></linearGradient><filter id="b"><feGaussianBlur stdDeviation="3"/></filter></defs><g filter="url(#b)"><path fill="url(#a)" d="M2 3l9 9a4 4 0 0 0 9 3z"/></g></svg>"##
            .to_vec(),
    );
    pictures
}

/// One picture damaged in one of the ways files are damaged.
fn damage(picture: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = picture.to_vec();
    match random.below(5) {
        0 => bytes.truncate(random.below(picture.len())),
        1 => {
            for _ in 0..=random.below(8) {
                let place = random.below(bytes.len());
                bytes[place] ^= 1 << random.below(8);
            }
        }
        2 => {
            let place = random.below(bytes.len());
            let end = bytes.len().min(place + 1 + random.below(8));
            bytes[place..end].fill([0, 0xff, 0x7f, 0x80][random.below(4)]);
        }
        3 => {
            bytes.truncate(random.below(picture.len()));
            bytes.extend_from_slice(&other[random.below(other.len())..]);
        }
        _ => {
            let start = random.below(bytes.len());
            let end = bytes.len().min(start + random.below(64));
            bytes.drain(start..end);
        }
    }
    bytes
}

#[test]
fn a_damaged_picture_is_decoded_or_refused_with_a_code() {
    let count = if std::env::var_os("IDIOM_SOAK").is_some() {
        20_000
    } else {
        300
    };
    let pictures = fixtures();
    let limits = Limits {
        max_pixels: 4_000_000,
        max_memory: 64 << 20,
        ..Limits::default()
    };
    let mut random = Random(2026);
    let (mut decoded, mut panics) = (0, Vec::new());
    for i in 0..count {
        let (a, b) = (random.below(pictures.len()), random.below(pictures.len()));
        let bytes = damage(&pictures[a], &pictures[b], &mut random);
        match decode(&bytes, &limits) {
            Ok(picture) => {
                decoded += 1;
                let (width, height) = picture.pixels.size();
                let n_values = picture.pixels.on_background([0; 3]).pixels.len();
                assert_eq!(
                    n_values,
                    width as usize * height as usize * 3,
                    "picture {i}"
                );
            }
            Err(error) if error.code() == "decoder_panic" => panics.push((i, error.to_string())),
            Err(error) => assert!(!error.code().is_empty()),
        }
    }
    // A panic inside a decoder is caught, counted and reported; it is that crate's fault, not a failure here.
    println!(
        "{decoded} of {count} decoded, {} decoder panics caught: {panics:?}",
        panics.len()
    );
    assert!(
        decoded > count / 20,
        "only {decoded} of {count} were still pictures"
    );
}

#[test]
fn every_cut_of_a_picture_is_decoded_or_refused() {
    for picture in fixtures().iter().filter(|picture| picture.len() < 800) {
        for end in 0..picture.len() {
            if let Err(error) = decode(&picture[..end], &Limits::default()) {
                assert!(!error.code().is_empty());
            }
        }
    }
}
