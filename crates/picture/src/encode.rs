//! Pixels to PNG. Lossless, so that a dataset's pictures do not depend on an encoder's taste.

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};

use crate::Rgb8;

/// The picture as PNG, without metadata; equal pixels give equal bytes.
///
/// # Panics
/// Where `pixels` is not `[height, width, 3]`.
#[must_use]
pub fn encode_png(picture: &Rgb8) -> Vec<u8> {
    let n_values = picture.width as usize * picture.height as usize * 3;
    assert_eq!(
        picture.pixels.len(),
        n_values,
        "pixels of a {}x{} picture",
        picture.width,
        picture.height
    );
    let mut bytes = Cursor::new(Vec::with_capacity(n_values / 2));
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(
            &picture.pixels,
            picture.width,
            picture.height,
            ExtendedColorType::Rgb8,
        )
        .expect("memory takes any PNG of a checked size");
    bytes.into_inner()
}
