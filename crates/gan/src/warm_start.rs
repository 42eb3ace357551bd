//! The first part of a training as a conditional variational autoencoder: the generator learns to draw the real pictures back
//! before anyone judges it.
//!
//! Kingma & Welling 2014 (arXiv:1312.6114), conditional as in Sohn et al. 2015: an encoder reads a real picture into the mean and the
//! log variance of a latent, the generator draws from a sample of it and the picture's own text. What it is asked is the mean
//! squared distance of the pictures plus the divergence of the latent from the standard normal. Afterwards the encoder is not needed.

use crate::GanError;
use crate::config::{DiscriminatorConfig, Sight, setting};
use crate::error::{check_same_batch, check_shape};
use crate::layers::{Conv, Linear, Site, Spread, Window, leaky};
use tch::{Kind, Reduction, Tensor, nn};

/// Log variances are kept within +- this, so that no exponential overflows.
const MOST_LOG_VARIANCE: f64 = 10.0;

/// Reads a picture into a normal distribution of latents.
#[derive(Debug)]
pub struct LatentEncoder {
    resolution: i64,
    latent_dim: i64,
    stages: Vec<Conv>,
    last: Linear,
}

/// A normal distribution of latents for each picture, `[batch, latent_dim]` both.
#[derive(Debug)]
pub struct Posterior {
    /// The means.
    pub mean: Tensor,
    /// The logarithms of the variances, within +-10.
    pub log_variance: Tensor,
}

impl LatentEncoder {
    /// An encoder with fresh weights under `path`, its stages as wide as the discriminator's.
    ///
    /// # Errors
    /// A setting of `like` outside its range.
    pub fn new(
        path: &nn::Path<'_>,
        like: &DiscriminatorConfig,
        latent_dim: i64,
        seed: u64,
    ) -> Result<Self, GanError> {
        like.check()?;
        if like.sight != Sight::Pictures {
            return Err(GanError::Combination {
                first: "warm_start".to_owned(),
                second: "discriminator.trunk".to_owned(),
                reason: "its encoder is built like the discriminator, but has to read pictures",
            });
        }
        let site = Site::new(path, seed);
        let n_channels: Vec<i64> = std::iter::once(3)
            .chain(like.channels.iter().copied())
            .collect();
        let stages = n_channels.windows(2).enumerate().map(|(idx, pair)| {
            Conv::new(
                &site.sub(&format!("stage{}", like.resolution >> idx)),
                [pair[0], pair[1]],
                Window::HALVING,
                Spread::Rectified,
            )
        });
        let n_last = n_channels[n_channels.len() - 1];
        Ok(Self {
            resolution: like.resolution,
            latent_dim,
            stages: stages.collect(),
            last: Linear::near_zero(&site.sub("posterior"), n_last * 16, 2 * latent_dim),
        })
    }

    /// The distribution of each of `pictures [batch, 3, resolution, resolution]`.
    ///
    /// # Errors
    /// Pictures of another shape.
    pub fn forward(&self, pictures: &Tensor) -> Result<Posterior, GanError> {
        check_shape("pictures", pictures, &[3, self.resolution, self.resolution])?;
        let features = self
            .stages
            .iter()
            .fold(pictures.shallow_clone(), |input, stage| {
                leaky(&stage.forward(&input))
            });
        let both = self.last.forward(&features.flatten(1, -1));
        let log_variance = both.narrow(1, self.latent_dim, self.latent_dim);
        Ok(Posterior {
            mean: both.narrow(1, 0, self.latent_dim),
            log_variance: log_variance.clamp(-MOST_LOG_VARIANCE, MOST_LOG_VARIANCE),
        })
    }
}

impl Posterior {
    /// A latent of each picture: `mean + deviation * noise`, with `noise [batch, latent_dim]` standard normal.
    ///
    /// # Errors
    /// Noise of another shape.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor, GanError> {
        check_shape("noise", noise, &self.mean.size()[1..])?;
        check_same_batch("noise", noise, self.mean.size()[0])?;
        Ok(&self.mean + (&self.log_variance * 0.5).exp() * noise)
    }

    /// The divergence from the standard normal in nats, summed over a latent's entries, mean over the batch.
    pub fn divergence(&self) -> Tensor {
        let each = self.mean.square() + self.log_variance.exp() - 1.0 - &self.log_variance;
        each.sum_dim_intlist([1_i64].as_slice(), false, Kind::Float)
            .mean(Kind::Float)
            * 0.5
    }
}

/// Mean squared distance of `drawn` and `real [batch, 3, side, side]`, plus the divergence by its weight per pixel value; a
/// weight of 1 is the evidence bound with a variance of 1/2.
///
/// # Errors
/// A weight that is no number of at least 0, or pictures of different shapes.
pub fn loss(
    drawn: &Tensor,
    real: &Tensor,
    posterior: &Posterior,
    divergence_weight: f64,
) -> Result<Tensor, GanError> {
    if !(divergence_weight.is_finite() && divergence_weight >= 0.0) {
        return Err(setting(
            "warm_start.divergence_weight",
            divergence_weight.to_string(),
            "at least 0".to_owned(),
        ));
    }
    check_shape("drawn", drawn, &real.size()[1..])?;
    check_same_batch("drawn", drawn, real.size()[0])?;
    let n_values: i64 = real.size()[1..].iter().product();
    let share = divergence_weight / n_values as f64;
    Ok(drawn.mse_loss(real, Reduction::Mean) + posterior.divergence() * share)
}
