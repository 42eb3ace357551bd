//! FID: the Frechet distance of two normal distributions with the features' means and covariances.
//!
//! Heusel et al. 2017 (arXiv:1706.08500): |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The trace of the root is the sum of the
//! roots of the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric, so nothing imaginary has to be thrown away. It is biased
//! by the number of pictures: below 2,048 a side take [`super::kid`].

use super::{rows, same_dim, values};
use crate::EvaluateError;
use tch::{Kind, Tensor};

/// Pictures a side below which the distance says more about their number than about them.
pub const LEAST: i64 = 2048;

/// FID between `first [n, dim]` and `second [m, dim]`.
///
/// # Errors
/// Features of other shapes, fewer than two on a side, or what libtorch throws for features that are not finite.
pub fn fid(first: &Tensor, second: &Tensor) -> Result<f64, EvaluateError> {
    let (first, second) = (rows("first", first, 2)?, rows("second", second, 2)?);
    same_dim(&first, &second)?;
    let ([mean1, cov1], [mean2, cov2]) = (moments(&first), moments(&second));
    let root1 = {
        let (values, vectors) = cov1.f_linalg_eigh("L")?;
        let scaled = &vectors * values.clamp_min(0.0).sqrt().unsqueeze(0);
        scaled.matmul(&vectors.transpose(0, 1))
    };
    let product = root1.matmul(&cov2).matmul(&root1);
    let symmetric = (&product + product.transpose(0, 1)) * 0.5;
    let roots = symmetric.f_linalg_eigvalsh("L")?.clamp_min(0.0).sqrt();
    let means = (mean1 - mean2).square().sum(Kind::Double);
    let distance = means + cov1.trace() + cov2.trace() - roots.sum(Kind::Double) * 2.0;
    Ok(values(&distance.view([1]))?[0])
}

/// Mean `[dim]` and covariance `[dim, dim]`, divided by n - 1.
fn moments(rows: &Tensor) -> [Tensor; 2] {
    let mean = rows.mean_dim([0_i64].as_slice(), false, Kind::Double);
    let centred = rows - mean.unsqueeze(0);
    let covariance = centred.transpose(0, 1).matmul(&centred) / (rows.size()[0] as f64 - 1.0);
    [mean, covariance]
}
