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
