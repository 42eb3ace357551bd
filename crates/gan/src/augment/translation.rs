//! Each picture shifted by whole pixels; what comes in from outside repeats the edge.
//!
//! DiffAugment fills with zeros, which on a white ground draws grey bars that the generator then has to avoid; repeating the edge
//! leaves a plain ground plain.

use tch::{Device, Tensor};

/// Pixels that each sample moves down and right, as `i64` tensors `[batch]`.
#[derive(Debug)]
pub struct Shifts {
    /// Down; negative is up.
    pub down: Tensor,
    /// Right; negative is left.
    pub right: Tensor,
}

impl Shifts {
    /// Shifts from two numbers in `[0, 1)` a sample, evenly spread over `-reach..=reach` with `reach` = `share` of the side, rounded.
    #[must_use]
    pub fn from_uniforms(uniforms: &[Vec<f64>], share: f64, side: i64) -> Self {
        let reach = (share * side as f64).round();
        let column = |idx: usize| {
            let shifts: Vec<i64> = uniforms
                .iter()
                .map(|sample| ((2.0 * reach + 1.0) * sample[idx]).floor() as i64 - reach as i64)
                .collect();
            Tensor::from_slice(&shifts)
        };
        Self {
            down: column(0),
            right: column(1),
        }
    }

    /// Shifts `pictures [batch, 3, height, width]`; each target pixel reads the source pixel at the shift's distance, or the nearest edge.
    pub fn apply(&self, pictures: &Tensor) -> Tensor {
        let size = pictures.size();
        let source = |shift: &Tensor, length: i64, shape: [i64; 3]| {
            let cells = Tensor::arange(length, (tch::Kind::Int64, pictures.device()));
            (cells.unsqueeze(0) - shift.unsqueeze(1))
                .clamp(0, length - 1)
                .view(shape)
        };
        let sample =
            Tensor::arange(size[0], (tch::Kind::Int64, pictures.device())).view([-1, 1, 1]);
        let row = source(&self.down, size[2], [size[0], size[2], 1]);
        let column = source(&self.right, size[3], [size[0], 1, size[3]]);
        pictures
            .permute([0, 2, 3, 1])
            .index(&[Some(sample), Some(row), Some(column)])
            .permute([0, 3, 1, 2])
    }

    pub(super) fn to_device(&self, device: Device) -> Self {
        Self {
            down: self.down.to_device(device),
            right: self.right.to_device(device),
        }
    }
}
