//! What changes while a run goes on, as functions of the pictures seen. Nothing here depends on the run's length, so that
//! a run that is made longer goes on as if it had been so from the start.

use idiom_spec::experiment::{Adam, Penalty};

/// Strength of the penalty: from `gamma` to `gamma_final` in equal ratios, or in equal differences where one of them is 0.
#[must_use]
pub(crate) fn gamma(penalty: &Penalty, images_seen: u64) -> f64 {
    let progress = (images_seen as f64 / penalty.anneal_images as f64).min(1.0);
    let (first, last) = (penalty.gamma, penalty.gamma_final);
    if first > 0.0 && last > 0.0 {
        return first * (last / first).powf(progress);
    }
    first + (last - first) * progress
}

/// Step size: rises evenly from 0 over `warmup_images`, then stays; never quite 0, which Adam refuses.
#[must_use]
pub(crate) fn learning_rate(adam: &Adam, images_seen: u64, batch_size: u64) -> f64 {
    if images_seen >= adam.warmup_images {
        return adam.learning_rate;
    }
    let reached = (images_seen + batch_size).min(adam.warmup_images);
    adam.learning_rate * reached as f64 / adam.warmup_images as f64
}

/// What is left of the step size: half a cosine from 1 to nearly 0 over `cooldown_images`, never quite 0; 1 throughout for 0.
#[must_use]
pub(crate) fn cooldown(cooldown_images: u64, images_seen: u64) -> f64 {
    if cooldown_images == 0 {
        return 1.0;
    }
    let progress = (images_seen as f64 / cooldown_images as f64).min(1.0);
    (0.5 + 0.5 * (std::f64::consts::PI * progress).cos()).max(1e-4)
}

/// What is left of a weight that falls evenly from 1 to `left` over `fade_images` and then stays; 1 throughout for 0.
#[must_use]
pub(crate) fn fade(left: f64, fade_images: u64, images_seen: u64) -> f64 {
    if fade_images == 0 {
        return 1.0;
    }
    let progress = (images_seen as f64 / fade_images as f64).min(1.0);
    1.0 - (1.0 - left) * progress
}

/// Whether something that happens each `every` pictures falls due in the step that ends at `images_seen`.
#[must_use]
pub(crate) fn is_due(every: u64, images_seen: u64, batch_size: u64) -> bool {
    images_seen / every > images_seen.saturating_sub(batch_size) / every
}

#[cfg(test)]
mod tests {
    use super::*;
    use idiom_spec::experiment::defaults;

    fn penalty(gamma: f64, gamma_final: f64) -> Penalty {
        Penalty {
            gamma,
            gamma_final,
            anneal_images: 1000,
            ..Penalty::default()
        }
    }

    #[test]
    fn gamma_moves_in_equal_ratios_and_then_stays() {
        let penalty = penalty(8.0, 2.0);
        assert_eq!(super::gamma(&penalty, 0), 8.0);
        assert!((super::gamma(&penalty, 500) - 4.0).abs() < 1e-12);
        assert!((super::gamma(&penalty, 5000) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn gamma_from_zero_moves_in_equal_differences() {
        assert!((super::gamma(&penalty(0.0, 2.0), 500) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_weight_fades_evenly_and_then_stays() {
        for (seen, left) in [(0, 1.0), (50, 0.6), (100, 0.2), (500, 0.2)] {
            assert!((fade(0.2, 100, seen) - left).abs() < 1e-12, "{seen}");
        }
        assert_eq!(fade(0.2, 0, 500), 1.0);
    }

    #[test]
    fn warmup_ends_at_the_full_rate() {
        let adam = Adam {
            warmup_images: 320,
            ..defaults::generator_adam()
        };
        assert!((learning_rate(&adam, 0, 32) - 1e-4).abs() < 1e-12);
        assert_eq!(learning_rate(&adam, 320, 32), 1e-3);
    }

    #[test]
    fn a_cooldown_is_half_way_at_half_its_length() {
        assert!((cooldown(1000, 500) - 0.5).abs() < 1e-12);
        assert_eq!(cooldown(1000, 0), 1.0);
        assert_eq!(cooldown(1000, 9000), 1e-4);
        assert_eq!(cooldown(0, 9000), 1.0);
    }

    #[test]
    fn due_times_do_not_drift_when_the_batch_does_not_divide_them() {
        let due: Vec<u64> = (1..=10)
            .map(|step| step * 32)
            .filter(|images| is_due(100, *images, 32))
            .collect();
        assert_eq!(due, [128, 224, 320]);
    }
}
