//! Pixels to bytes. PNG and WebP are lossless here, so that a dataset's pictures do not depend on an encoder's taste; JPEG is
//! for large photographs, with colours at half the resolution (4:2:0), as Pillow, OpenCV and most cameras store them. None
//! carries metadata; equal pixels give equal bytes.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use jpeg_encoder::{ColorType, Encoder as JpegEncoder, SamplingFactor};

use crate::{PictureError, Rgb8};

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
/// # Errors
/// There are no pixels, or they are not `[height, width, 3]`.
pub fn encode_png(picture: &Rgb8) -> Result<Vec<u8>, PictureError> {
    encode(picture, Encoding::Png)
}

/// The picture in the asked encoding.
///
/// # Errors
/// There are no pixels, they are not `[height, width, 3]`, or a side is longer than the format can say (65,535 in a JPEG, 16,384 in a WebP).
pub fn encode(picture: &Rgb8, encoding: Encoding) -> Result<Vec<u8>, PictureError> {
    let Rgb8 {
        width,
        height,
        pixels,
    } = picture;
    let format = encoding.extension();
    let n_values = *width as usize * *height as usize * 3;
    if pixels.len() != n_values || pixels.is_empty() {
        let reason = format!("{} values for {width}x{height} pixels", pixels.len());
        return Err(PictureError::unwritable(format, reason));
    }
    let mut bytes = Vec::with_capacity(n_values / 2);
    let colour = ExtendedColorType::Rgb8;
    match encoding {
        Encoding::Png => {
            PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
                .write_image(pixels, *width, *height, colour)
        }
        .map_err(|error| PictureError::unwritable(format, error))?,
        Encoding::Jpeg(quality) => jpeg(picture, quality, &mut bytes)?,
        Encoding::WebpLossless => WebPEncoder::new_lossless(&mut bytes)
            .write_image(pixels, *width, *height, colour)
            .map_err(|error| PictureError::unwritable(format, error))?,
    }
    Ok(bytes)
}

fn jpeg(picture: &Rgb8, quality: u8, bytes: &mut Vec<u8>) -> Result<(), PictureError> {
    let size = |side: u32| {
        let reason = |_| PictureError::unwritable("jpg", format!("{side} pixels a side"));
        u16::try_from(side).map_err(reason)
    };
    let (width, height) = (size(picture.width)?, size(picture.height)?);
    let mut encoder = JpegEncoder::new(bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder
        .encode(&picture.pixels, width, height, ColorType::Rgb)
        .map_err(|error| PictureError::unwritable("jpg", error))
}
