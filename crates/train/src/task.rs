//! What a task brings to the loop: its samples, its step, its sheet and its model. The loop knows no network.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::TrainError;
use crate::checkpoint::TensorSets;
use crate::gradients::Fault;
use crate::meters::Means;
use crate::run_folder::RunFolder;

/// Where batches come from; shared by all loader threads.
pub(crate) trait Samples: Send + Sync + 'static {
    /// What one step learns from.
    type Batch: Send + 'static;

    /// The batch after `images_seen` pictures: the same whoever asks, and when.
    ///
    /// # Errors
    /// The pictures cannot be read.
    fn batch(&self, images_seen: u64) -> Result<Self::Batch, TrainError>;

    /// Pictures a batch.
    fn batch_size(&self) -> u64;

    /// How often another row stood in for a broken one.
    fn n_substituted(&self) -> u64;
}

/// Where a step stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Pictures seen before it.
    pub(crate) images_seen: u64,
    /// What every step size is multiplied by, after steps that were not finite.
    pub(crate) rate_scale: f64,
}

/// Something that learns.
pub(crate) trait Task {
    /// Its samples.
    type Samples: Samples;

    /// Learns from one batch; adds its figures to `means`. Gives the layer where a gradient was not finite; that
    /// network's weights have then not moved.
    ///
    /// # Errors
    /// What libtorch throws.
    fn step(
        &mut self,
        batch: &<Self::Samples as Samples>::Batch,
        moment: Moment,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError>;

    /// All tensors that must be saved; they share memory with the networks.
    fn tensors(&self) -> TensorSets;

    /// Takes over what was saved; `folder` is named in messages.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    fn restore(&mut self, saved: &TensorSets, folder: &Path) -> Result<(), TrainError>;

    /// Draws the sheet of samples as it stands after so many pictures; gives the PNG's path, or `None` where there is
    /// nothing to show yet.
    ///
    /// # Errors
    /// What libtorch throws, or a file cannot be written.
    fn draw_sheet(
        &self,
        images_seen: u64,
        folder: &RunFolder,
    ) -> Result<Option<PathBuf>, TrainError>;

    /// Figures of quality on pictures that are not trained on, cheap enough to be taken with every sheet; none by default.
    ///
    /// # Errors
    /// What libtorch throws.
    fn measures(&self) -> Result<Vec<(&'static str, f64)>, TrainError> {
        Ok(Vec::new())
    }

    /// What the step after so many pictures does beside its batch, in words, where that takes longer than a reader of the bar would expect.
    fn ahead(&self, _images_seen: u64) -> Option<String> {
        None
    }

    /// Pictures seen when its dearest part begins, where it has several.
    fn dearest_from(&self) -> u64 {
        0
    }

    /// Steps after which the work of each is as it was: the interval of a lazy penalty, where there is one.
    fn round(&self) -> u64 {
        4
    }

    /// Keeps what was learnt as a model that stands on its own, in `folder`.
    ///
    /// # Errors
    /// A file cannot be written.
    fn keep_model(&self, folder: &Path, facts: &[(String, String)]) -> Result<(), TrainError>;
}

/// What is done with a task, whichever it is.
pub(crate) trait Work {
    /// What comes of it.
    type Done;

    /// Does it.
    ///
    /// # Errors
    /// The task's, or its own.
    fn on<T: Task>(&self, task: T, samples: Arc<T::Samples>) -> Result<Self::Done, TrainError>;
}
