//! A convolution and a linear layer with seeded weights, and what both networks share.
//!
//! `tch`'s own layers draw their weights from libtorch's global generator and keep them in the contiguous layout. Here every
//! parameter draws from a stream named after it, and convolution weights lie channels-last, as the CPU kernels like them.

use crate::draws::Draws;
use crate::spectral::SpectralNorm;
use idiom_torch_ext::{channels_last, leaky_relu};
use tch::{Tensor, nn};

/// Slope of every leaky rectifier below zero.
const LEAK: f64 = 0.2;

/// Slope of a generator's output beyond `[-1, 1]`.
const OVERSHOOT: f64 = 0.05;

/// A generator's output held in `[-1, 1]` but for a faint slope beyond: white paper is white without being aimed at, and gradients
/// still pass.
pub(crate) fn bounded(pictures: &Tensor) -> Tensor {
    let inside = pictures.clamp(-1.0, 1.0);
    &inside + (pictures - &inside) * OVERSHOOT
}

/// `max(x, 0.2 x)`.
pub(crate) fn leaky(input: &Tensor) -> Tensor {
    leaky_relu(input, LEAK).expect("the rectifier takes any floating-point tensor")
}

/// Where a new parameter is stored, and the seed its values come from.
#[derive(Debug, Clone)]
pub(crate) struct Site<'a> {
    path: nn::Path<'a>,
    seed: u64,
}

impl<'a> Site<'a> {
    pub(crate) fn new(path: &nn::Path<'a>, seed: u64) -> Self {
        Self {
            path: path.clone(),
            seed,
        }
    }

    pub(crate) fn sub(&self, name: &str) -> Self {
        Self {
            path: self.path.sub(name),
            seed: self.seed,
        }
    }

    /// A parameter uniform in `[-bound, bound)`.
    fn uniform(&self, name: &str, shape: &[i64], bound: f64) -> Tensor {
        let draws = Draws::new(self.seed, &self.path.path(name));
        let values = draws.uniforms(0, 1, shape.iter().product()) * (2.0 * bound) - bound;
        self.add(name, &values.view(shape))
    }

    /// A parameter with normal entries of this standard deviation.
    pub(crate) fn normal(&self, name: &str, shape: &[i64], deviation: f64) -> Tensor {
        let draws = Draws::new(self.seed, &self.path.path(name));
        self.add(
            name,
            &(draws.normals(0, 1, shape.iter().product()) * deviation).view(shape),
        )
    }

    /// A parameter of zeros.
    pub(crate) fn zeros(&self, name: &str, shape: &[i64]) -> Tensor {
        self.add(
            name,
            &Tensor::zeros(shape, (tch::Kind::Float, tch::Device::Cpu)),
        )
    }

    /// A parameter of ones.
    pub(crate) fn ones(&self, name: &str, shape: &[i64]) -> Tensor {
        self.add(
            name,
            &Tensor::ones(shape, (tch::Kind::Float, tch::Device::Cpu)),
        )
    }

    /// Standard normal values for `name`, stored nowhere.
    pub(crate) fn draw(&self, name: &str, shape: &[i64]) -> Tensor {
        Draws::new(self.seed, &self.path.path(name))
            .normals(0, 1, shape.iter().product())
            .view(shape)
    }

    /// A tensor that is saved with the parameters but does not learn.
    pub(crate) fn buffer(&self, name: &str, values: &Tensor) -> Tensor {
        self.path
            .add(name, values.to_device(self.path.device()), false)
    }

    fn add(&self, name: &str, values: &Tensor) -> Tensor {
        let values = if values.dim() == 4 {
            channels_last(values)
        } else {
            values.shallow_clone()
        };
        self.path
            .add(name, values.to_device(self.path.device()), true)
    }
}

/// How large fresh weights are; all are uniform.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Spread {
    /// PyTorch's default, which lets a signal shrink threefold a layer: scores start near zero. Biases are drawn too.
    Shrinking,
    /// Keeps the variance of a signal that is not rectified; biases are zero.
    Kept,
    /// Keeps the variance behind a leaky rectifier (He et al. 2015, arXiv:1502.01852); biases are zero.
    Rectified,
    /// Three tenths of [`Spread::Rectified`], for a last layer.
    Faint,
}

impl Spread {
    /// Bounds of weights and of biases.
    fn bounds(self, fan_in: i64) -> [f64; 2] {
        let unit = (1.0 / fan_in as f64).sqrt();
        let rectified = unit * (6.0 / (1.0 + LEAK * LEAK)).sqrt();
        match self {
            Self::Shrinking => [unit, unit],
            Self::Kept => [unit * 3_f64.sqrt(), 0.0],
            Self::Rectified => [rectified, 0.0],
            Self::Faint => [0.3 * rectified, 0.0],
        }
    }
}

/// How a convolution walks over its input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) side: i64,
    pub(crate) stride: i64,
    pub(crate) padding: i64,
}

impl Window {
    /// 1x1.
    pub(crate) const POINT: Self = Self {
        side: 1,
        stride: 1,
        padding: 0,
    };
    /// 3x3, size kept.
    pub(crate) const SAME: Self = Self {
        side: 3,
        stride: 1,
        padding: 1,
    };
    /// 4x4, size halved.
    pub(crate) const HALVING: Self = Self {
        side: 4,
        stride: 2,
        padding: 1,
    };
}

/// A convolution with bias.
#[derive(Debug)]
pub(crate) struct Conv {
    weight: Tensor,
    bias: Tensor,
    window: Window,
    norm: Option<SpectralNorm>,
}

