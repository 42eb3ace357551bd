//! What is told of a picture's pixels: its perceptual hash, its sharpness, its contrast.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use idiom_picture::{Frame, Rgb8, Scaling, contrast, perceptual_hash, resize, sharpness};

fn grey(side: u32, value: fn(u32, u32) -> u8) -> Rgb8 {
    let pixels = (0..side * side)
        .flat_map(|i| [value(i % side, i / side); 3])
        .collect();
    Rgb8 {
        width: side,
        height: side,
        pixels,
    }
}

#[test]
fn a_ramp_to_the_right_hashes_to_all_ones_and_to_the_left_to_all_zeros() {
    assert_eq!(
        perceptual_hash(&grey(64, |x, _| (x * 255 / 64) as u8)),
        Ok(u64::MAX)
    );
    assert_eq!(
        perceptual_hash(&grey(64, |x, _| ((63 - x) * 255 / 64) as u8)),
        Ok(0)
    );
}

#[test]
fn a_smaller_copy_has_nearly_the_same_hash() {
    let picture = grey(256, |x, y| ((x * 7 + y * 13 + x * y / 9) % 256) as u8);
    let small = resize(picture.clone(), 128, Frame::Crop, Scaling::OnlyDown).unwrap();
    let hashes = [&picture, &small].map(|picture| perceptual_hash(picture).unwrap());
    assert!((hashes[0] ^ hashes[1]).count_ones() <= 4);
}

#[test]
fn a_flat_picture_has_neither_sharpness_nor_contrast_and_a_ramp_has_contrast_alone() {
    let flat = grey(8, |_, _| 77);
    assert!(sharpness(&flat) < 1e-9 && contrast(&flat) < 1e-9);
    // Values 0, 8, ..., 120, each equally often: 8 * sqrt((16^2 - 1) / 12).
    let ramp = grey(16, |x, _| x as u8 * 8);
    assert!((contrast(&ramp) - 8.0 * (255.0_f64 / 12.0).sqrt()).abs() < 1e-6);
    assert!(sharpness(&ramp) < 1e-9, "a ramp has no second derivative");
}

#[test]
fn a_chessboard_is_as_sharp_as_can_be() {
    // Each inner Laplacian is 4 * 255, up and down in turn.
    let board = grey(10, |x, y| if (x + y).is_multiple_of(2) { 0 } else { 255 });
    assert!((sharpness(&board) - (4.0 * 255.0_f64).powi(2)).abs() < 1.0);
    assert!((contrast(&board) - 127.5).abs() < 1e-3);
}
