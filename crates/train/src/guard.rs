//! What to do about a step whose loss or gradient is not finite. It only decides; the loop acts.
//!
//! One bad step may be chance: it is skipped. Several on end mean that the weights are lost: the last checkpoint comes back and
//! the step sizes are halved. That, too, is bounded: then the run stops and names the layer.

/// Bad steps on end before the last checkpoint is restored.
const SKIPS: u32 = 4;
/// Restorations in a run before it stops.
const RESTORATIONS: u32 = 3;

/// Counts bad steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Guard {
    skipped_on_end: u32,
    restorations: u32,
}

/// What the loop does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Leave the step out.
    Skip,
    /// Go back to the last checkpoint and halve the step sizes.
    Restore,
    /// Give up.
    Stop,
}

impl Guard {
    /// A step was finite.
    pub(crate) fn good(&mut self) {
        self.skipped_on_end = 0;
    }

    /// A step was not finite.
    pub(crate) fn bad(&mut self) -> Verdict {
        self.skipped_on_end += 1;
        if self.skipped_on_end < SKIPS {
            return Verdict::Skip;
        }
        self.skipped_on_end = 0;
        if self.restorations == RESTORATIONS {
            return Verdict::Stop;
        }
        self.restorations += 1;
        Verdict::Restore
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_bad_step_is_skipped_for_ever() {
        let mut guard = Guard::default();
        for _ in 0..100 {
            assert_eq!(guard.bad(), Verdict::Skip);
            guard.good();
        }
    }

    #[test]
    fn bad_steps_without_end_stop_the_run() {
        let mut guard = Guard::default();
        let verdicts: Vec<Verdict> = (0..16).map(|_| guard.bad()).collect();
        assert_eq!(
            verdicts
                .iter()
                .filter(|verdict| **verdict == Verdict::Restore)
                .count(),
            3
        );
        assert_eq!(verdicts[15], Verdict::Stop);
    }
}
