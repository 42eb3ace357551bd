//! Which loss with which penalty, checked to make sense together, and the terms of one step.
//!
//! [`Objective`] is plain settings. [`discriminator_terms`] and [`generator_terms`] compose networks, loss and penalty; optimisers,
//! schedules and the lazy penalty's counting are the caller's, and so are augmentation and the texts' noise.

use crate::config::setting;
use crate::error::check_same_batch;
use crate::losses::Adversarial;
use crate::minibatch::{check_groups, mismatched};
use crate::penalties::{
    Penalty, matching_aware::matching_aware, slope, zero_centred::zero_centred,
};
use crate::scores::Scores;
use crate::{Discriminator, GanError};
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// What generator and discriminator play for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Objective {
    /// The loss of the scores.
    pub adversarial: Adversarial,
    /// Weight of real pictures with other pictures' texts, from 0 (off) to 1.
    pub mismatch: f64,
    /// The penalty on the discriminator's gradient, if any.
    pub penalty: Option<Penalty>,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            adversarial: Adversarial::Relativistic,
            mismatch: 0.5,
            penalty: Some(Penalty::R1AndR2),
        }
    }
}

impl Objective {
    /// DF-GAN's: hinge, mismatched pairs and the matching-aware penalty (its weight is 2).
    #[must_use]
    pub fn df_gan() -> Self {
        Self {
            adversarial: Adversarial::Hinge,
            mismatch: 0.5,
            penalty: Some(Penalty::MatchingAware { exponent: 6.0 }),
        }
    }

    /// Checks the settings, each and together.
    ///
    /// # Errors
    /// A weight outside its range, or a loss and a penalty that contradict each other, with the reason.
    pub fn check(&self) -> Result<(), GanError> {
        if !(0.0..=1.0).contains(&self.mismatch) {
            return Err(setting(
                "objective.mismatch",
                self.mismatch.to_string(),
                "from 0 to 1".to_owned(),
            ));
        }
        if let Some(Penalty::MatchingAware { exponent }) = self.penalty
            && !(1.0..=12.0).contains(&exponent)
        {
            return Err(setting(
                "objective.penalty.exponent",
                exponent.to_string(),
                "from 1 to 12".to_owned(),
            ));
        }
        match self.contradiction() {
            Some(reason) => Err(GanError::Combination {
                first: format!("adversarial: {}", self.adversarial.name()),
                second: format!("penalty: {}", self.penalty.map_or("none", Penalty::name)),
                reason,
            }),
            None => Ok(()),
        }
    }

    fn contradiction(&self) -> Option<&'static str> {
        use Adversarial::{Relativistic, Wasserstein};
        match (self.adversarial, self.penalty) {
            (Wasserstein, Some(Penalty::Slope)) => None,
            (Wasserstein, Some(Penalty::MatchingAware { .. })) => Some(
                "the matching-aware penalty flattens the critic at real pairs, where the Wasserstein distance needs a slope of one",
            ),
            (Wasserstein, Some(_)) => Some(
                "a zero-centred penalty flattens the critic, where the Wasserstein distance needs a slope of one: take `slope`",
            ),
            (Wasserstein, None) => Some("without `slope` the critic's scores grow without bound"),
            (_, Some(Penalty::Slope)) => Some(
                "a slope of one is the optimum of the Wasserstein distance only; this loss needs a flat discriminator at the data",
            ),
            (Relativistic, None | Some(Penalty::R1 | Penalty::R2)) => Some(
                "the relativistic loss compares pairs, so it converges only with both sides held flat: take `r1_and_r2`",
            ),
            (Relativistic, Some(Penalty::MatchingAware { .. })) => Some(
                "the matching-aware penalty holds the real side only, and the relativistic loss needs both: take `r1_and_r2`",
            ),
            _ => None,
        }
    }
}

