//! Foreign bytes to upright, eight-bit sRGB pixels, or a reason why not.
//!
//! Animations give their first frame. Sixteen-bit values are scaled, CMYK and wide-gamut colours converted. EXIF
//! orientation is applied and then forgotten with all other metadata, places included, since only pixels come out.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use crate::sniff::{self, Format};
use crate::{Limits, PictureError, Pixels, Rgb8, Rgba8, exif, icc, turn, vector};

/// What the metadata of a PNG may unpack to, in bytes.
const MOST_METADATA: u64 = 32 << 20;

/// A decoded picture and what is worth knowing of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The pixels, upright.
    pub pixels: Pixels,
    /// What the source was.
    pub format: Format,
    /// Pixels across in the source, upright.
    pub orig_width: u32,
    /// Pixels down in the source, upright.
    pub orig_height: u32,
    /// What was done on the way, in words such as `turned` or `16_to_8_bits`.
    pub steps: Vec<&'static str>,
}

/// Decodes a picture of any format that is read; an SVG at its own size.
///
/// # Errors
/// The bytes are no picture, break a limit, or break the decoder (its panics included).
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    limits.check_bytes(bytes)?;
    let Some(format) = sniff::sniff(bytes) else {
        return Err(PictureError::UnsupportedFormat {
            found: sniff::guess(bytes),
        });
    };
    guarded(format, || match format {
        Format::Svg => vector::at_own_size(bytes, limits),
        Format::Png => raster(bytes, limits, format, ImageFormat::Png),
        Format::Jpeg => raster(bytes, limits, format, ImageFormat::Jpeg),
        Format::Webp => raster(bytes, limits, format, ImageFormat::WebP),
        Format::Gif => raster(bytes, limits, format, ImageFormat::Gif),
        Format::Bmp => raster(bytes, limits, format, ImageFormat::Bmp),
    })
}

/// Runs a decoder so that a panic in it becomes an error.
pub(crate) fn guarded<T>(
    format: Format,
    decoder: impl FnOnce() -> Result<T, PictureError>,
) -> Result<T, PictureError> {
    catch_unwind(AssertUnwindSafe(decoder)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default();
        Err(PictureError::Panicked {
            format: format.name(),
            message,
        })
    })
}

fn raster(
    bytes: &[u8],
    limits: &Limits,
    format: Format,
    codec: ImageFormat,
) -> Result<Decoded, PictureError> {
    let broken = |error: ImageError| match error {
        ImageError::Limits(_) => PictureError::TooMuchMemory {
            format: format.name(),
        },
        other => PictureError::Broken {
            format: format.name(),
            message: other.to_string(),
        },
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), codec);
    let mut memory = image::Limits::no_limits();
    // To the PNG decoder this is what packed text and colour profiles may unpack to; the pixels are counted below.
    memory.max_alloc = Some(match format {
        Format::Png => limits.max_memory.min(MOST_METADATA),
        _ => limits.max_memory,
    });
    reader.limits(memory);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    if decoder.total_bytes() > limits.max_memory {
        return Err(PictureError::TooMuchMemory {
            format: format.name(),
        });
    }

    let mut steps = Vec::new();
    // Broken metadata does not make a picture broken.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let block = decoder.exif_metadata().ok().flatten();
    if block.is_some_and(|block| !exif::is_readable(&block)) {
        steps.push("exif_ignored");
    }
    let profile = decoder.icc_profile().ok().flatten();
    let colour = decoder.color_type();
    if colour.bytes_per_pixel() / colour.channel_count() > 1 {
        steps.push("16_to_8_bits");
    }
    let mut pixels = pixels_of(DynamicImage::from_decoder(decoder).map_err(broken)?);
    if orientation != Orientation::NoTransforms {
        pixels = turn::upright(pixels, orientation, limits);
        steps.push("turned");
    }
    if let Some(profile) = profile
        && icc::to_srgb(&mut pixels, &profile)
    {
        steps.push("icc_to_srgb");
    }
    let (orig_width, orig_height) = pixels.size();
    Ok(Decoded {
        pixels,
        format,
        orig_width,
        orig_height,
        steps,
    })
}

/// Eight bits a channel, with alpha only where the source has it.
fn pixels_of(picture: DynamicImage) -> Pixels {
    let (width, height) = (picture.width(), picture.height());
    if picture.color().has_alpha() {
        return Pixels::Alpha(Rgba8 {
            width,
            height,
            pixels: picture.into_rgba8().into_raw(),
        });
    }
    Pixels::Opaque(Rgb8 {
        width,
        height,
        pixels: picture.into_rgb8().into_raw(),
    })
}
