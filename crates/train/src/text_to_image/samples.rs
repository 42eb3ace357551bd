//! Samples of this task: a picture and one of its captions; and what a guide learns from, while it does.

use std::sync::Arc;

use idiom_dataset::order::SampleOrder;

use crate::TrainError;
use crate::captions::CaptionIndex;
use crate::contrastive::samples::{Batch as Pairs, Paired, Said};
use crate::pictures::Pictures;
use crate::ranks::Share;
use crate::task::Samples;

/// What the loop learns from in one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// `[n, 3, side, side]`, 0 to 255
    pub(super) pixels: Vec<u8>,
    /// The caption of each picture, by number in the text table: `[n]`.
    pub(super) captions: Vec<i64>,
    /// Of each picture its subject, its look, and the look that its caption speaks of (or -1), by number; empty without a guide.
    pub(super) shown: [Vec<i64>; 3],
    /// What the guide learns from; nothing else is there then.
    pub(super) pairs: Option<Pairs>,
}

/// What only a run with a guide has.
#[derive(Debug)]
pub(crate) struct Guided {
    /// What the guide learns from.
    pub(super) lessons: Arc<Paired>,
    /// Pictures that it learns from.
    pub(super) images: u64,
}

/// Share of whole sentences among the words that a guide reads a look off, the others being phrases alone; and of captions that say
/// the look too among those that it reads a subject off.
const SENTENCE_SHARE: f64 = 0.5;

/// The words that a guide learns from.
pub(super) fn said(phrases: Vec<Vec<u32>>, captions: &CaptionIndex) -> Said {
    Said {
        phrases,
        sentences: Some((captions.with_share(1.0), SENTENCE_SHARE)),
        captions: Some(captions.with_share(SENTENCE_SHARE)),
    }
}

/// Every picture in the run's order, each with a caption drawn for it.
#[derive(Debug)]
pub(crate) struct Captioned {
    /// The pictures.
    pub(super) pictures: Arc<Pictures>,
    /// For a guide, where there is one.
    pub(super) guided: Option<Guided>,
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
        let guided = self.guided.as_ref();
        if let Some(guided) = guided.filter(|guided| images_seen < guided.images) {
            return Ok(Batch {
                pairs: Some(guided.lessons.batch(images_seen)?),
                ..Batch::default()
            });
        }
        let mut batch = Batch::default();
        let n_bytes = self.share.len as usize * self.pictures.picture_bytes();
        batch.pixels.reserve_exact(n_bytes);
        let first = images_seen + self.share.first;
        for sample in first..first + self.share.len {
            let (row, picture) = self.pictures.get(self.order.row(sample))?;
            let caption = self.captions.draw(row, sample);
            batch.pixels.extend_from_slice(&picture);
            batch.captions.push(caption);
            if let Some(guided) = guided {
                let [subject, look] = guided.lessons.roster().row(row);
                let says_look = self.captions.is_composed(row, caption);
                batch.shown[0].push(subject);
                batch.shown[1].push(look);
                batch.shown[2].push(if says_look { look } else { -1 });
            }
        }
        Ok(batch)
    }

    fn batch_size(&self) -> u64 {
        self.batch_size
    }

    fn n_substituted(&self) -> u64 {
        self.pictures.n_substituted()
    }
}
