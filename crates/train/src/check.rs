//! What an experiment's file alone says of it: whether its networks and what they play for can be had, and together. It needs no data, so that
//! nobody waits for pictures and vectors to be told.

use idiom_gan::{GanError, PictureEncoderConfig};
use idiom_spec::experiment::{Experiment, Task};

use crate::contrastive::learner;
use crate::{TrainError, restyle, text_to_image};

/// Checks the shapes of an experiment's networks and its combinations.
///
/// # Errors
/// The first that cannot be had, by its key.
pub fn check(experiment: &Experiment) -> Result<(), TrainError> {
    match experiment.task {
        Task::Contrastive => {
            let shape = learner::encoder_config(experiment);
            Ok(picture_encoder(&shape, "contrastive")?)
        }
        Task::TextToImage => text_to_image::check(experiment),
        Task::Restyle => restyle::check(experiment),
    }
}

/// Checks a picture encoder whose settings stand under `place` in the file.
///
/// # Errors
/// As [`PictureEncoderConfig::check`], by the file's key.
pub(crate) fn picture_encoder(shape: &PictureEncoderConfig, place: &str) -> Result<(), GanError> {
    shape.check().map_err(|error| match error {
        GanError::Setting {
            key,
            found,
            allowed,
        } => GanError::Setting {
            key: key.replacen("picture_encoder", place, 1),
            found,
            allowed,
        },
        error => error,
    })
}
