//! Samples of this task: a picture and one of its captions.

use idiom_dataset::order::SampleOrder;

use crate::TrainError;
use crate::captions::CaptionIndex;
use crate::pictures::Pictures;
use crate::ranks::Share;
use crate::task::Samples;

/// What the loop learns from in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// `[n, 3, side, side]`, 0 to 255
    pub(super) pixels: Vec<u8>,
    /// The caption of each picture, by number in the text table: `[n]`.
    pub(super) captions: Vec<i64>,
}

/// Every picture in the run's order, each with a caption drawn for it.
#[derive(Debug)]
pub(crate) struct Captioned {
    /// The pictures.
    pub(super) pictures: Pictures,
    /// Their captions.
    pub(super) captions: CaptionIndex,
    /// Which row is the n-th sample.
    pub(super) order: SampleOrder,
    /// Pictures a batch.
    pub(super) batch_size: u64,
    /// Which of them are this process's.
    pub(super) share: Share,
}

impl Samples for Captioned {
    type Batch = Batch;

    fn batch(&self, images_seen: u64) -> Result<Batch, TrainError> {
        let n = self.share.len as usize;
        let mut pixels = Vec::with_capacity(n * self.pictures.picture_bytes());
        let mut captions = Vec::with_capacity(n);
        let first = images_seen + self.share.first;
        for sample in first..first + self.share.len {
            let (row, picture) = self.pictures.get(self.order.row(sample))?;
            pixels.extend_from_slice(&picture);
            captions.push(self.captions.draw(row, sample));
        }
        Ok(Batch { pixels, captions })
    }

    fn batch_size(&self) -> u64 {
        self.batch_size
    }

    fn n_substituted(&self) -> u64 {
        self.pictures.n_substituted()
    }
}
