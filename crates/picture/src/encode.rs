//! Pixels to bytes. PNG and WebP are lossless here, so that a dataset's pictures do not depend on an encoder's taste; JPEG is
//! for large photographs, with colours at half the resolution (4:2:0), as Pillow, OpenCV and most cameras store them. None
//! carries metadata; equal pixels give equal bytes.

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::error::{ImageError, ParameterError};
use image::{ExtendedColorType, ImageEncoder as _, ImageResult};
use jpeg_encoder::{ColorType, Encoder as JpegEncoder, SamplingFactor};

use crate::Rgb8;

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Lossless.
    Png,
    /// With loss, at this quality (1 to 100).
    Jpeg(u8),
    /// WebP without loss.
    WebpLossless,
}

impl Encoding {
    /// The extension of such a file, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg(_) => "jpg",
            Self::WebpLossless => "webp",
        }
    }
}

/// The picture as PNG.
///
/// # Panics
/// Where `pixels` is not `[height, width, 3]`.
#[must_use]
pub fn encode_png(picture: &Rgb8) -> Vec<u8> {
    encode(picture, Encoding::Png)
}

/// The picture in the asked encoding.
///
/// # Panics
/// Where `pixels` is not `[height, width, 3]`.
#[must_use]
pub fn encode(picture: &Rgb8, encoding: Encoding) -> Vec<u8> {
    let Rgb8 {
        width,
        height,
        pixels,
    } = picture;
    let n_values = *width as usize * *height as usize * 3;
    assert_eq!(
        pixels.len(),
        n_values,
        "pixels of a {width}x{height} picture"
    );
    let mut bytes = Cursor::new(Vec::with_capacity(n_values / 2));
    let colour = ExtendedColorType::Rgb8;
    match encoding {
        Encoding::Png => {
            PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
                .write_image(pixels, *width, *height, colour)
        }
        Encoding::Jpeg(quality) => jpeg(picture, quality, bytes.get_mut()),
        Encoding::WebpLossless => {
            WebPEncoder::new_lossless(&mut bytes).write_image(pixels, *width, *height, colour)
        }
    }
    .expect("memory takes any picture of a checked size");
    bytes.into_inner()
}

fn jpeg(picture: &Rgb8, quality: u8, bytes: &mut Vec<u8>) -> ImageResult<()> {
    let refuse = |reason: String| {
        let kind = image::error::ParameterErrorKind::Generic(reason);
        ImageError::Parameter(ParameterError::from_kind(kind))
    };
    let size = |side: u32| u16::try_from(side).map_err(|_| refuse(format!("{side} pixels a side")));
    let (width, height) = (size(picture.width)?, size(picture.height)?);
    let mut encoder = JpegEncoder::new(bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder
        .encode(&picture.pixels, width, height, ColorType::Rgb)
        .map_err(|error| refuse(error.to_string()))
}
