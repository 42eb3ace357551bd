//! The restyling discriminator: patches of two sizes judged as real or drawn, and the whole as agreeing with words or not.
//!
//! Strided convolutions down to 1/16 of the side. The last two stages each score every cell, as PatchGAN does (Isola et al. 2017,
//! arXiv:1611.07004), plus the cell's product with the style vector (projection, arXiv:1802.05637). Agreement is the cosine of the style
//! vector with a vector read off the channels' moments of all stages; it learns from real pictures only, as an auxiliary
//! classifier (arXiv:1610.09585) whose classes are vectors.

use crate::GanError;
use crate::config::{check_size, setting};
use crate::error::{check_same_batch, check_shape};
use crate::layers::{Conv, Linear, Site, Spread, Window, leaky};
use crate::picture_encoder::{moments, unit};
use idiom_torch_ext::channels_last;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, nn};

/// The shape of a restyling discriminator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct RestyleDiscriminatorConfig {
    /// Length of the style vector.
    pub style_dim: i64,
    /// Channels after each halving; two to six numbers, the last two of which are scored.
    pub channels: Vec<i64>,
    /// Width of the layer between the channels' moments and the agreement vector.
    pub hidden_dim: i64,
}

impl Default for RestyleDiscriminatorConfig {
    fn default() -> Self {
        Self {
            style_dim: 128,
            channels: vec![32, 64, 128, 160],
            hidden_dim: 128,
        }
    }
}

impl RestyleDiscriminatorConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside its range, by name.
    pub fn check(&self) -> Result<(), GanError> {
        check_size("restyle.discriminator.style_dim", self.style_dim)?;
        check_size("restyle.discriminator.hidden_dim", self.hidden_dim)?;
        if !(2..=6).contains(&self.channels.len()) {
            return Err(setting(
                "restyle.discriminator.channels",
                format!("a list of {}", self.channels.len()),
                "a list of 2 to 6 numbers".to_owned(),
            ));
        }
        (self.channels.iter())
            .try_for_each(|count| check_size("restyle.discriminator.channels", *count))
    }
}

/// The features of a batch of pictures, to be scored against any number of styles.
#[derive(Debug)]
pub struct Judged {
    stages: Vec<Tensor>,
}

/// The scores of a batch against its styles.
#[derive(Debug)]
pub struct Restyled {
    /// Scores of the cells, `[batch, cells]`, one tensor a scale.
    pub cells: Vec<Tensor>,
}

impl Restyled {
    /// Some of the batch: rows `first..first + length`.
    pub fn rows(&self, first: i64, length: i64) -> Self {
        let cells = self.cells.iter();
        Self {
            cells: cells.map(|cells| cells.narrow(0, first, length)).collect(),
        }
    }

    /// The same numbers without a graph.
    pub fn detached(&self) -> Self {
        Self {
            cells: self.cells.iter().map(Tensor::detach).collect(),
        }
    }

    /// One number a picture, `[batch]`: the sum over the cells of a scale divided by the root of their number, averaged over the
    /// scales. A penalty on its gradient then means the same whatever the size of the pictures.
    pub fn penalised(&self) -> Tensor {
        let sums = self.cells.iter().map(|cells| {
            let root = (cells.size()[1] as f64).sqrt();
            cells.sum_dim_intlist([1_i64].as_slice(), false, Kind::Float) / root
        });
        sums.sum::<Tensor>() / self.cells.len() as f64
    }

    /// One number a picture, `[batch]`: the mean over cells and scales.
    pub fn mean(&self) -> Tensor {
        let means = self.cells.iter();
        let means = means.map(|cells| cells.mean_dim([1_i64].as_slice(), false, Kind::Float));
        means.sum::<Tensor>() / self.cells.len() as f64
    }
}

/// Judges pictures.
#[derive(Debug)]
pub struct RestyleDiscriminator {
    config: RestyleDiscriminatorConfig,
    stages: Vec<Conv>,
    heads: Vec<Head>,
    agreement: [Linear; 2],
}

/// Scores the cells of one stage.
#[derive(Debug)]
struct Head {
    plain: Conv,
    projection: Linear,
}

