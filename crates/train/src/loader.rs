//! Batches, made ahead of need by threads, in an order that does not depend on how many there are.
//!
//! Batch `b` of the run always holds samples `b * n` to `(b + 1) * n - 1`; worker `w` of `W` makes every `W`-th batch and puts it
//! into a channel of its own, and the loop takes from the channels in turn. So no batch has to be sorted, a slow
//! worker delays but never reorders, and taking a run up again means starting at another batch number.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::TrainError;
use crate::task::Samples;
use crossbeam_channel::{Receiver, Sender, bounded};

/// The running workers; dropping it ends them.
#[derive(Debug)]
pub(crate) struct Loader<B> {
    channels: Vec<Receiver<Result<B, TrainError>>>,
    workers: Vec<JoinHandle<()>>,
    next: usize,
    waited: Duration,
}

impl<B: Send + 'static> Loader<B> {
    /// Starts `n_workers` threads that make batches from `images_seen` on, at most `prefetch` ahead.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(crate) fn start(
        samples: &Arc<impl Samples<Batch = B>>,
        images_seen: u64,
        n_workers: usize,
        prefetch: usize,
    ) -> Result<Self, TrainError> {
        let n_workers = n_workers.max(1);
        let mut loader = Self {
            channels: Vec::new(),
            workers: Vec::new(),
            next: 0,
            waited: Duration::ZERO,
        };
        for worker in 0..n_workers {
            let (sender, receiver) = bounded(prefetch.div_ceil(n_workers).max(1));
            let first = images_seen + worker as u64 * samples.batch_size();
            let stride = n_workers as u64 * samples.batch_size();
            let samples = Arc::clone(samples);
            let thread = thread::Builder::new()
                .name(format!("loader-{worker}"))
                .spawn(move || work(&*samples, first, stride, &sender))
                .map_err(TrainError::Thread)?;
            loader.channels.push(receiver);
            loader.workers.push(thread);
        }
        Ok(loader)
    }

    /// The next batch in order; waits for it where it is not ready.
    ///
    /// # Errors
    /// What stopped the worker.
    pub(crate) fn next(&mut self) -> Result<B, TrainError> {
        let begun = Instant::now();
        let received = self.channels[self.next].recv();
        self.waited += begun.elapsed();
        self.next = (self.next + 1) % self.channels.len();
        received.map_err(|_| TrainError::LoaderGone)?
    }

    /// How long the loop has waited since this was last asked.
    pub(crate) fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }
}

impl<B> Drop for Loader<B> {
    fn drop(&mut self) {
        // A worker ends when its channel has no receiver.
        self.channels.clear();
        for worker in self.workers.drain(..) {
            // A worker that panicked has nothing left to say: the loop has seen its channel close.
            let _ = worker.join();
        }
    }
}

fn work<S: Samples>(
    samples: &S,
    first: u64,
    stride: u64,
    sender: &Sender<Result<S::Batch, TrainError>>,
) {
    let mut images_seen = first;
    loop {
        let batch = samples.batch(images_seen);
        let is_last = batch.is_err();
        if sender.send(batch).is_err() || is_last {
            return;
        }
        images_seen += stride;
    }
}