/// One batch as the discriminator sees it: already augmented, the fake pictures cut off from the generator.
#[derive(Debug)]
pub struct Batch<'a> {
    /// Real pictures `[batch, 3, side, side]`.
    pub real: &'a Tensor,
    /// Generated pictures of the same shape, for the same texts, without a graph.
    pub fake: &'a Tensor,
    /// The texts of both, `[batch, text_dim]`, unit variance per entry.
    pub text: &'a Tensor,
    /// Any number that differs from step to step: it picks whose text each real picture is mismatched with.
    pub shift: u64,
    /// Shares `[batch]` in `[0, 1)`, read by [`Penalty::Slope`] only.
    pub share: Option<&'a Tensor>,
}

/// What the discriminator's step yields.
#[derive(Debug)]
pub struct DiscriminatorTerms {
    /// The scalar to differentiate: adversarial loss plus weighted penalty.
    pub loss: Tensor,
    /// The adversarial part alone, detached.
    pub adversarial: Tensor,
    /// The penalty before its weight, detached; `None` on steps without it.
    pub penalty: Option<Tensor>,
    /// The scores, detached.
    pub scores: Scores,
}

/// The discriminator's loss on a batch; `penalty_weight` is `None` on the steps that leave the penalty out.
///
/// Real and generated pictures go through the network together; groups of 4 keep them apart.
///
/// # Errors
/// Tensors of another shape, a batch that is no multiple of 4, or a missing `share`.
pub fn discriminator_terms(
    discriminator: &Discriminator,
    objective: &Objective,
    batch: &Batch<'_>,
    penalty_weight: Option<f64>,
) -> Result<DiscriminatorTerms, GanError> {
    check_groups("real", batch.real)?;
    check_same_batch("fake", batch.fake, batch.real.size()[0])?;
    let due = objective.penalty.zip(penalty_weight);
    let inputs = Inputs::new(batch, due.map(|(penalty, _)| penalty));
    let scores = inputs.scores(discriminator, batch.shift)?;
    let adversarial = objective
        .adversarial
        .discriminator(&scores, objective.mismatch);
    let (loss, penalty) = match due {
        None => (adversarial.shallow_clone(), None),
        Some((penalty, weight)) => {
            let value = inputs.penalty(penalty, discriminator, &scores, batch.share)?;
            (&adversarial + &value * weight, Some(value.detach()))
        }
    };
    Ok(DiscriminatorTerms {
        loss,
        adversarial: adversarial.detach(),
        penalty,
        scores: scores.detached(),
    })
}

/// What the generator's step yields.
#[derive(Debug)]
pub struct GeneratorTerms {
    /// The scalar to differentiate.
    pub loss: Tensor,
    /// Scores of the generated pictures `[batch]`, detached.
    pub fake: Tensor,
}

/// The generator's loss: `fake` are its pictures with their graph, augmented as the discriminator's were; `real_scores [batch]`
/// are the real pictures' scores ([`DiscriminatorTerms::scores`], or fresh ones), which only the relativistic loss reads.
///
/// # Errors
/// Tensors of another shape, or a batch that is no multiple of 4.
pub fn generator_terms(
    discriminator: &Discriminator,
    objective: &Objective,
    fake: &Tensor,
    text: &Tensor,
    real_scores: &Tensor,
) -> Result<GeneratorTerms, GanError> {
    check_same_batch("real_scores", real_scores, fake.size()[0])?;
    let scores = discriminator.score(&discriminator.features(fake)?, text)?;
    let loss = objective
        .adversarial
        .generator(&scores, &real_scores.detach());
    Ok(GeneratorTerms {
        loss,
        fake: scores.detach(),
    })
}

/// A batch as leaves of the discriminator's graph; those that the penalty looks at require gradients.
struct Inputs {
    real: Tensor,
    fake: Tensor,
    text: Tensor,
}

