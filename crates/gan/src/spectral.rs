//! Spectral normalisation: a weight divided by its largest singular value, so that a layer stretches no vector.
//!
//! Miyato et al. 2018 (arXiv:1802.05957), as PyTorch's `spectral_norm` has it: one step of the power iteration each time a network that
//! learns is run, no gradient through the two singular vectors. The left vector is a tensor of the network's own, saved with
//! the weights, so that a resumed training goes on where it was. A frozen network keeps its vector.

use crate::layers::Site;
use tch::{Kind, Tensor};

/// Steps of the power iteration at the start, as in PyTorch.
const FIRST_STEPS: usize = 15;
/// Added below a norm, as in PyTorch.
const EPSILON: f64 = 1e-12;

/// Knows the left singular vector of one weight.
#[derive(Debug)]
pub(crate) struct SpectralNorm {
    /// `[n_out]`, of unit length
    left: Tensor,
}

impl SpectralNorm {
    /// For `weight [n_out, ...]`; the vector is stored at `site` under `left_vector`.
    pub(crate) fn new(site: &Site<'_>, weight: &Tensor) -> Self {
        let matrix = matrix_of(&weight.detach());
        let mut left = site.draw("left_vector", &[matrix.size()[0]]);
        left = left.to_device(matrix.device());
        for _ in 0..FIRST_STEPS {
            (left, _) = step(&matrix, &left);
        }
        Self {
            left: site.buffer("left_vector", &left),
        }
    }

    /// `weight` over its largest singular value; the gradient flows to `weight`.
    pub(crate) fn apply(&self, weight: &Tensor) -> Tensor {
        let (left, right) = tch::no_grad(|| step(&matrix_of(weight), &self.left));
        if weight.requires_grad() {
            tch::no_grad(|| self.left.shallow_clone().copy_(&left));
        }
        let largest = left.dot(&matrix_of(weight).mv(&right));
        weight / largest
    }
}

/// One step of the power iteration: the better left vector, and the right one on the way to it.
fn step(matrix: &Tensor, left: &Tensor) -> (Tensor, Tensor) {
    let right = unit(&matrix.tr().mv(left));
    (unit(&matrix.mv(&right)), right)
}

fn unit(vector: &Tensor) -> Tensor {
    vector / vector.norm().clamp_min(EPSILON)
}

fn matrix_of(weight: &Tensor) -> Tensor {
    weight.flatten(1, -1).to_kind(Kind::Float)
}
