//! What a run would cost, found by taking a few of its steps: weights, pictures a second, memory; and what its loader brings when
//! nobody learns.
//!
//! The steps are real ones on the run's first batches, a whole round of the lazy penalty, so that nothing is guessed but that
//! the rest goes on as it began. Nothing is written. Sheets, saves and logging come on top.

use std::sync::Arc;
use std::time::{Duration, Instant};

use idiom_torch_ext::{accelerator_memory, process_memory};
use tch::Device;

use crate::loader::Loader;
use crate::meters::Means;
use crate::ranks::Ranks;
use crate::request::{Source, TrainRequest, with_task};
use crate::room;
use crate::task::{Moment, Samples, Task, Work};
use crate::{Event, TrainError, check};

/// What a run would cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Numbers in each network, those that do not learn included, by its name.
    pub weights: Vec<(String, u64)>,
    /// Pictures a second.
    pub images_per_second: f64,
    /// Pictures a second that one loader thread brings; those steps wait for it, a training does not.
    pub loaded_per_second: f64,
    /// The most memory that the process, or on an accelerator its tensors, has held so far, in bytes.
    pub peak_bytes: u64,
}

/// Takes a few steps of the run that was asked for and tells what they cost.
///
/// # Errors
/// The data set cannot be read, settings do not fit, or there is not enough memory.
pub fn estimate(request: &TrainRequest) -> Result<Estimate, TrainError> {
    check(&request.experiment)?;
    request.prepare_torch()?;
    room::watched(|| of_request(request, &Measure(request.device)))
        .unwrap_or_else(|| Err(room::what_fits(request, &Ranks::default())))
}

/// Brings the run's first `images` pictures through its own loader, threads and all, and learns nothing from them. `on` hears of an
/// advance of 0 before the first batch, then of each batch.
///
/// # Errors
/// The data set cannot be read, or settings do not fit.
pub fn load(request: &TrainRequest, images: u64, on: &dyn Fn(Event)) -> Result<(), TrainError> {
    of_request(
        request,
        &Load {
            request,
            images,
            on,
        },
    )
}

/// Takes the first steps of a run's dearest part; keeps nothing.
///
/// # Errors
/// As [`estimate`].
pub(crate) fn take_steps(request: &TrainRequest, n_steps: u64) -> Result<(), TrainError> {
    of_request(request, &Take(n_steps))
}

fn of_request<W: Work>(request: &TrainRequest, work: &W) -> Result<W::Done, TrainError> {
    with_task(request, &Source::open(request)?, work)
}

/// Takes so many steps.
struct Take(u64);

impl Work for Take {
    type Done = ();

    fn on<T: Task>(&self, mut task: T, samples: Arc<T::Samples>) -> Result<(), TrainError> {
        (0..self.0).try_for_each(|idx| step(&mut task, &samples, idx).map(drop))
    }
}

/// Takes batches and lets go of them.
struct Load<'a> {
    request: &'a TrainRequest,
    images: u64,
    on: &'a dyn Fn(Event),
}

impl Work for Load<'_> {
    type Done = ();

    fn on<T: Task>(&self, _: T, samples: Arc<T::Samples>) -> Result<(), TrainError> {
        let options = &self.request.experiment.loader;
        (self.on)(Event::Advanced(0));
        let mut loader = Loader::start(&samples, 0, options.workers, options.prefetch)?;
        for _ in 0..self.images / samples.batch_size() {
            loader.next()?;
            (self.on)(Event::Advanced(samples.batch_size()));
        }
        Ok(())
    }
}

/// Measures steps on a device, after as many that are not measured: those meet cold caches and the allocator's first requests.
struct Measure(Device);

impl Work for Measure {
    type Done = Estimate;

    fn on<T: Task>(&self, mut task: T, samples: Arc<T::Samples>) -> Result<Estimate, TrainError> {
        let n_steps = task.round();
        for idx in 0..n_steps {
            step(&mut task, &samples, idx)?;
        }
        let (begun, mut loading) = (Instant::now(), Duration::ZERO);
        for idx in n_steps..2 * n_steps {
            loading += step(&mut task, &samples, idx)?;
        }
        let per_second =
            |time: Duration| (n_steps * samples.batch_size()) as f64 / time.as_secs_f64().max(1e-9);
        Ok(Estimate {
            weights: weights(&task),
            images_per_second: per_second(begun.elapsed()),
            loaded_per_second: per_second(loading),
            peak_bytes: peak_bytes(self.0),
        })
    }
}

/// Takes step `idx` of the task's dearest part; gives how long its pictures took to come.
fn step<T: Task>(task: &mut T, samples: &T::Samples, idx: u64) -> Result<Duration, TrainError> {
    let images_seen = task.dearest_from() + idx * samples.batch_size();
    let begun = Instant::now();
    let batch = samples.batch(images_seen)?;
    let loading = begun.elapsed();
    let moment = Moment {
        images_seen,
        rate_scale: 1.0,
    };
    task.step(&batch, moment, &mut Means::default())?;
    Ok(loading)
}

fn weights(task: &impl Task) -> Vec<(String, u64)> {
    task.tensors()
        .iter()
        .filter(|(set, _)| !set.ends_with("_adam") && *set != "average")
        .map(|(set, tensors)| {
            let count = tensors.iter().map(|(_, tensor)| tensor.numel() as u64);
            (set.clone(), count.sum())
        })
        .collect()
}

fn peak_bytes(device: Device) -> u64 {
    if let Device::Cuda(idx) = device {
        return accelerator_memory(idx).map_or(0, |memory| memory.peak_bytes);
    }
    process_memory().map_or(0, |memory| memory.peak_bytes)
}