impl Head {
    fn forward(&self, features: &Tensor, style: &Tensor) -> Tensor {
        let n_channels = features.size()[1];
        let projected = self.projection.forward(style).view([-1, n_channels, 1, 1]);
        let fit = (features * projected).sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
        (self.plain.forward(features) + fit / (n_channels as f64).sqrt()).flatten(1, -1)
    }
}

impl RestyleDiscriminator {
    /// A discriminator with fresh weights under `path`; each weight depends only on `seed` and its own name.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(
        path: &nn::Path<'_>,
        config: &RestyleDiscriminatorConfig,
        seed: u64,
    ) -> Result<Self, GanError> {
        config.check()?;
        let site = Site::new(path, seed);
        let channels: Vec<i64> = [3].iter().chain(&config.channels).copied().collect();
        let stages = channels.windows(2).enumerate().map(|(idx, pair)| {
            let site = site.sub(&format!("stage{}", idx + 1));
            Conv::new(
                &site,
                [pair[0], pair[1]],
                Window::HALVING,
                Spread::Shrinking,
            )
        });
        let n_stages = config.channels.len();
        let heads = (n_stages - 2..n_stages).map(|idx| {
            let site = site.sub(&format!("head{}", idx + 1));
            let n_channels = config.channels[idx];
            let sizes = [config.style_dim, n_channels];
            Head {
                plain: Conv::new(
                    &site.sub("plain"),
                    [n_channels, 1],
                    Window::SAME,
                    Spread::Shrinking,
                ),
                projection: Linear::new(&site.sub("projection"), sizes, Spread::Shrinking),
            }
        });
        let n_moments = 2 * config.channels.iter().sum::<i64>();
        let linear = |name, sizes| Linear::new(&site.sub(name), sizes, Spread::Shrinking);
        Ok(Self {
            stages: stages.collect(),
            heads: heads.collect(),
            agreement: [
                linear("agreement1", [n_moments, config.hidden_dim]),
                linear("agreement2", [config.hidden_dim, config.style_dim]),
            ],
            config: config.clone(),
        })
    }

    /// What it was built from.
    #[must_use]
    pub fn config(&self) -> &RestyleDiscriminatorConfig {
        &self.config
    }

    /// The features of `pictures [batch, 3, height, width]` in `[-1, 1]`; both sides at least 2 to the number of stages.
    ///
    /// # Errors
    /// A tensor that is no batch of such pictures.
    pub fn features(&self, pictures: &Tensor) -> Result<Judged, GanError> {
        let least = 1 << self.stages.len();
        match pictures.size().as_slice() {
            [_, 3, height, width] if *height >= least && *width >= least => {}
            _ => check_shape("pictures", pictures, &[3, least, least])?,
        }
        let mut stages: Vec<Tensor> = Vec::with_capacity(self.stages.len());
        for conv in &self.stages {
            let input = stages
                .last()
                .map_or_else(|| channels_last(pictures), Tensor::shallow_clone);
            stages.push(leaky(&conv.forward(&input)));
        }
        Ok(Judged { stages })
    }

    /// How real each patch looks in `style [batch, style_dim]` (unit variance per entry); larger is more real.
    ///
    /// # Errors
    /// A style of another shape.
    pub fn score(&self, judged: &Judged, style: &Tensor) -> Result<Restyled, GanError> {
        check_shape("style", style, &[self.config.style_dim])?;
        check_same_batch("style", style, judged.stages[0].size()[0])?;
        let first = judged.stages.len() - self.heads.len();
        let cells = (self.heads.iter().zip(&judged.stages[first..]))
            .map(|(head, features)| head.forward(features, style));
        Ok(Restyled {
            cells: cells.collect(),
        })
    }

    /// What style each picture is in: unit vectors `[batch, style_dim]`, whose cosine with a style's vector is the agreement.
    pub fn agreement(&self, judged: &Judged) -> Tensor {
        let hidden = leaky(&self.agreement[0].forward(&moments(&judged.stages)));
        unit(&self.agreement[1].forward(&hidden))
    }
}
