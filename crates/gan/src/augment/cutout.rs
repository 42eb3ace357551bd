//! A square of each picture blanked to middle grey (DiffAugment's `cutout`).

use tch::{Device, Kind, Tensor};

/// Where the squares lie.
#[derive(Debug)]
pub struct Holes {
    /// Row of each square's centre, `i64 [batch]`.
    pub row: Tensor,
    /// Column of each square's centre, `i64 [batch]`.
    pub column: Tensor,
    /// Side of the squares, in pixels.
    pub side: i64,
}

impl Holes {
    /// Centres anywhere in the picture, from two numbers in `[0, 1)` a sample; squares of `share` of the side, rounded.
    #[must_use]
    pub fn from_uniforms(uniforms: &[Vec<f64>], share: f64, side: i64) -> Self {
        let hole = (share * side as f64).round() as i64;
        let n_places = side + 1 - hole % 2;
        let column = |idx: usize| {
            let centres: Vec<i64> = uniforms
                .iter()
                .map(|sample| (n_places as f64 * sample[idx]).floor() as i64)
                .collect();
            Tensor::from_slice(&centres)
        };
        Self {
            row: column(0),
            column: column(1),
            side: hole,
        }
    }

    /// The same without the squares of the marked samples, `[batch]`: theirs lie beyond the picture.
    #[must_use]
    pub(super) fn without(self, left_out: &[bool]) -> Self {
        let keep = Tensor::from_slice(left_out).logical_not();
        Self {
            row: self.row.where_scalarother(&keep, -self.side),
            ..self
        }
    }

    /// Multiplies `pictures [batch, 3, height, width]` by 0 within the squares; a square may reach over the edge.
    pub fn apply(&self, pictures: &Tensor) -> Tensor {
        let size = pictures.size();
        let outside = |centre: &Tensor, length: i64| {
            let cells = Tensor::arange(length, (Kind::Int64, pictures.device())).unsqueeze(0);
            let from = (centre - self.side / 2).unsqueeze(1);
            cells
                .ge_tensor(&(&from + self.side))
                .logical_or(&cells.less_tensor(&from))
        };
        let rows = outside(&self.row, size[2]).view([-1, 1, size[2], 1]);
        let columns = outside(&self.column, size[3]).view([-1, 1, 1, size[3]]);
        pictures * rows.logical_or(&columns).to_kind(Kind::Float)
    }

    pub(super) fn to_device(&self, device: Device) -> Self {
        Self {
            row: self.row.to_device(device),
            column: self.column.to_device(device),
            side: self.side,
        }
    }
}
