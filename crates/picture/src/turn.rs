//! Turning a picture upright as its EXIF block says.
//!
//! Every one of the eight orientations is at most three steps: swap rows and columns, reverse everything, reverse each row. The
//! last two need no memory. Swapping needs a second picture, unless it is done in place, which is slow (each pixel
//! follows another from afar) but the only way for a picture that already fills most of what it may.

use image::metadata::Orientation;

use crate::{Limits, Pixels};

/// Pixels a side of the squares in which a copy is made, so that both pictures' rows stay in the cache.
const TILE: usize = 32;

/// The picture, upright.
pub(crate) fn upright(pixels: Pixels, orientation: Orientation, limits: &Limits) -> Pixels {
    // Two copies of what is larger would come close to twice the limit, which the background's picture may need too.
    let most_copied = usize::try_from(limits.max_memory / 4 * 3).unwrap_or(usize::MAX);
    match pixels {
        Pixels::Opaque(mut picture) => {
            let size = (picture.width, picture.height);
            (picture.width, picture.height) =
                turn::<3>(&mut picture.pixels, size, orientation, most_copied);
            Pixels::Opaque(picture)
        }
        Pixels::Alpha(mut picture) => {
            let size = (picture.width, picture.height);
            (picture.width, picture.height) =
                turn::<4>(&mut picture.pixels, size, orientation, most_copied);
            Pixels::Alpha(picture)
        }
    }
}

/// Turns pixels of `N` bytes; the size afterwards.
fn turn<const N: usize>(
    bytes: &mut Vec<u8>,
    (mut width, mut height): (u32, u32),
    orientation: Orientation,
    most_copied: usize,
) -> (u32, u32) {
    let [swap, reverse_all, reverse_rows] = match orientation {
        Orientation::NoTransforms => [false; 3],
        Orientation::FlipHorizontal => [false, false, true],
        Orientation::Rotate180 => [false, true, false],
        Orientation::FlipVertical => [false, true, true],
        Orientation::Rotate90FlipH => [true, false, false],
        Orientation::Rotate90 => [true, false, true],
        Orientation::Rotate270FlipH => [true, true, false],
        Orientation::Rotate270 => [true, true, true],
    };
    if swap {
        if bytes.len() > most_copied {
            swap_in_place::<N>(bytes, width as usize, height as usize);
        } else {
            *bytes = swapped::<N>(bytes, width as usize, height as usize);
        }
        (width, height) = (height, width);
    }
    let (pixels, _) = bytes.as_chunks_mut::<N>();
    if reverse_all {
        pixels.reverse();
    }
    if reverse_rows {
        let rows = pixels.chunks_exact_mut(width.max(1) as usize);
        rows.for_each(<[_]>::reverse);
    }
    (width, height)
}

/// A copy with rows and columns swapped.
fn swapped<const N: usize>(bytes: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut copy = vec![0; bytes.len()];
    let (from, to) = (bytes.as_chunks::<N>().0, copy.as_chunks_mut::<N>().0);
    for top in (0..height).step_by(TILE) {
        for left in (0..width).step_by(TILE) {
            for y in top..height.min(top + TILE) {
                for x in left..width.min(left + TILE) {
                    to[x * height + y] = from[y * width + x];
                }
            }
        }
    }
    copy
}

/// Swaps rows and columns by following each pixel to the place it belongs in, whose pixel is then followed, until a pixel
/// belongs where the walk began. One bit a pixel says who has been moved.
fn swap_in_place<const N: usize>(bytes: &mut [u8], width: usize, height: usize) {
    let (pixels, _) = bytes.as_chunks_mut::<N>();
    let mut moved = vec![0_u64; pixels.len().div_ceil(64)];
    for start in 0..pixels.len() {
        if moved[start / 64] >> (start % 64) & 1 == 1 {
            continue;
        }
        let (mut place, mut carried) = (start, pixels[start]);
        loop {
            place = place % width * height + place / width;
            std::mem::swap(&mut carried, &mut pixels[place]);
            moved[place / 64] |= 1 << (place % 64);
            if place == start {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rgb8, Rgba8};
    use image::{DynamicImage, RgbImage, RgbaImage};

    fn numbered(n: usize) -> Vec<u8> {
        (0..n).map(|i| (i * 7 % 251) as u8).collect()
    }

    /// Limits under which everything is copied, and under which nothing is.
    fn both() -> [Limits; 2] {
        [u64::MAX, 0].map(|max_memory| Limits {
            max_memory,
            ..Limits::default()
        })
    }

    #[test]
    fn all_eight_orientations_are_those_of_the_image_crate_copied_or_in_place() {
        for (width, height) in [(1, 1), (5, 3), (3, 5), (4, 4), (70, 41), (1, 9)] {
            let n = (width * height) as usize;
            for exif in 1..=8 {
                let orientation = Orientation::from_exif(exif).unwrap();
                let mut opaque: DynamicImage = RgbImage::from_raw(width, height, numbered(n * 3))
                    .unwrap()
                    .into();
                let mut alpha: DynamicImage = RgbaImage::from_raw(width, height, numbered(n * 4))
                    .unwrap()
                    .into();
                opaque.apply_orientation(orientation);
                alpha.apply_orientation(orientation);
                for limits in both() {
                    let picture = Pixels::Opaque(Rgb8 {
                        width,
                        height,
                        pixels: numbered(n * 3),
                    });
                    let expected = Pixels::Opaque(Rgb8 {
                        width: opaque.width(),
                        height: opaque.height(),
                        pixels: opaque.clone().into_bytes(),
                    });
                    assert!(upright(picture, orientation, &limits) == expected, "{exif}");
                    let picture = Pixels::Alpha(Rgba8 {
                        width,
                        height,
                        pixels: numbered(n * 4),
                    });
                    let expected = Pixels::Alpha(Rgba8 {
                        width: alpha.width(),
                        height: alpha.height(),
                        pixels: alpha.clone().into_bytes(),
                    });
                    assert!(upright(picture, orientation, &limits) == expected, "{exif}");
                }
            }
        }
    }
}
