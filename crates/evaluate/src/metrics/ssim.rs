//! SSIM: how alike two pictures are in brightness, contrast and structure.
//!
//! Wang et al. 2004: a Gaussian window of 11 pixels and sigma 1.5, K1 = 0.01, K2 = 0.03, over whole windows only, averaged over the
//! colours. As scikit-image computes it with `gaussian_weights=True, use_sample_covariance=False`.

use super::values;
use crate::EvaluateError;
use tch::{Kind, Tensor};

/// Pixels across the window.
const WINDOW: i64 = 11;
/// Deviation of the window.
const SIGMA: f64 = 1.5;

/// SSIM of each pair of `first` and `second`, both `[batch, 3, height, width]` in `[-1, 1]`; 1 where they are equal.
///
/// # Errors
/// Pictures of different or other shapes, or smaller than the window.
pub fn ssim(first: &Tensor, second: &Tensor) -> Result<Vec<f64>, EvaluateError> {
    let size = first.size();
    let is_sound = size.len() == 4 && second.size() == size && size[2].min(size[3]) >= WINDOW;
    if !is_sound {
        return Err(EvaluateError::Shape {
            name: "pictures",
            found: second.size(),
            expected: format!("{size:?}, at least {WINDOW} pixels a side"),
        });
    }
    let plane = |pictures: &Tensor| {
        // Colours become samples of one channel each.
        pictures
            .to_kind(Kind::Double)
            .contiguous()
            .view([-1, 1, size[2], size[3]])
    };
    let (x, y) = (plane(first), plane(second));
    let window = window().to_device(first.device());
    let blurred = |tensor: &Tensor| tensor.conv2d(&window, None::<&Tensor>, 1, 0, 1, 1);
    let (mean_x, mean_y) = (blurred(&x), blurred(&y));
    let variance = |square: Tensor, product: Tensor| blurred(&square) - product;
    let var_x = variance(x.square(), mean_x.square());
    let var_y = variance(y.square(), mean_y.square());
    let covariance = variance(&x * &y, &mean_x * &mean_y);
    // The range of the values is 2.
    let [c1, c2] = [(0.01_f64 * 2.0).powi(2), (0.03_f64 * 2.0).powi(2)];
    let likeness = (&mean_x * &mean_y * 2.0 + c1) * (covariance * 2.0 + c2)
        / ((mean_x.square() + mean_y.square() + c1) * (var_x + var_y + c2));
    let per_picture =
        likeness
            .view([size[0], -1])
            .mean_dim([1_i64].as_slice(), false, Kind::Double);
    values(&per_picture)
}

/// `[1, 1, 11, 11]`, summing to 1.
fn window() -> Tensor {
    let half = (WINDOW - 1) / 2;
    let line: Vec<f64> = (-half..=half)
        .map(|at| (-0.5 * (at as f64 / SIGMA).powi(2)).exp())
        .collect();
    let line = Tensor::from_slice(&line);
    let square = line.outer(&line);
    (&square / square.sum(Kind::Double)).view([1, 1, WINDOW, WINDOW])
}
