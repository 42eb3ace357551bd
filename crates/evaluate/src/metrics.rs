//! The metrics, one a file: functions of features, scores and labels. None sees a network or a file.
//!
//! Features are tensors `[n, dim]` of any floating type; sums are taken in float64. Whatever is drawn (subsets, distractors,
//! resamples) depends on a seed alone.

pub mod agreement;
pub mod bootstrap;
pub mod calibration;
pub mod fid;
pub mod kid;
pub mod manifold;
pub mod memorisation;
pub mod rank;
pub mod retrieval;
pub mod ssim;

use crate::EvaluateError;
use idiom_gan::draws::SampleDraws;
use tch::{Kind, Tensor};

/// Checks `[n, dim]` with at least `least` rows, and gives it in float64.
pub(crate) fn rows(
    name: &'static str,
    features: &Tensor,
    least: i64,
) -> Result<Tensor, EvaluateError> {
    let size = features.size();
    if size.len() == 2 && size[0] >= least {
        return Ok(features.to_kind(Kind::Double));
    }
    Err(EvaluateError::Shape {
        name,
        found: size,
        expected: format!("[at least {least}, dim]"),
    })
}

/// Checks that two sets of features have one length of vector.
pub(crate) fn same_dim(first: &Tensor, second: &Tensor) -> Result<(), EvaluateError> {
    let (wanted, found) = (first.size()[1], second.size());
    if found[1] == wanted {
        return Ok(());
    }
    Err(EvaluateError::Shape {
        name: "features",
        found,
        expected: format!("[n, {wanted}]"),
    })
}

/// `n` different numbers below `bound`, in random order (Fisher & Yates).
pub(crate) fn subset(draws: &mut SampleDraws, n: usize, bound: usize) -> Vec<i64> {
    let mut numbers: Vec<i64> = (0..bound as i64).collect();
    for place in 0..n.min(bound) {
        let other = place + draws.below((bound - place) as u64) as usize;
        numbers.swap(place, other);
    }
    numbers.truncate(n);
    numbers
}

/// Squared Euclidean distances `[n, m]` of rows in float64, never below 0.
pub(crate) fn squared_distances(first: &Tensor, second: &Tensor) -> Tensor {
    let square = |rows: &Tensor| {
        rows.square()
            .sum_dim_intlist([1_i64].as_slice(), true, Kind::Double)
    };
    let products = first.matmul(&second.transpose(0, 1));
    (square(first) + square(second).transpose(0, 1) - products * 2.0).clamp_min(0.0)
}

/// The values of a one-dimensional tensor.
pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f64>, EvaluateError> {
    Ok(Vec::<f64>::try_from(
        &tensor.to_kind(Kind::Double).to_device(tch::Device::Cpu),
    )?)
}

/// The mean of some numbers; 0 of none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
