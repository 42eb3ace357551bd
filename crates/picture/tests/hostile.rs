//! Hostile pictures: whatever the bytes are, `decode` gives pixels or an error with a code, and never panics.
//!
//! 300 by default, 20,000 with `IDIOM_SOAK=1`. The process that runs all of this never holds more than 512 MB.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![allow(clippy::print_stdout, reason = "the counts are worth a line")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use idiom_picture::{Frame, Limits, Rgb8, Scaling, decode, encode_png, perceptual_hash, resize};

#[path = "../../ingest/fuzz/metadata.rs"]
mod metadata;
use metadata::Metadata;

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

/// Asks the kernel for the most that this process has held so far, whichever test it was for.
fn check_memory(most_megabytes: u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kibibytes: u64 = (line.unwrap().split_whitespace().nth(1).unwrap())
        .parse()
        .unwrap();
    let megabytes = kibibytes * 1024 / 1_000_000;
    println!("{megabytes} MB at most so far");
    assert!(megabytes < most_megabytes, "{megabytes} MB were held");
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
    check_memory(512);
}

/// The bodies are those of the fuzz targets `exif` and `icc` (`crates/ingest/fuzz`).
#[test]
fn damaged_metadata_does_not_make_a_picture_broken() {
    let count = if std::env::var_os("IDIOM_SOAK").is_some() {
        20_000
    } else {
        300
    };
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let mut random = Random(2029);
    for (kind, sound) in [(Metadata::Exif, exif), (Metadata::Icc, profile())] {
        metadata::check(kind, &sound);
        for _ in 0..count {
            metadata::check(kind, &damage(&sound, &sound, &mut random));
        }
    }
}

/// The colour profile of the fixture, which stands packed in a PNG.
fn profile() -> Vec<u8> {
    let path = format!(
        "{}/tests/fixtures/display_p3.png",
        env!("CARGO_MANIFEST_DIR")
    );
    let png = fs::read(path).unwrap();
    let start = png.windows(4).position(|kind| kind == b"iCCP").unwrap();
    let length = u32::from_be_bytes(png[start - 4..start].try_into().unwrap());
    let chunk = &png[start + 4..][..length as usize];
    // A name, a zero, and a zero for the only way of packing.
    let packed = chunk.iter().position(|byte| *byte == 0).unwrap() + 2;
    let mut profile = Vec::new();
    let mut unpacked = flate2::read::ZlibDecoder::new(&chunk[packed..]);
    unpacked.read_to_end(&mut profile).unwrap();
    profile
}

/// Whoever builds a picture by hand may miscount.
#[test]
fn values_that_are_not_the_pixels_of_a_size_are_an_error() {
    for (width, n_values) in [(8, 8 * 9 * 3), (8, 8 * 8 * 4), (0, 0)] {
        let picture = Rgb8 {
            width,
            height: 8,
            pixels: vec![0; n_values],
        };
        for frame in [Frame::Crop, Frame::Fit, Frame::Pad([0; 3]), Frame::Keep] {
            let resized = resize(picture.clone(), 4, frame, Scaling::UpToo);
            assert_eq!(resized.unwrap_err().code(), "misshapen");
        }
        let hash = perceptual_hash(&picture);
        assert_eq!(hash.unwrap_err().code(), "misshapen");
        assert_eq!(encode_png(&picture).unwrap_err().code(), "unwritable");
    }
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

/// Where two copies would be too much, a picture is turned in place; which one it was cannot be seen.
#[test]
fn a_picture_that_fills_its_memory_is_turned_like_one_with_room() {
    for tag in 2..=8 {
        let path = format!(
            "{}/tests/fixtures/exif_{tag}.jpg",
            env!("CARGO_MANIFEST_DIR")
        );
        let bytes = fs::read(path).unwrap();
        let roomy = decode(&bytes, &Limits::default()).unwrap();
        let tight = Limits {
            max_memory: u64::from(roomy.orig_width * roomy.orig_height * 3),
            ..Limits::default()
        };
        assert!(
            decode(&bytes, &tight).unwrap() == roomy,
            "orientation {tag}"
        );
    }
}

/// A chunk of a PNG.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let length = (data.len() as u32).to_be_bytes();
    [&length, &kind[..], data, &crc.sum().to_be_bytes()].concat()
}

/// A PNG of nothing but zeros, of 8 or 16 bits and of grey (0), colour (2) or colour with alpha (6), with a further chunk.
/// Its data holds the first `n_rows` only.
fn zeros(side: u32, n_rows: u32, [depth, kind]: [u8; 2], further: &[u8]) -> Vec<u8> {
    let channels = match kind {
        0 => 1,
        2 => 3,
        _ => 4,
    };
    let row = 1 + side as usize * channels * usize::from(depth / 8);
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let rows = vec![0; row];
    (0..n_rows).for_each(|_| packed.write_all(&rows).unwrap());
    let header = [
        &side.to_be_bytes()[..],
        &side.to_be_bytes(),
        &[depth, kind, 0, 0, 0],
    ]
    .concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        further.to_vec(),
        chunk(b"IDAT", &packed.finish().unwrap()),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

/// Text or a colour profile of 256 MB in a quarter of one.
fn puffed(kind: &[u8; 4], head: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(head.to_vec(), flate2::Compression::fast());
    let rows = vec![b' '; 1 << 20];
    (0..256).for_each(|_| packed.write_all(&rows).unwrap());
    chunk(kind, &packed.finish().unwrap())
}

/// Pictures that say they are huge, or are: refused, or decoded within the memory.
#[test]
fn no_picture_takes_more_than_half_a_gigabyte() {
    // Turned by 90 degrees: a copy, or in place where two would be too much.
    let turned = chunk(
        b"eXIf",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
    );
    let limits = Limits::default();
    let (grey, colour, alpha) = ([8, 0], [8, 2], [8, 6]);
    for (name, bytes, code, most) in [
        // Judged by their headers; the test's own megabytes are in the sum.
        (
            "too many pixels",
            zeros(8001, 1, grey, &[]),
            Some("too_many_pixels"),
            128,
        ),
        (
            "too deep",
            zeros(8000, 1, [16, 6], &[]),
            Some("too_much_memory"),
            128,
        ),
        (
            "puffed text",
            zeros(16, 16, colour, &puffed(b"zTXt", b"Comment\0\0")),
            None,
            128,
        ),
        (
            "puffed profile",
            zeros(16, 16, colour, &puffed(b"iCCP", b"icc\0\0")),
            None,
            128,
        ),
        ("turned", zeros(8000, 8000, colour, &turned), None, 512),
        (
            "turned, with alpha",
            zeros(8000, 8000, alpha, &turned),
            None,
            512,
        ),
        (
            "as large as allowed",
            zeros(8000, 8000, alpha, &[]),
            None,
            512,
        ),
    ] {
        let found = decode(&bytes, &limits);
        let found = found.map(|picture| picture.pixels.on_background([0; 3]).pixels.len());
        let found = found.as_ref().err().map(idiom_picture::PictureError::code);
        println!("{name}: {found:?}");
        check_memory(most);
        assert_eq!(found, code, "{name}");
    }
}
