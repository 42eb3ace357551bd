//! The generator's building block: two convolutions, each after a feature-wise affine map steered by w, beside a shortcut.
//!
//! The map is FiLM's (Perez et al. 2018, arXiv:1709.07871), as DF-GAN's affine blocks use it for text (arXiv:2008.05865):
//! `leaky(x (1 + gamma(w)) + beta(w))`, gamma and beta one linear layer of w that starts near zero. Upsampling is by nearest
//! neighbour. It commutes with everything that acts on single cells, so the map, the rectifier and the 1x1 shortcut run at
//! the small size: the same numbers for a quarter of the work.

use crate::layers::{Conv, Linear, Site, Window, leaky};
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

/// What a block does to the side of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Kept,
    Doubled,
}

/// A residual block: modulation, 3x3, modulation, 3x3, plus a 1x1 shortcut, scaled by 1/sqrt(2).
#[derive(Debug)]
pub(crate) struct Block {
    side: Side,
    first: (Modulation, Conv),
    second: (Modulation, Conv),
    shortcut: Conv,
}

impl Block {
    pub(crate) fn new(
        site: &Site<'_>,
        style_dim: i64,
        [n_in, n_out]: [i64; 2],
        side: Side,
    ) -> Self {
        let pair = |name: &str, n_from: i64| {
            let site = site.sub(name);
            let modulation = Modulation::new(&site.sub("modulation"), style_dim, n_from);
            (
                modulation,
                Conv::new(&site.sub("conv"), n_from, n_out, Window::SAME),
            )
        };
        Self {
            side,
            first: pair("first", n_in),
            second: pair("second", n_out),
            shortcut: Conv::new(&site.sub("shortcut"), n_in, n_out, Window::POINT),
        }
    }

    /// `input [batch, n_in, side, side]`, `style [batch, style_dim]` to `[batch, n_out, side', side']`.
    pub(crate) fn forward(&self, input: &Tensor, style: &Tensor) -> Tensor {
        let first = self.resized(&self.first.0.forward(input, style));
        let second = self.second.0.forward(&self.first.1.forward(&first), style);
        let shortcut = self.resized(&self.shortcut.forward(input));
        (self.second.1.forward(&second) + shortcut) * FRAC_1_SQRT_2
    }

    fn resized(&self, input: &Tensor) -> Tensor {
        match self.side {
            Side::Kept => input.shallow_clone(),
            Side::Doubled => {
                let (height, width) = (input.size()[2], input.size()[3]);
                input.upsample_nearest2d([2 * height, 2 * width], None, None)
            }
        }
    }
}
