//! The loop: batch after batch, with saves, sheets and figures in between, until the length is reached or someone asks to stop.
//!
//! The loop's own state is the number of pictures seen; all else follows from it, the settings and the tensors in
//! [`Players`]. So going on after a save is the same as never having stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use idiom_spec::experiment::Experiment;
use tch::Device;

use crate::checkpoint::{self, Progress};
use crate::gradients::Fault;
use crate::guard::{Guard, Verdict};
use crate::loader::Loader;
use crate::machine::Machine;
use crate::meters::{Means, Pace};
use crate::ranks::Ranks;
use crate::run_folder::RunFolder;
use crate::schedule::is_due;
use crate::task::{Moment, Samples, Task};
use crate::watch::Watch;
use crate::{Event, Sink, TrainError};

/// What the loop works with; made by [`crate::train`].
pub(crate) struct Run<'a, T: Task> {
    pub(crate) experiment: &'a Experiment,
    pub(crate) folder: &'a RunFolder,
    pub(crate) samples: Arc<T::Samples>,
    pub(crate) task: T,
    pub(crate) ranks: Ranks,
    pub(crate) device: Device,
    pub(crate) progress: Progress,
    pub(crate) sink: &'a dyn Sink,
    pub(crate) on: &'a (dyn Fn(Event) + Sync),
}

type BatchOf<T> = <<T as Task>::Samples as Samples>::Batch;

type Figures = Vec<(&'static str, f64)>;

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its length, or its minutes, are reached.
    Length,
    /// Someone asked it to stop.
    Stopped,
}

/// What changes from step to step but is not saved.
struct Flow<B> {
    loader: Loader<B>,
    guard: Guard,
    means: Means,
    watch: Watch,
    machine: Machine,
    since_entry: Pace,
    whole: Pace,
}

