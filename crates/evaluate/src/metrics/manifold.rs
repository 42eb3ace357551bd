//! Precision and recall, density and coverage: is what is drawn like the real, and is all that is real drawn?
//!
//! The real pictures' manifold is the union of balls around each, as wide as the distance to its k-th nearest other. Precision and
//! recall: Kynkaanniemi et al. 2019 (arXiv:1904.06991), k = 3. Density and coverage, which one outlier cannot blow up:
//! Naeem et al. 2020 (arXiv:2002.09797), k = 5.

use super::{rows, same_dim, squared_distances, values};
use crate::EvaluateError;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// Four shares; density alone may exceed 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Manifold {
    /// Share of the drawn that lie in a real picture's ball.
    pub precision: f64,
    /// Share of the real that lie in a drawn picture's ball.
    pub recall: f64,
    /// In how many real balls a drawn picture lies, over k.
    pub density: f64,
    /// Share of the real whose ball holds a drawn picture.
    pub coverage: f64,
}

/// All four between `real [n, dim]` and `drawn [m, dim]`: `k_precision` neighbours for the first two, `k_density` for the others.
///
/// # Errors
/// Features of other shapes, or no more pictures than neighbours.
pub fn manifold(
    real: &Tensor,
    drawn: &Tensor,
    [k_precision, k_density]: [i64; 2],
) -> Result<Manifold, EvaluateError> {
    let least = k_precision.max(k_density) + 1;
    let (real, drawn) = (rows("real", real, least)?, rows("drawn", drawn, least)?);
    same_dim(&real, &drawn)?;
    let between = squared_distances(&real, &drawn);
    let within_real = squared_distances(&real, &real);
    let share = |inside: &Tensor, dim: i64| -> Result<f64, EvaluateError> {
        let hit = inside.any_dim(dim, false).to_kind(Kind::Double);
        Ok(values(&hit.mean(Kind::Double).view([1]))?[0])
    };
    let in_real = between.le_tensor(&radii(&within_real, k_precision).unsqueeze(1));
    let in_drawn =
        between.le_tensor(&radii(&squared_distances(&drawn, &drawn), k_precision).unsqueeze(0));
    let in_wide = between.lt_tensor(&radii(&within_real, k_density).unsqueeze(1));
    let density = in_wide.to_kind(Kind::Double).sum(Kind::Double)
        / (k_density as f64 * drawn.size()[0] as f64);
    Ok(Manifold {
        precision: share(&in_real, 0)?,
        recall: share(&in_drawn, 1)?,
        density: values(&density.view([1]))?[0],
        coverage: share(&in_wide, 1)?,
    })
}

/// The distance of each row to its k-th nearest other, from distances within one set. The row itself, at 0, comes first.
fn radii(within: &Tensor, k: i64) -> Tensor {
    // Rounding may leave the row itself a hair away from itself; it is put at 0 exactly.
    let n = within.size()[0];
    let off = 1.0 - Tensor::eye(n, (Kind::Double, within.device()));
    let apart: Tensor = within * off;
    apart.kthvalue(k + 1, 1, false).0
}
