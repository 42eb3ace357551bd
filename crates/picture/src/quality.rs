//! Two plain measures of a picture, to find those that show nothing: how sharp it is, and how much its greys differ.
//!
//! Sharpness is the variance of the Laplacian (Pech-Pacheco et al. 2000), contrast the standard deviation, both of Rec. 601
//! luma in 0 to 255.

use crate::Rgb8;

/// Variance of the 4-neighbour Laplacian; 0 for a flat picture, and for one too small to have inner pixels.
#[must_use]
pub fn sharpness(picture: &Rgb8) -> f64 {
    let (width, height) = (picture.width as usize, picture.height as usize);
    if width < 3 || height < 3 {
        return 0.0;
    }
    let grey = luma(picture);
    let mut values = Vec::with_capacity((width - 2) * (height - 2));
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let i = y * width + x;
            values.push(
                grey[i - 1] + grey[i + 1] + grey[i - width] + grey[i + width] - 4.0 * grey[i],
            );
        }
    }
    variance(&values)
}

/// Standard deviation of the grey values, 0 to 127.5.
#[must_use]
pub fn contrast(picture: &Rgb8) -> f64 {
    variance(&luma(picture)).sqrt()
}

fn luma(picture: &Rgb8) -> Vec<f64> {
    let weighed =
        |p: &[u8]| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]);
    picture.pixels.chunks_exact(3).map(weighed).collect()
}

fn variance(values: &[f64]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / n
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_flat_picture_has_neither_and_a_ramp_has_contrast_alone() {
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
}