impl<T: Task> Run<'_, T> {
    /// Trains, and saves at the end whatever the reason.
    pub(crate) fn go(&mut self, stop: &AtomicBool) -> Result<(End, Pace), TrainError> {
        let mut flow = self.flow()?;
        let end = loop {
            // Someone who asks one process asks all; so does one whose time is up.
            if self.ranks.any(stop.load(Ordering::Relaxed))? {
                break End::Stopped;
            }
            if self.is_over(&flow.whole)? {
                break End::Length;
            }
            self.step(&mut flow)?;
            self.in_between(&mut flow)?;
        };
        if !self.ranks.is_first() {
            return Ok((end, flow.whole));
        }
        if checkpoint::list(&self.folder.checkpoints())?.last() != Some(&self.progress.images_seen)
        {
            self.save()?;
        }
        Ok((end, flow.whole))
    }

    /// Saves the state now, and lets go of surplus saves.
    pub(crate) fn save(&self) -> Result<(), TrainError> {
        if !self.ranks.is_first() {
            return Ok(());
        }
        let checkpoints = self.folder.checkpoints();
        let folder = checkpoint::save(&checkpoints, &self.progress, &self.task.tensors())?;
        (self.on)(Event::Saved {
            folder,
            images_seen: self.progress.images_seen,
        });
        checkpoint::prune(&checkpoints, self.experiment.checkpoint.keep)
    }

    /// Draws the sheet now, where there is something to show, and takes the task's measures.
    pub(crate) fn draw_sheet(&self) -> Result<Option<PathBuf>, TrainError> {
        if !self.ranks.is_first() {
            return Ok(None);
        }
        let images_seen = self.progress.images_seen;
        let drawn = self.task.draw_sheet(images_seen, self.folder)?;
        if let Some(path) = &drawn {
            self.sink.image("samples", images_seen as i64, path);
            (self.on)(Event::Sheet(path.clone()));
        }
        for (key, value) in self.task.measures()? {
            self.sink.metric(key, value, images_seen as i64);
            (self.on)(Event::Message(format!("{key} {value:.3}")));
        }
        Ok(drawn)
    }

    fn flow(&self) -> Result<Flow<BatchOf<T>>, TrainError> {
        Ok(Flow {
            loader: self.loader()?,
            guard: Guard::default(),
            means: Means::default(),
            watch: Watch::default(),
            machine: Machine::with(self.device),
            since_entry: Pace::start(),
            whole: Pace::start(),
        })
    }

    fn loader(&self) -> Result<Loader<BatchOf<T>>, TrainError> {
        let options = &self.experiment.loader;
        Loader::start(
            &self.samples,
            self.progress.images_seen,
            options.workers,
            options.prefetch,
        )
    }

    fn is_over(&self, whole: &Pace) -> Result<bool, TrainError> {
        if self.progress.images_seen >= self.experiment.train.images {
            return Ok(true);
        }
        let Some(limit) = self.experiment.train.minutes else {
            return Ok(false);
        };
        let is_late = whole.elapsed().as_secs_f64() >= limit * 60.0;
        self.ranks.any(is_late)
    }

    fn step(&mut self, flow: &mut Flow<BatchOf<T>>) -> Result<(), TrainError> {
        let batch = flow.loader.next()?;
        let waited = flow.loader.take_waited();
        let n = self.samples.batch_size();
        let moment = Moment {
            images_seen: self.progress.images_seen,
            rate_scale: self.progress.rate_scale,
        };
        if let Some(words) = self.task.ahead(moment.images_seen) {
            (self.on)(Event::Message(words));
        }
        let fault = self.task.step(&batch, moment, &mut flow.means)?;
        flow.since_entry.add(n, waited);
        flow.whole.add(n, waited);
        self.progress.images_seen += n;
        (self.on)(Event::Advanced(n));
        match fault {
            None => flow.guard.good(),
            Some(fault) => self.mend(&fault, flow)?,
        }
        Ok(())
    }

    /// A step was left out because something in it was not finite.
    fn mend(&mut self, fault: &Fault, flow: &mut Flow<BatchOf<T>>) -> Result<(), TrainError> {
        let images_seen = self.progress.images_seen;
        match flow.guard.bad() {
            Verdict::Skip => self.warn(format!(
                "left out a step: `{}` is not finite after {images_seen} pictures",
                fault.layer
            )),
            Verdict::Stop => {
                return Err(TrainError::NotFinite {
                    layer: fault.layer.clone(),
                    images_seen,
                });
            }
            Verdict::Restore => {
                let saved = checkpoint::load_newest(&self.folder.checkpoints(), &|warning| {
                    self.warn(warning)
                })?;
                self.task.restore(&saved.tensors, &saved.folder)?;
                // The first saves again only when all have read.
                self.ranks.any(false)?;
                let rate_scale = self.progress.rate_scale.min(saved.progress.rate_scale) / 2.0;
                self.progress = Progress {
                    rate_scale,
                    ..saved.progress
                };
                flow.loader = self.loader()?;
                let seen = self.progress.images_seen;
                self.warn(format!(
                    "went back to {seen} pictures and halved the step sizes: `{}` was not finite",
                    fault.layer
                ));
            }
        }
        Ok(())
    }

    /// What is due between two steps; its time is not training time.
    fn in_between(&mut self, flow: &mut Flow<BatchOf<T>>) -> Result<(), TrainError> {
        let due = |every| is_due(every, self.progress.images_seen, self.samples.batch_size());
        if due(self.experiment.logging.every_images) {
            self.log(flow)?;
        }
        let begun = Instant::now();
        if due(self.experiment.samples.every_images) {
            self.draw_sheet()?;
        }
        if due(self.experiment.checkpoint.every_images) {
            self.save()?;
        }
        flow.since_entry.leave_out(begun.elapsed());
        flow.whole.leave_out(begun.elapsed());
        Ok(())
    }

    fn log(&self, flow: &mut Flow<BatchOf<T>>) -> Result<(), TrainError> {
        let images_seen = self.progress.images_seen as i64;
        let figures = self.of_all(flow.means.take())?;
        for (key, value) in &figures {
            self.sink.metric(key, *value, images_seen);
        }
        for sign in flow.watch.look(&figures) {
            self.warn(format!("after {images_seen} pictures {sign}"));
        }
        let rates = flow.since_entry.rates();
        self.sink.metric(
            "rate/images_per_second",
            rates.images_per_second,
            images_seen,
        );
        self.sink
            .metric("rate/loader_wait", rates.loader_wait, images_seen);
        for (key, value) in flow.machine.figures()? {
            self.sink.metric(key, value, images_seen);
        }
        let n_substituted = self.samples.n_substituted();
        if n_substituted > 0 {
            self.sink
                .metric("data/substituted", n_substituted as f64, images_seen);
        }
        flow.since_entry = Pace::start();
        Ok(())
    }

    /// The means over all processes, which have the same names in the same order.
    fn of_all(&self, figures: Vec<(&'static str, f64)>) -> Result<Figures, TrainError> {
        let (names, numbers): (Vec<_>, Vec<_>) = figures.into_iter().unzip();
        let numbers = self.ranks.mean_numbers(numbers)?;
        Ok(names.into_iter().zip(numbers).collect())
    }

    fn warn(&self, message: String) {
        tracing::warn!("{message}");
        (self.on)(Event::Message(message));
    }
}
