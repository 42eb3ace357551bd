//! Out of memory: noticed wherever it strikes, and answered with the batch that fits, found by trying.
//!
//! Networks call libtorch's functions that cannot fail but by a panic, so both an error and a panic may say it. What anything else
//! says is left alone.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use idiom_spec::experiment::Task;

use crate::TrainError;
use crate::estimate::take_steps;
use crate::ranks::Ranks;
use crate::request::TrainRequest;

/// Steps of a trial: the first one may have a penalty, the second meets what the first has kept.
const TRIAL_STEPS: u64 = 2;
/// The smallest batch: the discriminator compares groups of four.
const SMALLEST: u64 = 4;

/// What `work` gives, or `None` where the memory did not suffice for it.
pub(crate) fn watched<T>(
    work: impl FnOnce() -> Result<T, TrainError>,
) -> Option<Result<T, TrainError>> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Err(error)) if tells_of_memory(&error.to_string()) => None,
        Ok(result) => Some(result),
        Err(panic) => {
            let words = (panic.downcast_ref::<String>().map(String::as_str))
                .or_else(|| panic.downcast_ref::<&str>().copied());
            if words.is_some_and(tells_of_memory) {
                return None;
            }
            resume_unwind(panic)
        }
    }
}

/// The error that tells how many pictures at once fit into the memory there is: half as many as were asked for, or half of that, and
/// so on, each tried with fresh networks.
pub(crate) fn what_fits(request: &TrainRequest, ranks: &Ranks) -> TrainError {
    let train = &request.experiment.train;
    let share = ranks
        .share(train)
        .map_or(train.batch_size, |share| share.len);
    let at_once = share / train.accumulate;
    let halves = std::iter::successors(Some(at_once / 2), |n| Some(n / 2));
    let fits = halves
        .map(|n| n - n % SMALLEST)
        .take_while(|n| *n >= SMALLEST)
        // oneDNN has other words for it, so whatever stops a trial, it was too large.
        .find(|n| {
            let tried = catch_unwind(AssertUnwindSafe(|| trial(request, *n)));
            tried.is_ok_and(|steps| steps.is_ok())
        });
    let said = &request.experiment;
    let has_parts = said.task == Task::TextToImage && said.guide.is_none();
    TrainError::OutOfMemory {
        at_once,
        fits,
        // Parts of the contrastive terms are not the whole.
        in_parts: has_parts.then_some(share),
    }
}

fn trial(request: &TrainRequest, at_once: u64) -> Result<(), TrainError> {
    let mut smaller = request.clone();
    smaller.experiment.train.batch_size = at_once + spare(at_once);
    smaller.experiment.train.accumulate = 1;
    take_steps(&smaller, TRIAL_STEPS)
}

/// An eighth more, in whole groups: a run holds a little that two steps do not.
fn spare(at_once: u64) -> u64 {
    let eighth = at_once / 8;
    eighth - eighth % SMALLEST
}

/// Whether an error or a panic of libtorch says that memory is used up: its allocators for a CPU and for CUDA have their words for it,
/// and so has C++ itself.
#[must_use]
pub fn tells_of_memory(words: &str) -> bool {
    ["out of memory", "can't allocate memory", "bad_alloc"]
        .iter()
        .any(|sign| words.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_from_other_faults_by_error_and_by_panic() {
        let torch = |words: &str| {
            TrainError::Torch(idiom_torch_ext::TorchError::Libtorch(words.to_owned()))
        };
        assert!(watched::<()>(|| Err(torch("CUDA out of memory. Tried to"))).is_none());
        assert!(watched::<()>(|| panic!("DefaultCPUAllocator: can't allocate memory")).is_none());
        assert!(matches!(
            watched(|| Err::<(), _>(torch("another"))),
            Some(Err(_))
        ));
        assert!(matches!(watched(|| Ok(1)), Some(Ok(1))));
        let other = std::panic::catch_unwind(|| watched::<()>(|| panic!("another")));
        assert!(other.is_err());
    }
}
