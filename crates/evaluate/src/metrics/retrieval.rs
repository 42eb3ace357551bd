//! Retrieval: is the right one found among others?

use super::{rows, same_dim, subset, values};
use crate::EvaluateError;
use idiom_gan::Draws;
use tch::{Kind, Tensor};

/// For each of `queries [n, dim]`, whether its key, row `truths[i]` of `keys [m, dim]`, is among the `k` most similar (by inner product). A
/// tie counts against it, so that keys that are all alike find nothing.
///
/// # Errors
/// Features of other shapes, or a truth that is no row.
pub fn found_at(
    queries: &Tensor,
    keys: &Tensor,
    truths: &[i64],
    k: usize,
) -> Result<Vec<bool>, EvaluateError> {
    let (queries, keys) = (rows("queries", queries, 1)?, rows("keys", keys, 1)?);
    same_dim(&queries, &keys)?;
    check_truths(truths, queries.size()[0], keys.size()[0])?;
    let scores = queries.matmul(&keys.transpose(0, 1));
    let index = Tensor::from_slice(truths)
        .unsqueeze(1)
        .to_device(scores.device());
    let own = scores.gather(1, &index, false);
    let not_below = scores.ge_tensor(&own).to_kind(Kind::Double);
    let n_better = values(&not_below.sum_dim_intlist([1_i64].as_slice(), false, Kind::Double))?;
    // The key itself is one of those not below.
    Ok(n_better.iter().map(|n| *n - 1.0 < k as f64).collect())
}

/// R-precision at 1 (Xu et al. 2018, arXiv:1711.10485): for each query, whether its key scores above `n_distractors` others, drawn from its
/// pool, rows of `keys` that may include the truth. The pools decide what is tested: with distractors of the same look, the look
/// alone scores chance, 1 in `n_distractors + 1`.
///
/// # Errors
/// Features of other shapes, a truth that is no row, or a pool that is too small.
pub fn r_precision(
    queries: &Tensor,
    keys: &Tensor,
    truths: &[i64],
    pools: &[&[i64]],
    options: RPrecisionOptions,
) -> Result<Vec<bool>, EvaluateError> {
    let (queries, keys) = (rows("queries", queries, 1)?, rows("keys", keys, 1)?);
    same_dim(&queries, &keys)?;
    check_truths(truths, queries.size()[0], keys.size()[0])?;
    let width = keys.size()[0] as usize;
    let scores = values(&queries.matmul(&keys.transpose(0, 1)).view([-1]))?;
    let draws = Draws::new(options.seed, "r_precision");
    let mut found = Vec::with_capacity(truths.len());
    for (idx, (truth, pool)) in truths.iter().zip(pools).enumerate() {
        let others: Vec<i64> = pool.iter().copied().filter(|row| row != truth).collect();
        if others.len() < options.n_distractors {
            return Err(EvaluateError::Pool {
                found: others.len(),
                wanted: options.n_distractors,
            });
        }
        let line = &scores[idx * width..(idx + 1) * width];
        let drawn = subset(
            &mut draws.sample(idx as u64),
            options.n_distractors,
            others.len(),
        );
        let own = line[*truth as usize];
        found.push(
            drawn
                .iter()
                .all(|at| line[others[*at as usize] as usize] < own),
        );
    }
    Ok(found)
}

/// How R-precision is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RPrecisionOptions {
    /// Wrong keys beside the right one; 99 by custom.
    pub n_distractors: usize,
    /// Decides which.
    pub seed: u64,
}

impl Default for RPrecisionOptions {
    fn default() -> Self {
        Self {
            n_distractors: 99,
            seed: 0,
        }
    }
}

fn check_truths(truths: &[i64], n_queries: i64, n_keys: i64) -> Result<(), EvaluateError> {
    let fits =
        truths.len() as i64 == n_queries && truths.iter().all(|row| (0..n_keys).contains(row));
    if fits {
        return Ok(());
    }
    Err(EvaluateError::Shape {
        name: "truths",
        found: vec![truths.len() as i64],
        expected: format!("[{n_queries}], each below {n_keys}"),
    })
}
