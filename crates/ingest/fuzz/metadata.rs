//! Any bytes as the metadata of a sound picture. Metadata can be as broken as it likes: the picture is decoded all the same. Shared by
//! the fuzz targets and by `crates/picture/tests/hostile.rs`.

use idiom_picture::{Limits, decode};

/// Which metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metadata {
    /// What a camera says, the orientation among it.
    Exif,
    /// A colour profile.
    Icc,
}

/// A JPEG of 32x16 pixels without metadata.
const JPEG: &[u8] = include_bytes!("../../picture/tests/fixtures/plain.jpg");
/// Bytes of the marker before the first segment.
const START: usize = 2;
/// Most bytes of a segment, its length among them.
const MOST: usize = 0xffff;

/// The picture with these bytes as its metadata; cut where a segment is full.
pub(crate) fn picture(kind: Metadata, bytes: &[u8]) -> Vec<u8> {
    let (marker, head): (u8, &[u8]) = match kind {
        Metadata::Exif => (0xe1, b"Exif\0\0"),
        Metadata::Icc => (0xe2, b"ICC_PROFILE\0\x01\x01"),
    };
    let bytes = &bytes[..bytes.len().min(MOST - 2 - head.len())];
    let length = (2 + head.len() + bytes.len()) as u16;
    let segment = [&[0xff, marker][..], &length.to_be_bytes(), head, bytes].concat();
    [&JPEG[..START], &segment, &JPEG[START..]].concat()
}

/// Decodes it: as large as before, or turned, whatever the metadata says.
pub(crate) fn check(kind: Metadata, bytes: &[u8]) {
    let decoded = decode(&picture(kind, bytes), &Limits::default());
    let decoded = decoded.expect("metadata does not make a picture broken");
    let size = decoded.pixels.size();
    assert!(size == (32, 16) || kind == Metadata::Exif && size == (16, 32));
}
