//! What is read off a step: figures for the log, and how far apart drawn and real colours are.

use idiom_gan::DiscriminatorTerms;
use tch::{Kind, Tensor};

use crate::gradients::mean;
use crate::meters::Means;
use crate::watch::{DIVERSITY, ORDER};

/// Side to which drawn and real pictures are pooled for the colour term.
const COLOUR_SIDE: i64 = 8;

/// Adds the figures of one part of the discriminator's step, whose drawn and real pictures are given. Those that watch the game cost a
/// pass over the pictures, and so come with the penalty only.
pub(super) fn add(terms: &DiscriminatorTerms, [fake, real]: [&Tensor; 2], means: &mut Means) {
    let scores = &terms.scores;
    means.add("loss/discriminator", mean(&terms.adversarial));
    means.add("score/real", mean(&scores.real));
    means.add("score/fake", mean(&scores.fake));
    means.add("score/mismatch", mean(&scores.mismatch));
    means.add(
        ORDER,
        mean(&scores.real.gt_tensor(&scores.fake).to_kind(Kind::Float)),
    );
    if let Some(penalty) = &terms.penalty {
        means.add("penalty/value", mean(penalty));
        means.add(DIVERSITY, deviation(fake) / deviation(real).max(1e-6));
    }
}

/// Adds the figures of the discriminator over a guide's maps.
pub(super) fn add_projected(terms: &DiscriminatorTerms, means: &mut Means) {
    let scores = &terms.scores;
    means.add("projected/real", mean(&scores.real));
    means.add("projected/fake", mean(&scores.fake));
    means.add("projected/mismatch", mean(&scores.mismatch));
}

/// How much the pictures of a batch differ among themselves: the root of the mean variance of a pixel.
fn deviation(pictures: &Tensor) -> f64 {
    let variance = pictures.detach().var_dim([0_i64].as_slice(), false, false);
    mean(&variance).sqrt()
}

/// Mean absolute difference of two batches of pictures `[n, 3, side, side]`, both averaged over the cells of an 8x8 grid.
pub(super) fn colour_distance(drawn: &Tensor, real: &Tensor) -> Tensor {
    let pooled = |pictures: &Tensor| pictures.adaptive_avg_pool2d([COLOUR_SIDE, COLOUR_SIDE]);
    (pooled(drawn) - pooled(real)).abs().mean(Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn the_colour_term_compares_averages_not_pixels() {
        // A chequerboard and a plain grey have the same average in every cell of the grid.
        let plain = Tensor::zeros([1, 3, 16, 16], (Kind::Float, Device::Cpu));
        let board = (Tensor::arange(256, (Kind::Float, Device::Cpu)).view([1, 1, 16, 16]))
            .expand([1, 3, 16, 16], false);
        let board = (board.remainder(2.0) - 0.5) * 2.0;
        assert!(colour_distance(&board, &plain).double_value(&[]).abs() < 1e-6);
        assert!(
            (colour_distance(&(plain.shallow_clone() + 0.25), &plain).double_value(&[]) - 0.25)
                .abs()
                < 1e-6
        );
    }

    #[test]
    fn one_picture_over_and_over_has_no_deviation() {
        let one = Tensor::rand([1, 3, 8, 8], (Kind::Float, Device::Cpu));
        assert!(deviation(&one.repeat([4, 1, 1, 1])) < 1e-6);
        let two = Tensor::cat(&[one.zeros_like(), one.ones_like()], 0);
        assert!((deviation(&two) - 0.5).abs() < 1e-6);
    }
}
