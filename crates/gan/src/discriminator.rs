//! The discriminator: how real a picture looks, and how well it fits a text.
//!
//! Stages that halve the side down to 4x4, the deviation within groups of 4, a 3x3 convolution, and the mean over all cells give one feature
//! vector a picture. Two heads read it: one unconditional, one that projects it on the text (Miyato & Koyama 2018,
//! arXiv:1802.05637). Features are computed once and scored against several texts, the matching and the mismatched ones.

use crate::GanError;
use crate::config::{DiscriminatorConfig, Normalization, Stages};
use crate::error::{check_same_batch, check_shape};
use crate::layers::{Conv, Linear, Site, Spread, Window, leaky};
use crate::minibatch::with_group_deviation;
use tch::{Kind, Tensor, nn};

/// Scores pictures against texts.
#[derive(Debug)]
pub struct Discriminator {
    config: DiscriminatorConfig,
    stages: Vec<Stage>,
    last: Conv,
    realness: Linear,
    text_projection: Linear,
}

impl Discriminator {
    /// A discriminator with fresh weights under `path`; each weight depends only on `seed` and its own name.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(
        path: &nn::Path<'_>,
        config: &DiscriminatorConfig,
        seed: u64,
    ) -> Result<Self, GanError> {
        config.check()?;
        let make = Make {
            site: Site::new(path, seed),
            normalization: config.normalization,
        };
        let [n_first, side] = config.input();
        let n_channels: Vec<i64> = std::iter::once(n_first)
            .chain(config.channels.iter().copied())
            .collect();
        let stages = n_channels.windows(2).enumerate().map(|(idx, pair)| {
            let make = make.sub(&format!("stage{}", side >> idx));
            match config.stages {
                // The first stage sees pixels, where a shortcut would carry nothing but colours.
                Stages::Residual if idx > 0 => {
                    Stage::Residual(Residual::new(&make, [pair[0], pair[1]]))
                }
                _ => Stage::Plain(make.conv([pair[0], pair[1]], Window::HALVING)),
            }
        });
        let (stages, n_last) = (stages.collect(), n_channels[n_channels.len() - 1]);
        let feature_dim = config.feature_dim;
        Ok(Self {
            stages,
            last: make
                .sub("last")
                .conv([n_last + 1, feature_dim], Window::SAME),
            realness: make.sub("realness").linear([feature_dim, 1]),
            text_projection: make
                .sub("text_projection")
                .linear([config.text_dim, feature_dim]),
            config: config.clone(),
        })
    }

    /// What it was built from.
    #[must_use]
    pub fn config(&self) -> &DiscriminatorConfig {
        &self.config
    }

    /// Features `[batch, feature_dim]` of `pictures [batch, 3, resolution, resolution]`, in about `[-1, 1]`, or of maps of the shape that
    /// the configuration says ([`DiscriminatorConfig::input`]); the batch a multiple of 4. Gradients flow to the pictures and the
    /// weights, twice differentiable.
    ///
    /// # Errors
    /// Pictures of another shape, or a batch that is no multiple of 4.
    pub fn features(&self, pictures: &Tensor) -> Result<Tensor, GanError> {
        let [n_channels, side] = self.config.input();
        check_shape("pictures", pictures, &[n_channels, side, side])?;
        let trunk = self
            .stages
            .iter()
            .fold(pictures.shallow_clone(), |input, stage| {
                stage.forward(&input)
            });
        let last = leaky(&self.last.forward(&with_group_deviation(&trunk)?));
        Ok(last.mean_dim([2_i64, 3].as_slice(), false, Kind::Float))
    }

    /// Scores `[batch]` of `features [batch, feature_dim]` with `text [batch, text_dim]` (unit variance per entry); higher means more
    /// real and better fitting.
    ///
    /// # Errors
    /// Features or a text of another shape.
    pub fn score(&self, features: &Tensor, text: &Tensor) -> Result<Tensor, GanError> {
        check_shape("features", features, &[self.config.feature_dim])?;
        check_shape("text", text, &[self.config.text_dim])?;
        check_same_batch("text", text, features.size()[0])?;
        let realness = self.realness.forward(features).squeeze_dim(1);
        let agreement = (features * self.text_projection.forward(text)).sum_dim_intlist(
            [1_i64].as_slice(),
            false,
            Kind::Float,
        );
        Ok(realness + agreement / (self.config.feature_dim as f64).sqrt())
    }
}

/// Makes layers, all normalised alike.
struct Make<'a> {
    site: Site<'a>,
    normalization: Normalization,
}

impl Make<'_> {
    fn sub(&self, name: &str) -> Self {
        Self {
            site: self.site.sub(name),
            normalization: self.normalization,
        }
    }

    fn conv(&self, channels: [i64; 2], window: Window) -> Conv {
        let conv = Conv::new(&self.site, channels, window, Spread::Shrinking);
        match self.normalization {
            Normalization::None => conv,
            Normalization::Spectral => conv.bounded(&self.site),
        }
    }

    fn linear(&self, sizes: [i64; 2]) -> Linear {
        let linear = Linear::new(&self.site, sizes, Spread::Shrinking);
        match self.normalization {
            Normalization::None => linear,
            Normalization::Spectral => linear.bounded(&self.site),
        }
    }
}

#[derive(Debug)]
enum Stage {
    Plain(Conv),
    Residual(Residual),
}

impl Stage {
    fn forward(&self, input: &Tensor) -> Tensor {
        match self {
            Self::Plain(conv) => leaky(&conv.forward(input)),
            Self::Residual(block) => block.forward(input),
        }
    }
}

/// `leaky(shortcut(pooled x) + gate * conv4x4/2(leaky(conv3x3(x))))`; the gate, one number a channel, starts at zero.
#[derive(Debug)]
struct Residual {
    same: Conv,
    halving: Conv,
    shortcut: Conv,
    gate: Tensor,
}

impl Residual {
    fn new(make: &Make<'_>, [n_in, n_out]: [i64; 2]) -> Self {
        Self {
            same: make.sub("same").conv([n_in, n_in], Window::SAME),
            halving: make.sub("halving").conv([n_in, n_out], Window::HALVING),
            shortcut: make.sub("shortcut").conv([n_in, n_out], Window::POINT),
            gate: make.site.zeros("gate", &[n_out]),
        }
    }

    fn forward(&self, input: &Tensor) -> Tensor {
        let side = self.halving.forward(&leaky(&self.same.forward(input)));
        let pooled = input.avg_pool2d([2_i64, 2], [2_i64, 2], [0_i64, 0], false, true, None);
        leaky(
            &self
                .shortcut
                .forward(&pooled)
                .addcmul(&self.gate.view([1, -1, 1, 1]), &side),
        )
    }
}
