//! Any picture to a square of a fixed side, by Lanczos-3 in sRGB values as every common data tool does.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::{PictureError, Rgb8};

/// What happens to a picture that is not square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// The whole picture, with bars of this colour at the sides.
    Pad([u8; 3]),
    /// The centre square.
    Crop,
    /// The whole picture, its longer side scaled, as oblong as it was.
    Fit,
    /// The pixels as they are.
    Keep,
}

/// What happens to a picture smaller than the square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// It is refused: enlarging invents pixels.
    OnlyDown,
    /// It is enlarged.
    UpToo,
}

/// The picture as a square of `side` pixels, or with `side` as its longer one.
///
/// # Errors
/// [`PictureError::TooSmall`] where it would have to be enlarged and may not be; [`PictureError::Misshapen`].
pub fn resize(
    picture: Rgb8,
    side: u32,
    frame: Frame,
    scaling: Scaling,
) -> Result<Rgb8, PictureError> {
    picture.check()?;
    let decisive = match frame {
        Frame::Keep => return Ok(picture),
        Frame::Pad(_) | Frame::Fit => picture.width.max(picture.height),
        Frame::Crop => picture.width.min(picture.height),
    };
    if decisive < side && scaling == Scaling::OnlyDown {
        return Err(PictureError::TooSmall {
            width: picture.width,
            height: picture.height,
            limit: side,
        });
    }
    if picture.width == side && picture.height == side {
        return Ok(picture);
    }
    let fitted = fitted(&picture, side, decisive);
    match frame {
        Frame::Keep => Ok(picture),
        Frame::Crop => scale(&centre_square(&picture, decisive), (side, side)),
        Frame::Fit => scale(&picture, fitted),
        Frame::Pad(colour) => Ok(centred(&scale(&picture, fitted)?, side, colour)),
    }
}

/// The size at which the longer side is `side`, rounded, never 0.
fn fitted(picture: &Rgb8, side: u32, longer: u32) -> (u32, u32) {
    let shrink = |length: u32| {
        let scaled = u64::from(length) * u64::from(side) + u64::from(longer) / 2;
        (scaled / u64::from(longer)).max(1) as u32
    };
    (shrink(picture.width), shrink(picture.height))
}

/// The square in the middle, cut out before scaling, so that nothing outside it bleeds in.
fn centre_square(picture: &Rgb8, side: u32) -> Rgb8 {
    let (left, top) = ((picture.width - side) / 2, (picture.height - side) / 2);
    let row_bytes = picture.width as usize * 3;
    let rows = picture
        .pixels
        .chunks_exact(row_bytes)
        .skip(top as usize)
        .take(side as usize);
    let mut pixels = Vec::with_capacity(side as usize * side as usize * 3);
    for row in rows {
        pixels.extend_from_slice(&row[left as usize * 3..(left + side) as usize * 3]);
    }
    Rgb8 {
        width: side,
        height: side,
        pixels,
    }
}

fn scale(picture: &Rgb8, size: (u32, u32)) -> Result<Rgb8, PictureError> {
    let from = (picture.width, picture.height);
    let colours = PixelType::U8x3;
    Ok(Rgb8 {
        width: size.0,
        height: size.1,
        pixels: scaled(&picture.pixels, from, size, (colours, FilterType::Lanczos3))?,
    })
}

/// Pixels of one kind, `[height, width, channels]`, scaled from one size (width, height) to another by a filter.
///
/// # Errors
/// [`PictureError::Misshapen`].
pub(crate) fn scaled(
    pixels: &[u8],
    from: (u32, u32),
    to: (u32, u32),
    (kind, filter): (PixelType, FilterType),
) -> Result<Vec<u8>, PictureError> {
    let misshapen = || PictureError::Misshapen {
        width: from.0,
        height: from.1,
        n_values: pixels.len(),
    };
    let source = ImageRef::new(from.0, from.1, pixels, kind).map_err(|_| misshapen())?;
    let mut target = Image::new(to.0, to.1, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    let resized = Resizer::new().resize(&source, &mut target, &options);
    resized.map_err(|_| misshapen())?;
    Ok(target.into_vec())
}

fn centred(picture: &Rgb8, side: u32, colour: [u8; 3]) -> Rgb8 {
    let mut square = Rgb8::filled(side, side, colour);
    place(
        &mut square,
        picture,
        (side - picture.width) / 2,
        (side - picture.height) / 2,
    );
    square
}

/// Copies `picture` onto `canvas`; what would lie outside is cut off.
pub(crate) fn place(canvas: &mut Rgb8, picture: &Rgb8, left: u32, top: u32) {
    let width = picture.width.min(canvas.width.saturating_sub(left)) as usize * 3;
    for row in 0..picture.height.min(canvas.height.saturating_sub(top)) {
        let from = row as usize * picture.width as usize * 3;
        let to = ((top + row) as usize * canvas.width as usize + left as usize) * 3;
        canvas.pixels[to..to + width].copy_from_slice(&picture.pixels[from..from + width]);
    }
}
