//! The generator's building block: two convolutions, each after a feature-wise affine map steered by w, beside a shortcut.
//!
//! The map is FiLM's (Perez et al. 2018, arXiv:1709.07871), as DF-GAN's affine blocks use it for text (arXiv:2008.05865):
//! `leaky(x (1 + gamma(w)) + beta(w))`, gamma and beta one linear layer of w that starts near zero. Upsampling of what is convolved is by nearest
//! neighbour and comes first in the mathematics; in the computation it commutes with all that acts on single cells, so that the
//! map, the rectifier and the 1x1 shortcut run at the small size: the same numbers for a quarter of the work.

use crate::layers::{Conv, DoublingConv, Linear, Site, Spread, Window, leaky};
use serde::{Deserialize, Serialize};
use std::f64::consts::FRAC_1_SQRT_2;
use tch::Tensor;

/// `leaky(x (1 + gamma(w)) + beta(w))`, one gamma and one beta a channel.
#[derive(Debug)]
pub(crate) struct Modulation {
    affine: Linear,
    n_channels: i64,
}

impl Modulation {
    pub(crate) fn new(site: &Site<'_>, style_dim: i64, n_channels: i64) -> Self {
        Self {
            affine: Linear::near_zero(site, style_dim, 2 * n_channels),
            n_channels,
        }
    }

    /// `input [batch, channels, height, width]`, `style [batch, style_dim]`.
    pub(crate) fn forward(&self, input: &Tensor, style: &Tensor) -> Tensor {
        let affine = self
            .affine
            .forward(style)
            .view([-1, 2 * self.n_channels, 1, 1]);
        let gamma = affine.narrow(1, 0, self.n_channels) + 1.0;
        let beta = affine.narrow(1, self.n_channels, self.n_channels);
        leaky(&beta.addcmul(input, &gamma))
    }
}

/// A residual block: modulation, 3x3, modulation, 3x3, plus a 1x1 shortcut, scaled by 1/sqrt(2).
#[derive(Debug)]
pub(crate) struct Block {
    first: (Modulation, First),
    second: (Modulation, Conv),
    shortcut: Conv,
}

/// The first convolution decides what the block does to the side of its input.
#[derive(Debug)]
enum First {
    Kept(Conv),
    Doubled(DoublingConv, Upsampling),
}

/// What a block does to the side of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Kept,
    Doubled(Upsampling),
}

/// How a shortcut is brought to twice its side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upsampling {
    /// Every cell four times. What passes along the shortcuts from a coarse stage alone is drawn in squares.
    #[default]
    Nearest,
    /// Between the cells' middles, so that it is drawn in slopes.
    Bilinear,
}

impl Upsampling {
    /// `[batch, channels, height, width]` to `[batch, channels, 2 height, 2 width]`.
    fn doubled(self, input: &Tensor) -> Tensor {
        let size = [2 * input.size()[2], 2 * input.size()[3]];
        match self {
            Self::Nearest => input.upsample_nearest2d(size, None, None),
            Self::Bilinear => input.upsample_bilinear2d(size, false, None, None),
        }
    }
}

impl Block {
    pub(crate) fn new(
        site: &Site<'_>,
        style_dim: i64,
        [n_in, n_out]: [i64; 2],
        side: Side,
    ) -> Self {
        let (first, second) = (site.sub("first"), site.sub("second"));
        let first_conv = match side {
            Side::Kept => First::Kept(Conv::new(
                &first.sub("conv"),
                [n_in, n_out],
                Window::SAME,
                Spread::Rectified,
            )),
            Side::Doubled(upsampling) => {
                let conv = DoublingConv::new(&first.sub("conv"), [n_in, n_out]);
                First::Doubled(conv, upsampling)
            }
        };
        let second_conv = Conv::new(
            &second.sub("conv"),
            [n_out, n_out],
            Window::SAME,
            Spread::Rectified,
        );
        Self {
            first: (
                Modulation::new(&first.sub("modulation"), style_dim, n_in),
                first_conv,
            ),
            second: (
                Modulation::new(&second.sub("modulation"), style_dim, n_out),
                second_conv,
            ),
            shortcut: Conv::new(
                &site.sub("shortcut"),
                [n_in, n_out],
                Window::POINT,
                Spread::Kept,
            ),
        }
    }

    /// `input [batch, n_in, side, side]`, `style [batch, style_dim]` to `[batch, n_out, side', side']`.
    pub(crate) fn forward(&self, input: &Tensor, style: &Tensor) -> Tensor {
        let modulated = self.first.0.forward(input, style);
        let shortcut = self.shortcut.forward(input);
        let (first, shortcut) = match &self.first.1 {
            First::Kept(conv) => (conv.forward(&modulated), shortcut),
            First::Doubled(conv, upsampling) => {
                (conv.forward(&modulated), upsampling.doubled(&shortcut))
            }
        };
        let second = self.second.1.forward(&self.second.0.forward(&first, style));
        (second + shortcut) * FRAC_1_SQRT_2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bilinear_shortcut_goes_in_slopes_from_cell_to_cell() {
        let row = Tensor::from_slice(&[0.0_f32, 4.0]).view([1, 1, 1, 2]);
        let drawn = |upsampling: Upsampling| {
            let doubled = upsampling.doubled(&row);
            assert_eq!(doubled.size(), [1, 1, 2, 4]);
            Vec::<f32>::try_from(doubled.select(2, 1).flatten(0, -1)).unwrap()
        };
        assert_eq!(drawn(Upsampling::Nearest), [0.0, 0.0, 4.0, 4.0]);
        // New middles lie a quarter of a cell from the old ones.
        assert_eq!(drawn(Upsampling::Bilinear), [0.0, 1.0, 3.0, 4.0]);
    }
}
