//! A perceptual hash: pictures that look alike differ in few of its 64 bits.
//!
//! The gradient hash ("dHash", Krawetz 2013): the picture is shrunk to 9x8 grey values, and each bit says whether a value
//! is darker than its right neighbour. Two pictures are near-duplicates where at most about 6 bits differ.

use fast_image_resize::{FilterType, PixelType};

use crate::{PictureError, Rgb8, resize};

const COLUMNS: u32 = 9;
const ROWS: u32 = 8;

/// The 64 bits, the first row in the highest byte, each row from the left in its highest bit.
///
/// # Errors
/// [`PictureError::Misshapen`].
pub fn perceptual_hash(picture: &Rgb8) -> Result<u64, PictureError> {
    picture.check()?;
    // Rec. 601 luma, as every grey conversion of pictures for the screen.
    let grey: Vec<u8> = picture
        .pixels
        .chunks_exact(3)
        .map(|p| {
            ((u32::from(p[0]) * 299 + u32::from(p[1]) * 587 + u32::from(p[2]) * 114 + 500) / 1000)
                as u8
        })
        .collect();
    let (from, to) = ((picture.width, picture.height), (COLUMNS, ROWS));
    let kind = (PixelType::U8, FilterType::Bilinear);
    let small = resize::scaled(&grey, from, to, kind)?;
    let mut hash = 0;
    for row in small.chunks_exact(COLUMNS as usize) {
        for pair in row.windows(2) {
            hash = (hash << 1) | u64::from(pair[0] < pair[1]);
        }
    }
    Ok(hash)
}
