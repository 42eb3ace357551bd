//! From the words of an experiment to the settings of `idiom-gan`, and what cannot go together.

use idiom_gan::{AdaptiveConfig, Adversarial, GanError, Objective, Penalty};
use idiom_spec::experiment::{Experiment, Fading, ObjectiveKind, PenaltyKind};

/// The objective in the terms of the networks' crate.
pub(super) fn objective_of(experiment: &Experiment) -> Objective {
    let said = &experiment.objective;
    Objective {
        adversarial: match said.kind {
            ObjectiveKind::Relativistic => Adversarial::Relativistic,
            ObjectiveKind::Hinge => Adversarial::Hinge,
            ObjectiveKind::NonSaturating => Adversarial::NonSaturating,
            ObjectiveKind::Wasserstein => Adversarial::Wasserstein,
        },
        mismatch: said.mismatch,
        penalty: match said.penalty.kind {
            PenaltyKind::None => None,
            PenaltyKind::R1 => Some(Penalty::R1),
            PenaltyKind::R2 => Some(Penalty::R2),
            PenaltyKind::R1AndR2 => Some(Penalty::R1AndR2),
            PenaltyKind::MatchingAware => Some(Penalty::MatchingAware {
                exponent: said.penalty.exponent,
            }),
            PenaltyKind::Slope => Some(Penalty::Slope),
        },
    }
}

/// How augmentation adapts, where it does.
///
/// # Errors
/// There is nothing to adapt.
pub(super) fn adaptive_of(experiment: &Experiment) -> Result<Option<AdaptiveConfig>, GanError> {
    let said = &experiment.augment;
    let Some(adaptive) = &said.adaptive else {
        return Ok(None);
    };
    if said.translation == 0.0 && said.cutout == 0.0 && said.colour == 0.0 {
        return Err(GanError::Combination {
            first: "augment.adaptive".to_owned(),
            second: "augment: none".to_owned(),
            reason: "only augmentations that are switched on can happen more or less often",
        });
    }
    let config = AdaptiveConfig {
        target: adaptive.target,
        rise_images: adaptive.rise_images as f64,
    };
    config.check()?;
    Ok(Some(config))
}

/// What a guide says can fade only over some pictures, and which of it fades matters only where something does.
///
/// # Errors
/// It is to fade over none, or a choice of what fades goes with no fade.
pub(super) fn check_fade(experiment: &Experiment) -> Result<(), GanError> {
    match &experiment.guide {
        Some(guide) if guide.fade < 1.0 && guide.fade_images == 0 => Err(GanError::Combination {
            first: format!("guide.fade: {}", guide.fade),
            second: "guide.fade_images: 0".to_owned(),
            reason: "weights fall evenly over pictures of the game, and here there is none to fall over",
        }),
        Some(guide) if guide.fade == 1.0 && guide.fading != Fading::All => {
            Err(GanError::Combination {
                first: "guide.fading".to_owned(),
                second: "guide.fade: 1".to_owned(),
                reason: "nothing fades here; a share below 1 says how far",
            })
        }
        _ => Ok(()),
    }
}

/// The game must begin before the run ends.
///
/// # Errors
/// The warm start is the whole run.
pub(super) fn check_warm_start(experiment: &Experiment) -> Result<(), GanError> {
    let (warm, images) = (&experiment.warm_start, experiment.train.images);
    match warm {
        Some(warm) if warm.images >= images => Err(GanError::Setting {
            key: "warm_start.images".to_owned(),
            found: warm.images.to_string(),
            allowed: format!("fewer than the run's {images} pictures, or no one ever judges"),
        }),
        _ => Ok(()),
    }
}