impl Conv {
    pub(crate) fn new(
        site: &Site<'_>,
        [n_in, n_out]: [i64; 2],
        window: Window,
        spread: Spread,
    ) -> Self {
        let [weights, biases] = spread.bounds(n_in * window.side * window.side);
        Self {
            weight: site.uniform("weight", &[n_out, n_in, window.side, window.side], weights),
            bias: site.uniform("bias", &[n_out], biases),
            window,
            norm: None,
        }
    }

    /// The same layer with its weight held at a largest singular value of one.
    pub(crate) fn bounded(self, site: &Site<'_>) -> Self {
        Self {
            norm: Some(SpectralNorm::new(site, &self.weight)),
            ..self
        }
    }

    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        let Window {
            stride, padding, ..
        } = self.window;
        let weight = effective(&self.weight, self.norm.as_ref());
        input.conv2d(&weight, Some(&self.bias), stride, padding, 1, 1)
    }
}

/// A 3x3 convolution of the input enlarged twofold by nearest neighbour, computed without enlarging it.
///
/// Four of the nine taps at most meet different cells of the small input: the same sums come from a transposed 4x4 convolution with
/// stride 2 whose taps are sums of the nine, for 4/9 of the multiplications (the idea of sub-pixel convolution, Shi et al. 2016,
/// arXiv:1609.05158). In a row, taps `[a, b, c]` become `[c, b + c, a + b, a]`.
#[derive(Debug)]
pub(crate) struct DoublingConv {
    weight: Tensor,
    bias: Tensor,
    /// `[9, 16]`: which of the nine taps are summed into each of the sixteen.
    sums: Tensor,
}

impl DoublingConv {
    pub(crate) fn new(site: &Site<'_>, channels: [i64; 2]) -> Self {
        let Conv { weight, bias, .. } = Conv::new(site, channels, Window::SAME, Spread::Rectified);
        let row: [[f32; 3]; 4] = [[0., 0., 1.], [0., 1., 1.], [1., 1., 0.], [1., 0., 0.]];
        let row = Tensor::from_slice(row.as_flattened())
            .view([4, 3])
            .to_device(weight.device());
        Self {
            sums: row.kron(&row).transpose(0, 1).contiguous(),
            weight,
            bias,
        }
    }

    /// `[batch, n_in, side, side]` to `[batch, n_out, 2 side, 2 side]`.
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        let (n_out, n_in) = (self.weight.size()[0], self.weight.size()[1]);
        let taps = self.weight.transpose(0, 1).reshape([n_in * n_out, 9]);
        let taps = taps.matmul(&self.sums).view([n_in, n_out, 4, 4]);
        input.conv_transpose2d(
            &taps,
            Some(&self.bias),
            [2_i64, 2],
            [1_i64, 1],
            [0_i64, 0],
            1,
            [1_i64, 1],
        )
    }
}

/// A norm within groups of channels of one picture (Wu & He 2018, arXiv:1803.08494), with a scale and a shift a channel.
#[derive(Debug)]
pub(crate) struct Norm {
    scale: Tensor,
    shift: Tensor,
}

impl Norm {
    /// Groups of channels.
    pub(crate) const GROUPS: i64 = 8;

    pub(crate) fn new(site: &Site<'_>, n_channels: i64) -> Self {
        Self {
            scale: site.ones("scale", &[n_channels]),
            shift: site.zeros("shift", &[n_channels]),
        }
    }

    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        input.group_norm(
            Self::GROUPS,
            Some(&self.scale),
            Some(&self.shift),
            1e-5,
            false,
        )
    }
}

/// A linear layer with bias.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: Tensor,
    bias: Tensor,
    norm: Option<SpectralNorm>,
}

fn effective(weight: &Tensor, norm: Option<&SpectralNorm>) -> Tensor {
    norm.map_or_else(|| weight.shallow_clone(), |norm| norm.apply(weight))
}

impl Linear {
    pub(crate) fn new(site: &Site<'_>, [n_in, n_out]: [i64; 2], spread: Spread) -> Self {
        let [weights, biases] = spread.bounds(n_in);
        Self {
            weight: site.uniform("weight", &[n_out, n_in], weights),
            bias: site.uniform("bias", &[n_out], biases),
            norm: None,
        }
    }

    /// Small normal weights and a bias of zero: the output starts near zero.
    pub(crate) fn near_zero(site: &Site<'_>, n_in: i64, n_out: i64) -> Self {
        Self {
            weight: site.normal("weight", &[n_out, n_in], 0.02),
            bias: site.zeros("bias", &[n_out]),
            norm: None,
        }
    }

    /// The same layer with its weight held at a largest singular value of one.
    pub(crate) fn bounded(self, site: &Site<'_>) -> Self {
        Self {
            norm: Some(SpectralNorm::new(site, &self.weight)),
            ..self
        }
    }

    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        let weight = effective(&self.weight, self.norm.as_ref());
        input.linear(&weight, Some(&self.bias))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn beyond_its_bounds_a_picture_has_a_slope_of_a_twentieth() {
        let pictures =
            Tensor::from_slice(&[-3.0_f32, -1.0, 0.25, 1.0, 2.0]).set_requires_grad(true);
        let held = bounded(&pictures);
        held.sum(Kind::Float).backward();
        let values = |tensor: &Tensor| Vec::<f32>::try_from(tensor).unwrap();
        assert_eq!(values(&held), [-1.1, -1.0, 0.25, 1.0, 1.05]);
        let slopes = values(&pictures.grad());
        assert_eq!([slopes[0], slopes[2], slopes[4]], [0.05, 1.0, 0.05]);
    }
}
