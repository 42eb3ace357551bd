//! KID: the squared maximum mean discrepancy of two sets of features under the kernel (x.y / dim + 1)^3.
//!
//! Binkowski et al. 2018 (arXiv:1801.01401), in its unbiased form, which is right for any number of pictures and may therefore come out
//! below 0. It is averaged over subsets, whose spread says how far to trust it, as torch-fidelity and clean-fid do.

use super::{mean, rows, same_dim, subset, values};
use crate::EvaluateError;
use idiom_gan::Draws;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// How KID is averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KidOptions {
    /// Subsets drawn from each side.
    pub n_subsets: usize,
    /// Pictures in a subset; never more than either side holds.
    pub subset_size: usize,
    /// Decides the subsets.
    pub seed: u64,
}

impl Default for KidOptions {
    fn default() -> Self {
        Self {
            n_subsets: 50,
            subset_size: 400,
            seed: 0,
        }
    }
}

/// A mean over subsets and the standard deviation between them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation over the subsets (divided by their number).
    pub deviation: f64,
    /// Pictures in a subset.
    pub subset_size: usize,
}

/// KID between `first [n, dim]` and `second [m, dim]`; 0 where both come from one distribution.
///
/// # Errors
/// Features of other shapes, or fewer than two on a side.
pub fn kid(first: &Tensor, second: &Tensor, options: &KidOptions) -> Result<Spread, EvaluateError> {
    let (first, second) = (rows("first", first, 2)?, rows("second", second, 2)?);
    same_dim(&first, &second)?;
    let sides = [first.size()[0] as usize, second.size()[0] as usize];
    let size = options.subset_size.min(sides[0]).min(sides[1]).max(2);
    let draws = Draws::new(options.seed, "kid");
    let mut found = Vec::with_capacity(options.n_subsets);
    for idx in 0..options.n_subsets.max(1) {
        let mut sample = draws.sample(idx as u64);
        let mut part = |rows: &Tensor, n| {
            let numbers = Tensor::from_slice(&subset(&mut sample, size, n));
            rows.index_select(0, &numbers.to_device(rows.device()))
        };
        let (a, b) = (part(&first, sides[0]), part(&second, sides[1]));
        found.push(discrepancy(&a, &b)?);
    }
    let mean = mean(&found);
    let variance = found
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>();
    Ok(Spread {
        mean,
        deviation: (variance / found.len() as f64).sqrt(),
        subset_size: size,
    })
}

/// The unbiased discrepancy of two whole sets.
///
/// # Errors
/// Features of other shapes, or fewer than two on a side.
pub fn discrepancy(first: &Tensor, second: &Tensor) -> Result<f64, EvaluateError> {
    let (first, second) = (rows("first", first, 2)?, rows("second", second, 2)?);
    same_dim(&first, &second)?;
    let dim = first.size()[1] as f64;
    let kernel =
        |a: &Tensor, b: &Tensor| (a.matmul(&b.transpose(0, 1)) / dim + 1.0).pow_tensor_scalar(3);
    let within = |set: &Tensor| {
        let (n, kernel) = (set.size()[0] as f64, kernel(set, set));
        (kernel.sum(Kind::Double) - kernel.trace()) / (n * (n - 1.0))
    };
    let between = kernel(&first, &second).mean(Kind::Double) * 2.0;
    let total = within(&first) + within(&second) - between;
    Ok(values(&total.view([1]))?[0])
}
