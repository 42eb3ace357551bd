//! Pixels to a PNG that carries an XMP packet: for pictures that say where they come from.

use crate::Rgba8;

/// The key under which readers look for XMP in a PNG (XMP specification, part 3).
const XMP_KEY: &str = "XML:com.adobe.xmp";

/// The picture as PNG with `xmp` in a text chunk; without alpha where every pixel is opaque. Equal input gives equal bytes.
///
/// # Panics
/// Where `pixels` is not `[height, width, 4]`.
#[must_use]
pub fn encode_marked_png(picture: &Rgba8, xmp: &str) -> Vec<u8> {
    let n_values = picture.width as usize * picture.height as usize * 4;
    assert_eq!(picture.pixels.len(), n_values, "pixels of {picture:?}");
    let (colour, pixels) = if picture.is_transparent() {
        (png::ColorType::Rgba, picture.pixels.clone())
    } else {
        let opaque = picture.pixels.chunks_exact(4);
        let colours = opaque.flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        (png::ColorType::Rgb, colours.collect())
    };
    let mut bytes = Vec::with_capacity(n_values / 2);
    write(picture, colour, &pixels, xmp, &mut bytes)
        .expect("memory takes any PNG of a checked size");
    bytes
}

fn write(
    picture: &Rgba8,
    colour: png::ColorType,
    pixels: &[u8],
    xmp: &str,
    bytes: &mut Vec<u8>,
) -> Result<(), png::EncodingError> {
    let mut encoder = png::Encoder::new(bytes, picture.width, picture.height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.add_itxt_chunk(XMP_KEY.to_owned(), xmp.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()
}
