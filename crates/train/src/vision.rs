//! The pre-trained picture network that an experiment may look through: to say how alike two pictures are, or as what the
//! discriminator sees. It is frozen; gradients flow through it to the pictures.

use std::path::PathBuf;

use idiom_encoders::{DEPTH_CHANNELS, MobileNet};
use idiom_gan::Sight;
use idiom_spec::experiment::{Experiment, Task, Trunk};
use tch::{Device, Tensor};

use crate::TrainError;

/// Pixels a cell of the maps, along a side.
pub(crate) const STRIDE: i64 = 4;

/// The network.
#[derive(Debug)]
pub(crate) struct Vision(MobileNet);

/// Whether an experiment looks through it.
pub(crate) fn is_asked_for(experiment: &Experiment) -> bool {
    experiment.task == Task::TextToImage
        && (experiment.objective.perceptual_weight > 0.0
            || experiment.discriminator.trunk == Trunk::MobilenetV2)
}

/// What a discriminator with this trunk is given.
#[must_use]
pub(crate) fn sight_of(trunk: Trunk) -> Sight {
    match trunk {
        Trunk::None => Sight::Pictures,
        Trunk::MobilenetV2 => Sight::Maps {
            channels: DEPTH_CHANNELS.iter().sum(),
            stride: STRIDE,
        },
    }
}

impl Vision {
    /// Reads it where the experiment asks for it; `folder` holds its weights.
    ///
    /// # Errors
    /// The weights are missing or damaged.
    pub(crate) fn open(
        experiment: &Experiment,
        folder: Option<&PathBuf>,
        device: Device,
    ) -> Result<Option<Self>, TrainError> {
        if !is_asked_for(experiment) {
            return Ok(None);
        }
        let folder = folder.ok_or(TrainError::NoVision)?;
        Ok(Some(Self(MobileNet::read(folder, device)?)))
    }

    /// The weights' hash.
    pub(crate) fn sha256(&self) -> &str {
        self.0.sha256()
    }

    /// Feature maps of `pictures [batch, 3, side, side]` in `[-1, 1]` at three depths.
    ///
    /// # Errors
    /// What libtorch throws.
    pub(crate) fn depths(&self, pictures: &Tensor) -> Result<Vec<Tensor>, TrainError> {
        Ok(self.0.depths(pictures)?)
    }

    /// The same as one map `[batch, 152, side / 4, side / 4]` ([`columns`]).
    ///
    /// # Errors
    /// What libtorch throws.
    pub(crate) fn maps(&self, pictures: &Tensor) -> Result<Tensor, TrainError> {
        columns(&self.depths(pictures)?, pictures.size()[3] / STRIDE)
    }
}

/// Maps of several depths as one of `side x side` cells, the deeper ones enlarged: each cell is seen at all depths (hypercolumns,
/// Hariharan et al. 2015, arXiv:1411.5752).
///
/// # Errors
/// What libtorch throws.
pub(crate) fn columns(depths: &[Tensor], side: i64) -> Result<Tensor, TrainError> {
    let enlarged = depths
        .iter()
        .map(|maps| maps.f_upsample_nearest2d([side, side], None, None));
    let enlarged: Vec<Tensor> = enlarged.collect::<Result<_, _>>()?;
    Ok(Tensor::f_cat(&enlarged, 1)?)
}
