//! A perceptual hash: pictures that look alike differ in few of its 64 bits.
//!
//! The gradient hash ("dHash", Krawetz 2013): the picture is shrunk to 9x8 grey values, and each bit says whether a value
//! is darker than its right neighbour. Two pictures are near-duplicates where at most about 6 bits differ.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::Rgb8;

const COLUMNS: usize = 9;
const ROWS: usize = 8;

/// The 64 bits, the first row in the highest byte, each row from the left in its highest bit.
///
/// # Panics
/// Where `pixels` is not `[height, width, 3]`.
#[must_use]
pub fn perceptual_hash(picture: &Rgb8) -> u64 {
    // Rec. 601 luma, as every grey conversion of pictures for the screen.
    let grey: Vec<u8> = picture
        .pixels
        .chunks_exact(3)
        .map(|p| {
            ((u32::from(p[0]) * 299 + u32::from(p[1]) * 587 + u32::from(p[2]) * 114 + 500) / 1000)
                as u8
        })
        .collect();
    let source = ImageRef::new(picture.width, picture.height, &grey, PixelType::U8)
        .expect("one grey value a pixel");
    let mut small = Image::new(COLUMNS as u32, ROWS as u32, PixelType::U8);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new()
        .resize(&source, &mut small, &options)
        .expect("both are grey");
    let mut hash = 0;
    for row in small.buffer().chunks_exact(COLUMNS) {
        for pair in row.windows(2) {
            hash = (hash << 1) | u64::from(pair[0] < pair[1]);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Frame, Scaling, resize};

    fn ramp(side: u32, value: fn(u32, u32) -> u32) -> Rgb8 {
        let pixels = (0..side * side)
            .flat_map(|i| [(value(i % side, i / side) * 255 / side) as u8; 3])
            .collect();
        Rgb8 {
            width: side,
            height: side,
            pixels,
        }
    }

    #[test]
    fn a_ramp_to_the_right_is_all_ones_and_to_the_left_all_zeros() {
        assert_eq!(perceptual_hash(&ramp(64, |x, _| x)), u64::MAX);
        assert_eq!(perceptual_hash(&ramp(64, |x, _| 63 - x)), 0);
    }

    #[test]
    fn a_smaller_copy_has_nearly_the_same_hash() {
        let picture = ramp(256, |x, y| (x * 7 + y * 13 + x * y / 9) % 256);
        let small = resize(picture.clone(), 128, Frame::Crop, Scaling::OnlyDown).unwrap();
        assert!((perceptual_hash(&picture) ^ perceptual_hash(&small)).count_ones() <= 4);
    }
}