impl Inputs {
    fn new(batch: &Batch<'_>, due: Option<Penalty>) -> Self {
        let leaf = |tensor: &Tensor, watched: bool| tensor.detach().set_requires_grad(watched);
        Self {
            real: leaf(
                batch.real,
                matches!(
                    due,
                    Some(Penalty::R1 | Penalty::R1AndR2 | Penalty::MatchingAware { .. })
                ),
            ),
            fake: leaf(
                batch.fake,
                matches!(due, Some(Penalty::R2 | Penalty::R1AndR2)),
            ),
            text: leaf(
                batch.text,
                matches!(due, Some(Penalty::MatchingAware { .. })),
            ),
        }
    }

    fn scores(&self, discriminator: &Discriminator, shift: u64) -> Result<Scores, GanError> {
        let n = self.real.size()[0];
        let features = discriminator.features(&Tensor::cat(&[&self.real, &self.fake], 0))?;
        let (real, fake) = (features.narrow(0, 0, n), features.narrow(0, n, n));
        Ok(Scores {
            real: discriminator.score(&real, &self.text)?,
            fake: discriminator.score(&fake, &self.text)?,
            mismatch: discriminator.score(&real, &mismatched(&self.text.detach(), shift)?)?,
        })
    }

    fn penalty(
        &self,
        penalty: Penalty,
        discriminator: &Discriminator,
        scores: &Scores,
        share: Option<&Tensor>,
    ) -> Result<Tensor, GanError> {
        match penalty {
            Penalty::R1 => Ok(zero_centred(&scores.real, &[&self.real])),
            Penalty::R2 => Ok(zero_centred(&scores.fake, &[&self.fake])),
            Penalty::R1AndR2 => Ok(zero_centred(
                &Tensor::cat(&[&scores.real, &scores.fake], 0),
                &[&self.real, &self.fake],
            )),
            Penalty::MatchingAware { exponent } => Ok(matching_aware(
                &scores.real,
                &self.real,
                &self.text,
                exponent,
            )),
            Penalty::Slope => {
                let Some(share) = share else {
                    return Err(setting(
                        "batch.share",
                        "missing".to_owned(),
                        "given for the penalty `slope`".to_owned(),
                    ));
                };
                let mixture = slope::between(&self.real, &self.fake, share);
                let scores = discriminator.score(&discriminator.features(&mixture)?, &self.text)?;
                Ok(slope::slope(&scores, &mixture))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Adversarial, Objective, Penalty};

    #[test]
    fn the_two_recipes_pass_their_own_checks() {
        assert!(Objective::default().check().is_ok());
        assert!(Objective::df_gan().check().is_ok());
    }

    #[test]
    fn wasserstein_with_the_matching_aware_penalty_says_why_not() {
        let objective = Objective {
            adversarial: Adversarial::Wasserstein,
            ..Objective::df_gan()
        };
        assert_eq!(
            objective.check().unwrap_err().to_string(),
            "`adversarial: wasserstein` cannot go with `penalty: matching_aware`: the matching-aware penalty flattens the critic at \
             real pairs, where the Wasserstein distance needs a slope of one"
        );
    }

    #[test]
    fn each_loss_has_at_least_one_penalty_it_goes_with() {
        let penalties = [
            Penalty::R1,
            Penalty::R2,
            Penalty::R1AndR2,
            Penalty::MatchingAware { exponent: 6.0 },
            Penalty::Slope,
        ]
        .map(Some);
        let losses = [
            Adversarial::Relativistic,
            Adversarial::Hinge,
            Adversarial::NonSaturating,
            Adversarial::Wasserstein,
        ];
        let n_allowed = losses.map(|adversarial| {
            let allowed = |penalty: &&Option<Penalty>| {
                Objective {
                    adversarial,
                    mismatch: 0.5,
                    penalty: **penalty,
                }
                .check()
                .is_ok()
            };
            penalties.iter().filter(allowed).count()
        });
        assert_eq!(n_allowed, [1, 4, 4, 1]);
    }

    #[test]
    fn a_weight_that_is_no_number_is_refused() {
        assert!(
            Objective {
                mismatch: f64::NAN,
                ..Objective::default()
            }
            .check()
            .is_err()
        );
    }
}
