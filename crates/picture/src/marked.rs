//! Pixels to a PNG, JPEG or WebP that carries an XMP packet: for pictures that say where they come from.
//!
//! Where the packet stands in each container is laid down in the XMP specification, part 3: an `iTXt` chunk, an `APP1` segment, a chunk
//! `XMP `. PNG and WebP are without loss here; JPEG knows no alpha, so what is transparent lies on white. GIF is in `clip`.

use image::ImageEncoder as _;
use image::codecs::jpeg::JpegEncoder;

use crate::{PictureError, Rgba8};

/// The key under which readers look for XMP in a PNG.
const PNG_KEY: &str = "XML:com.adobe.xmp";
/// What an `APP1` segment of a JPEG begins with where it holds XMP.
const JPEG_KEY: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// Longest packet that a JPEG's segment holds beside its key and its own length.
const JPEG_MOST: usize = 0xffff - 2 - JPEG_KEY.len();
/// Quality of a JPEG: what restyling draws has edges, which suffer first.
const QUALITY: u8 = 92;
/// Where transparent parts lie in a JPEG.
const PAPER: [u8; 3] = [255, 255, 255];

/// What a single picture is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Without loss, with alpha.
    Png,
    /// With loss, without alpha.
    Jpeg,
    /// Without loss, with alpha.
    Webp,
}

/// The picture with `xmp` in its metadata; without alpha where every pixel is opaque. Equal input gives equal bytes.
///
/// # Errors
/// `pixels` is not `[height, width, 4]` or empty, a side is beyond what the container can say (65,535 in a JPEG, 16,384 in a WebP), or a
/// packet of more than 65,000 bytes is to go into a JPEG.
pub fn encode_marked(
    picture: &Rgba8,
    container: Container,
    xmp: &str,
) -> Result<Vec<u8>, PictureError> {
    let (width, height) = (picture.width, picture.height);
    let n_values = width as usize * height as usize * 4;
    let n_found = picture.pixels.len();
    if n_found != n_values || n_found == 0 {
        let reason = format!("{n_found} values for {width}x{height} pixels");
        return Err(PictureError::unwritable(container.name(), reason));
    }
    let mut bytes = Vec::with_capacity(n_values / 2);
    let unwritable = |reason: String| PictureError::unwritable(container.name(), reason);
    match container {
        Container::Png => png(picture, xmp, &mut bytes).map_err(|e| unwritable(e.to_string()))?,
        Container::Webp => webp(picture, xmp, &mut bytes).map_err(|e| unwritable(e.to_string()))?,
        Container::Jpeg => bytes = jpeg(picture, xmp)?,
    }
    Ok(bytes)
}

impl Container {
    fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }
}

/// The colours, with alpha only where there is any.
fn colours(picture: &Rgba8) -> (bool, Vec<u8>) {
    if picture.is_transparent() {
        return (true, picture.pixels.clone());
    }
    (false, picture.on_background(PAPER).pixels)
}

fn png(picture: &Rgba8, xmp: &str, bytes: &mut Vec<u8>) -> Result<(), png::EncodingError> {
    let (has_alpha, pixels) = colours(picture);
    let mut encoder = png::Encoder::new(bytes, picture.width, picture.height);
    encoder.set_color(match has_alpha {
        true => png::ColorType::Rgba,
        false => png::ColorType::Rgb,
    });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.add_itxt_chunk(PNG_KEY.to_owned(), xmp.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()
}

fn webp(picture: &Rgba8, xmp: &str, bytes: &mut Vec<u8>) -> Result<(), image_webp::EncodingError> {
    let (has_alpha, pixels) = colours(picture);
    let mut encoder = image_webp::WebPEncoder::new(bytes);
    encoder.set_xmp_metadata(xmp.as_bytes().to_vec());
    let colour = match has_alpha {
        true => image_webp::ColorType::Rgba8,
        false => image_webp::ColorType::Rgb8,
    };
    encoder.encode(&pixels, picture.width, picture.height, colour)
}

fn jpeg(picture: &Rgba8, xmp: &str) -> Result<Vec<u8>, PictureError> {
    let name = Container::Jpeg.name();
    if xmp.len() > JPEG_MOST {
        let reason = format!("{} bytes of XMP, but it holds {JPEG_MOST}", xmp.len());
        return Err(PictureError::unwritable(name, reason));
    }
    let flat = picture.on_background(PAPER);
    let mut bytes = Vec::new();
    let colour = image::ExtendedColorType::Rgb8;
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .write_image(&flat.pixels, flat.width, flat.height, colour)
        .map_err(|error| PictureError::unwritable(name, error))?;
    // After the start of the image and the JFIF segment, which must come first.
    let place = match bytes.get(2..6) {
        Some([0xff, 0xe0, high, low]) => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => 2,
    };
    let length = (2 + JPEG_KEY.len() + xmp.len()) as u16;
    let (before, after) = bytes.split_at(place);
    Ok([
        before,
        &[0xff, 0xe1],
        &length.to_be_bytes(),
        JPEG_KEY,
        xmp.as_bytes(),
        after,
    ]
    .concat())
}
