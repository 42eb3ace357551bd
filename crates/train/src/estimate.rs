//! What a run would cost, found by taking a few of its steps: weights, pictures a second, memory.
//!
//! The steps are real ones on the run's first batches, a whole round of the lazy penalty, so that nothing is guessed but that
//! the rest goes on as it began. Nothing is written. Sheets, saves and logging come on top.

use std::sync::Arc;
use std::time::Instant;

use idiom_spec::experiment as spec;
use idiom_torch_ext::{accelerator_memory, keep_freed_memory, process_memory, set_n_threads};
use tch::Device;

use crate::TrainError;
use crate::contrastive::Contrastive;
use crate::meters::Means;
use crate::request::{Source, TrainRequest};
use crate::restyle::Restyle;
use crate::task::{Moment, Samples, Task};
use crate::text_to_image::TextToImage;

/// What a run would cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Numbers in each network, those that do not learn included, by its name.
    pub weights: Vec<(String, u64)>,
    /// Pictures a second.
    pub images_per_second: f64,
    /// The most memory that the process, or on an accelerator its tensors, has held so far, in bytes.
    pub peak_bytes: u64,
}

/// Takes a few steps of the run that was asked for and tells what they cost.
///
/// # Errors
/// The data set cannot be read, settings do not fit, or there is not enough memory.
pub fn estimate(request: &TrainRequest) -> Result<Estimate, TrainError> {
    set_n_threads(request.n_threads)?;
    keep_freed_memory()?;
    let source = Source::open(request)?;
    let guide = request.experiment.guide.as_ref();
    match request.experiment.task {
        spec::Task::TextToImage => {
            let first = guide.map_or(0, |guide| guide.images);
            of_task(request, TextToImage::new(request, &source)?, first)
        }
        spec::Task::Contrastive => of_task(request, Contrastive::new(request, &source)?, 0),
        spec::Task::Restyle => {
            let first = request.experiment.restyle.encoder.images;
            of_task(request, Restyle::new(request, &source)?, first)
        }
    }
}

/// The cost of the steps from `first` pictures seen on: the dearest part of a task that has several.
fn of_task<T: Task>(
    request: &TrainRequest,
    (mut task, samples): (T, Arc<T::Samples>),
    first: u64,
) -> Result<Estimate, TrainError> {
    let n_steps = request.experiment.objective.penalty.every.max(4);
    let mut step = |idx: u64| {
        let images_seen = first + idx * samples.batch_size();
        let batch = samples.batch(images_seen)?;
        let moment = Moment {
            images_seen,
            rate_scale: 1.0,
        };
        task.step(&batch, moment, &mut Means::default())
    };
    // The first round meets cold caches and the allocator's first requests.
    for idx in 0..n_steps {
        step(idx)?;
    }
    let begun = Instant::now();
    for idx in n_steps..2 * n_steps {
        step(idx)?;
    }
    let images = (n_steps * samples.batch_size()) as f64;
    Ok(Estimate {
        weights: weights(&task),
        images_per_second: images / begun.elapsed().as_secs_f64().max(1e-9),
        peak_bytes: peak_bytes(request.device),
    })
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
