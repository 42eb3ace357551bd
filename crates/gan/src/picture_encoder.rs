//! The picture encoder: how a picture is drawn, and what it shows, as two unit vectors.
//!
//! A convolution at the picture's own size, not normed, sees texture, edges and the palette's exact colours. Strided convolutions then
//! halve it down to 4x4, each followed by a group norm (Wu & He 2018, arXiv:1803.08494) that works within one picture. How it is drawn is read off the mean and the deviation of every channel of every stage, which forget where things are
//! (Gatys et al. 2016; Huang & Belongie 2017, arXiv:1703.06868); what it shows off the last stage's cells, which remember it.
//! The stages themselves are handed out too: distances between them are the feature and style losses of a restyling generator.
//! What the vectors are compared with is in [`crate::losses::contrastive`] and [`crate::text_head`].

use crate::GanError;
use crate::config::{check_channels, check_resolution, check_size, n_halvings, setting};
use crate::error::check_shape;
use crate::layers::{Conv, Linear, Norm, Site, Spread, Window, leaky};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, nn};

/// Cells a side of the last stage, as the subject's vector reads it.
const SUBJECT_SIDE: i64 = 4;

/// Added to a variance inside the root, whose slope is infinite at zero.
const EPSILON: f64 = 1e-5;

/// The shape of a picture encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct PictureEncoderConfig {
    /// Side of the square pictures it is trained on, in pixels; one of [`crate::config::RESOLUTIONS`].
    pub resolution: i64,
    /// Channels of the stage at the picture's own size, 0 to leave it out.
    pub fine_channels: i64,
    /// Channels after each halving, from half the resolution down to 4x4; multiples of 8.
    pub channels: Vec<i64>,
    /// Width of the layer between the channels' moments and the style vector.
    pub hidden_dim: i64,
    /// Length of the style vector.
    pub style_dim: i64,
    /// Length of the subject vector.
    pub subject_dim: i64,
}

impl Default for PictureEncoderConfig {
    fn default() -> Self {
        Self {
            resolution: 64,
            fine_channels: 16,
            channels: vec![24, 48, 96, 144],
            hidden_dim: 128,
            style_dim: 128,
            subject_dim: 128,
        }
    }
}

impl PictureEncoderConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside its range, by name.
    pub fn check(&self) -> Result<(), GanError> {
        check_resolution("picture_encoder.resolution", self.resolution)?;
        if !(0..=4096).contains(&self.fine_channels) {
            return Err(setting(
                "picture_encoder.fine_channels",
                self.fine_channels.to_string(),
                "from 0 to 4096".to_owned(),
            ));
        }
        check_size("picture_encoder.hidden_dim", self.hidden_dim)?;
        check_size("picture_encoder.style_dim", self.style_dim)?;
        check_size("picture_encoder.subject_dim", self.subject_dim)?;
        check_channels(
            "picture_encoder.channels",
            &self.channels,
            n_halvings(self.resolution),
        )?;
        match self
            .channels
            .iter()
            .find(|count| *count % Norm::GROUPS != 0)
        {
            Some(count) => Err(setting(
                "picture_encoder.channels",
                count.to_string(),
                format!("a list of multiples of {}", Norm::GROUPS),
            )),
            None => Ok(()),
        }
    }
}

/// What the encoder says of a batch of pictures.
#[derive(Debug)]
pub struct Encoded {
    /// Features of each stage, `[batch, channels, side, side]`, the finest first.
    pub stages: Vec<Tensor>,
    /// How each is drawn: unit vectors `[batch, style_dim]`.
    pub style: Tensor,
    /// What each shows: unit vectors `[batch, subject_dim]`.
    pub subject: Tensor,
}

impl Encoded {
    /// Means and deviations of every channel of every stage, `[batch, 2 * sum of channels]`: what style is read off.
    pub fn moments(&self) -> Tensor {
        moments(&self.stages)
    }

    /// How far the two coarsest stages lie from another's, cell by cell: mean absolute differences, `[batch, 1]`.
    pub fn distance(&self, other: &Self) -> Tensor {
        let pairs = self.stages.iter().zip(&other.stages).rev().take(2);
        let means = pairs.map(|(own, other)| {
            let difference = (own - other).abs().flatten(1, -1);
            difference.mean_dim([1_i64].as_slice(), true, Kind::Float)
        });
        means.sum::<Tensor>() * 0.5
    }
}

/// The encoder.
#[derive(Debug)]
pub struct PictureEncoder {
    config: PictureEncoderConfig,
    fine: Option<Conv>,
    stages: Vec<(Conv, Norm)>,
    style: [Linear; 2],
    subject: Linear,
}

