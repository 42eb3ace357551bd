//! A discriminator that looks at the maps of a picture encoder at rest instead of pixels, beside the first: Projected GANs (Sauer et al. 2021,
//! arXiv:2111.01007), with the encoder that the run has learnt itself.
//!
//! The encoder's stages from a quarter of the picture's side down are one map, whose cells are seen at all depths
//! ([`crate::vision::columns`]). Its layers are bounded by spectral norm, as a penalty would hold its slope in the maps and not in the pictures. It is
//! as wide at any resolution. What it plays for is in `idiom-gan`; it is no part of a model.

use std::path::Path;

use idiom_gan::{
    Discriminator, DiscriminatorConfig, Encoded, GanError, Normalization, Sight, Stages,
};
use idiom_spec::experiment::Experiment;
use idiom_torch_ext::FusedAdam;
use tch::nn::VarStore;
use tch::{Device, Tensor};

use crate::TrainError;
use crate::checkpoint::TensorSets;
use crate::gradients::{Fault, checked_norm};
use crate::meters::Means;
use crate::players::{adam_config, restore_weights, weights};
use crate::vision::{STRIDE, columns};

/// Sets of its tensors.
const NETWORK: &str = "projected";
const ADAM: &str = "projected_adam";

/// Channels after the first halving; after the others there are twice as many.
const WIDTH: i64 = 48;
/// Length of the feature vector that both heads read.
const FEATURE_DIM: i64 = 192;
/// Least side of its maps.
const LEAST_SIDE: i64 = 8;

/// The discriminator and what moves it.
#[derive(Debug)]
pub(crate) struct Projected {
    /// Judges maps.
    pub(crate) judge: Discriminator,
    adam: FusedAdam,
    store: VarStore,
}

/// What a run says of it.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// The key of its weight, and the weight: 0 for none.
    pub(crate) weight: (&'static str, f64),
    /// Channels after each of the encoder's halvings.
    pub(crate) encoder_channels: &'a [i64],
    /// Length of the vectors that pictures are to fit.
    pub(crate) text_dim: i64,
}

impl Asked<'_> {
    /// Its shape for pictures of `resolution` pixels a side, where it is asked for.
    ///
    /// # Errors
    /// Pictures too small.
    pub(crate) fn config(&self, resolution: i64) -> Result<Option<DiscriminatorConfig>, GanError> {
        let (key, weight) = self.weight;
        if weight <= 0.0 {
            return Ok(None);
        }
        let side = resolution / STRIDE;
        if side < LEAST_SIDE {
            return Err(GanError::Combination {
                first: format!("{key}: {weight}"),
                second: format!("resolution: {resolution}"),
                reason: "the maps have a quarter of the picture's side, and a discriminator needs 8x8 or more",
            });
        }
        let coarse = &self.encoder_channels[STRIDE.ilog2() as usize - 1..];
        let n_halvings = (side / LEAST_SIDE).ilog2() + 1;
        Ok(Some(DiscriminatorConfig {
            resolution,
            sight: Sight::Maps {
                channels: coarse.iter().sum(),
                stride: STRIDE,
            },
            text_dim: self.text_dim,
            stages: Stages::Plain,
            normalization: Normalization::Spectral,
            channels: (0..n_halvings).map(|idx| WIDTH << idx.min(1)).collect(),
            feature_dim: FEATURE_DIM,
        }))
    }
}

impl Projected {
    /// A fresh one, where it is asked for; it is moved as the first discriminator is.
    ///
    /// # Errors
    /// Pictures too small, or no memory on the device.
    pub(crate) fn new(
        asked: &Asked<'_>,
        experiment: &Experiment,
        device: Device,
    ) -> Result<Option<Self>, TrainError> {
        let Some(config) = asked.config(experiment.resolution)? else {
            return Ok(None);
        };
        let store = VarStore::new(device);
        let path = store.root() / NETWORK;
        let judge = Discriminator::new(&path, &config, experiment.train.seed)?;
        let adam = adam_config(&experiment.optimizer.discriminator);
        Ok(Some(Self {
            judge,
            adam: FusedAdam::over(&store, adam)?,
            store,
        }))
    }

    /// The gradients of its loss.
    ///
    /// # Errors
    /// What libtorch throws.
    pub(crate) fn gradients(&self, loss: &Tensor) -> Result<Vec<Tensor>, TrainError> {
        Ok(self.adam.gradients(loss)?)
    }

    /// Moves it; gives the layer where a gradient is not finite, and then does not.
    ///
    /// # Errors
    /// What libtorch throws.
    pub(crate) fn step(
        &mut self,
        gradients: &[Tensor],
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        let (norm, fault) = checked_norm(gradients, &self.adam)?;
        if fault.is_none() {
            self.adam.step(gradients)?;
            means.add("gradient/projected", norm);
        }
        Ok(fault)
    }

    /// Sets its step size.
    ///
    /// # Errors
    /// A rate that is not above 0.
    pub(crate) fn set_rate(&mut self, rate: f64) -> Result<(), TrainError> {
        Ok(self.adam.set_learning_rate(rate)?)
    }

    /// Adds all tensors that must be saved.
    pub(crate) fn add_tensors(&self, sets: &mut TensorSets) {
        sets.insert(NETWORK.to_owned(), weights(&self.store));
        sets.insert(ADAM.to_owned(), self.adam.state());
    }

    /// Takes over what was saved; `folder` is named in messages.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub(crate) fn restore(&mut self, saved: &TensorSets, folder: &Path) -> Result<(), TrainError> {
        restore_weights(&[(NETWORK, &self.store)], saved, folder)?;
        Ok(self
            .adam
            .load_state(saved.get(ADAM).map_or(&[], Vec::as_slice))?)
    }
}

/// What it is given of pictures of `resolution` pixels a side that an encoder has seen: `[n, channels, resolution / 4, resolution / 4]`.
///
/// # Errors
/// What libtorch throws.
pub(crate) fn maps(seen: &Encoded, resolution: i64) -> Result<Tensor, TrainError> {
    let side = resolution / STRIDE;
    let first = (seen.stages).partition_point(|stage| stage.size()[3] > side);
    columns(&seen.stages[first..], side)
}
