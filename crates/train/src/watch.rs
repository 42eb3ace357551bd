//! Signs that a game of two networks has gone wrong, read off the figures as they are logged. It only decides; the loop tells.
//!
//! Domination: the discriminator puts nearly every pair of a real and a drawn picture in order, so that the generator hears nothing
//! new. Collapse: drawn pictures differ among themselves far less than real ones do. Both are told once, and again only after they
//! had passed. Tasks that log no such figures are not watched.

/// The share of pairs (real, drawn) that the discriminator puts in order, 0 to 1.
pub(crate) const ORDER: &str = "score/order";
/// The deviation among drawn pictures over that among the real ones they were drawn for, 0 to about 1.
pub(crate) const DIVERSITY: &str = "diversity/ratio";

/// From this share of pairs on the discriminator has won.
const WON: f64 = 0.998;
/// Below this ratio all drawn pictures are one.
const ONE_PICTURE: f64 = 0.1;
/// From this ratio on the generator has begun to draw different pictures; before, it is only young.
const GROWN: f64 = 0.25;
/// Entries on end that make a sign.
const ENTRIES: u32 = 6;

/// Counts entries on end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Watch {
    won_on_end: u32,
    collapsed_on_end: u32,
    is_grown: bool,
}

impl Watch {
    /// What is to be told after an entry of these figures.
    pub(crate) fn look(&mut self, figures: &[(&'static str, f64)]) -> Vec<&'static str> {
        let figure = |wanted| figures.iter().find(|(key, _)| *key == wanted);
        let mut told = Vec::new();
        if let Some((_, order)) = figure(ORDER) {
            self.won_on_end = next(self.won_on_end, *order >= WON);
            if self.won_on_end == ENTRIES {
                told.push(
                    "the discriminator tells every drawn picture from a real one, so that the generator learns little: raise \
                     `objective.penalty.gamma`, lower the discriminator's learning rate, or switch augmentation on",
                );
            }
        }
        if let Some((_, ratio)) = figure(DIVERSITY) {
            self.is_grown |= *ratio >= GROWN;
            self.collapsed_on_end = next(
                self.collapsed_on_end,
                self.is_grown && *ratio <= ONE_PICTURE,
            );
            if self.collapsed_on_end == ENTRIES {
                told.push(
                    "the drawn pictures have become nearly one picture (collapse): go back to an earlier save with lower \
                     learning rates or a higher `objective.penalty.gamma`",
                );
            }
        }
        told
    }
}

fn next(on_end: u32, is_sign: bool) -> u32 {
    if is_sign { on_end.saturating_add(1) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(entries: impl IntoIterator<Item = (&'static str, f64)>) -> usize {
        let mut watch = Watch::default();
        entries
            .into_iter()
            .map(|entry| watch.look(&[entry]).len())
            .sum()
    }

    #[test]
    fn a_discriminator_that_has_won_is_told_once() {
        assert_eq!(told((0..50).map(|_| (ORDER, 1.0))), 1);
        assert_eq!(told((0..50).map(|_| (ORDER, 0.97))), 0);
    }

    #[test]
    fn a_sign_that_passes_in_between_is_no_sign() {
        assert_eq!(
            told((0..50).map(|i| (ORDER, if i % 5 == 0 { 0.9 } else { 1.0 }))),
            0
        );
    }

    #[test]
    fn a_young_generator_has_not_collapsed() {
        assert_eq!(told((0..50).map(|_| (DIVERSITY, 0.02))), 0);
        let grown_then_one = (0..50).map(|i| (DIVERSITY, if i < 10 { 0.6 } else { 0.05 }));
        assert_eq!(told(grown_then_one), 1);
    }

    #[test]
    fn what_comes_back_is_told_again() {
        let waves = (0..40).map(|i| (ORDER, if (i / 10) % 2 == 0 { 1.0 } else { 0.5 }));
        assert_eq!(told(waves), 2);
    }
}