impl PictureEncoder {
    /// An encoder with fresh weights under `path`; each weight depends only on `seed` and its own name.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(
        path: &nn::Path<'_>,
        config: &PictureEncoderConfig,
        seed: u64,
    ) -> Result<Self, GanError> {
        config.check()?;
        let site = Site::new(path, seed);
        let n_fine = config.fine_channels;
        let fine = (n_fine > 0).then(|| {
            Conv::new(
                &site.sub("fine"),
                [3, n_fine],
                Window::SAME,
                Spread::Shrinking,
            )
        });
        let n_channels: Vec<i64> = std::iter::once(if n_fine > 0 { n_fine } else { 3 })
            .chain(config.channels.iter().copied())
            .collect();
        let stages = n_channels.windows(2).enumerate().map(|(idx, pair)| {
            let site = site.sub(&format!("stage{}", config.resolution >> (idx + 1)));
            let conv = Conv::new(
                &site,
                [pair[0], pair[1]],
                Window::HALVING,
                Spread::Shrinking,
            );
            (conv, Norm::new(&site.sub("norm"), pair[1]))
        });
        let stages = stages.collect();
        let n_moments = 2 * (n_fine + config.channels.iter().sum::<i64>());
        let n_cells = n_channels[n_channels.len() - 1] * SUBJECT_SIDE * SUBJECT_SIDE;
        let linear = |name, sizes| Linear::new(&site.sub(name), sizes, Spread::Shrinking);
        Ok(Self {
            fine,
            stages,
            style: [
                linear("style1", [n_moments, config.hidden_dim]),
                linear("style2", [config.hidden_dim, config.style_dim]),
            ],
            subject: linear("subject", [n_cells, config.subject_dim]),
            config: config.clone(),
        })
    }

    /// What it was built from.
    #[must_use]
    pub fn config(&self) -> &PictureEncoderConfig {
        &self.config
    }

    /// Encodes `pictures [batch, 3, height, width]` in `[-1, 1]`; both sides at least 2 to the number of stages. Gradients flow to the
    /// pictures and to every weight. Pictures of another size than it was trained on keep their moments' meaning, and their
    /// cells are averaged to 4x4 for the subject.
    ///
    /// # Errors
    /// A tensor that is no batch of such pictures.
    pub fn forward(&self, pictures: &Tensor) -> Result<Encoded, GanError> {
        let stages = self.features(pictures)?;
        let style = {
            let hidden = leaky(&self.style[0].forward(&moments(&stages)));
            unit(&self.style[1].forward(&hidden))
        };
        let cells = stages[stages.len() - 1].adaptive_avg_pool2d([SUBJECT_SIDE, SUBJECT_SIDE]);
        let subject = unit(&self.subject.forward(&cells.flatten(1, -1)));
        Ok(Encoded {
            stages,
            style,
            subject,
        })
    }

    /// The stages alone, for losses that read no vector.
    ///
    /// # Errors
    /// As [`PictureEncoder::forward`].
    pub fn features(&self, pictures: &Tensor) -> Result<Vec<Tensor>, GanError> {
        let least = 1 << self.stages.len();
        let size = pictures.size();
        match size.as_slice() {
            [_, 3, height, width] if *height >= least && *width >= least => {}
            _ => {
                // Names both shapes; the least allowed side stands for the rest.
                check_shape("pictures", pictures, &[3, least, least])?;
            }
        }
        let mut stages: Vec<Tensor> = Vec::with_capacity(self.stages.len() + 1);
        stages.extend(self.fine.iter().map(|conv| leaky(&conv.forward(pictures))));
        for (conv, norm) in &self.stages {
            let input = stages.last().unwrap_or(pictures);
            let output = leaky(&norm.forward(&conv.forward(input)));
            stages.push(output);
        }
        Ok(stages)
    }
}

/// Means and deviations over the cells of every channel: `[batch, channels, side, side]` each to `[batch, 2 * sum of channels]`.
pub fn moments(stages: &[Tensor]) -> Tensor {
    let cells = [2_i64, 3];
    let parts: Vec<Tensor> = stages
        .iter()
        .flat_map(|features| {
            let mean = features.mean_dim(cells.as_slice(), true, Kind::Float);
            // libtorch's own variance goes number by number (Welford) and took a sixth of a restyling step.
            let squares = (features - &mean).square();
            let variance = squares.mean_dim(cells.as_slice(), false, Kind::Float);
            [mean.flatten(1, -1), (variance + EPSILON).sqrt()]
        })
        .collect();
    Tensor::cat(&parts, 1)
}

/// Each row divided by its length.
pub(crate) fn unit(rows: &Tensor) -> Tensor {
    let length = rows
        .square()
        .sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
    rows / (length + 1e-12).sqrt()
}
