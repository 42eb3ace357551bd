//! Samples of this task: a picture to restyle, the style it is to have, and real pictures in that style.

use std::sync::Arc;

use idiom_dataset::order::SampleOrder;
use idiom_gan::Draws;
use idiom_spec::experiment::Pairs;

use super::looks::Looks;
use crate::TrainError;
use crate::pictures::Pictures;
use crate::task::Samples;

/// What the loop learns from in one step; pictures are `[n, 3, side, side]`, 0 to 255.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Batch {
    /// To be restyled.
    pub(super) source: Vec<u8>,
    /// The same subject in the wanted style, or anything in it.
    pub(super) target: Vec<u8>,
    /// Anything in the wanted style.
    pub(super) reference: Vec<u8>,
    /// The source's style.
    pub(super) own_style: Vec<i64>,
    /// The wanted style.
    pub(super) style: Vec<i64>,
    /// The subject of source (and target, where it is paired), and that of the reference.
    pub(super) subjects: [Vec<i64>; 2],
    /// Words of the wanted style, by number in the text table.
    pub(super) words: Vec<i64>,
    /// Words that the encoder learns from, by number: in each round those of every source's style, then of every wanted one.
    pub(super) rounds: Vec<[Vec<i64>; 2]>,
    /// 1 where the target shows the source's subject.
    pub(super) is_paired: Vec<f32>,
    /// 1 where the wanted style is the source's own.
    pub(super) is_own: Vec<f32>,
    /// 1 where the style vector is the reference's, not the words'.
    pub(super) by_reference: Vec<f32>,
}

/// Every picture in the run's order, each with a style drawn for it.
#[derive(Debug)]
pub(crate) struct Restylings {
    pub(super) pictures: Arc<Pictures>,
    pub(super) looks: Looks,
    pub(super) order: SampleOrder,
    pub(super) draws: Draws,
    pub(super) batch_size: u64,
    /// Until so many pictures were seen, nobody asks for its own style.
    pub(super) encoder_images: u64,
    /// Phrases that the encoder hears with each picture.
    pub(super) n_phrases: u64,
    pub(super) own_share: f64,
    pub(super) reference_share: f64,
    pub(super) pairs: Pairs,
}

impl Restylings {
    fn add(&self, sample: u64, batch: &mut Batch) -> Result<(), TrainError> {
        let mut draws = self.draws.sample(sample);
        let (row, source) = self.looks.row(self.order.row(sample));
        let wants_own = draws.uniform() < self.own_share && sample >= self.encoder_images;
        let other = self.looks.other_style(source.style, &mut draws);
        let style = if wants_own { source.style } else { other };
        let by_reference = draws.uniform() < self.reference_share;
        let reference_row = self.looks.any_row(style, &mut draws);
        let paired_row = if wants_own {
            Some(row)
        } else {
            let used = self.pairs == Pairs::Used;
            (self.looks.paired_row(source.subject, style)).filter(|_| used)
        };
        batch.source.extend_from_slice(&self.pictures.get(row)?.1);
        let target = self.pictures.get(paired_row.unwrap_or(reference_row))?.1;
        batch.target.extend_from_slice(&target);
        let reference = self.pictures.get(reference_row)?.1;
        batch.reference.extend_from_slice(&reference);
        batch.own_style.push(i64::from(source.style));
        batch.style.push(i64::from(style));
        batch.subjects[0].push(i64::from(source.subject));
        batch.subjects[1].push(i64::from(self.looks.row(reference_row).1.subject));
        batch.words.push(self.looks.words(style, &mut draws));
        for [own, wanted] in &mut batch.rounds {
            own.push(self.looks.words(source.style, &mut draws));
            wanted.push(self.looks.words(style, &mut draws));
        }
        batch
            .is_paired
            .push(f32::from(u8::from(paired_row.is_some())));
        batch.is_own.push(f32::from(u8::from(wants_own)));
        batch.by_reference.push(f32::from(u8::from(by_reference)));
        Ok(())
    }
}

impl Samples for Restylings {
    type Batch = Batch;

    fn batch(&self, images_seen: u64) -> Result<Batch, TrainError> {
        let is_encoder_part = images_seen < self.encoder_images;
        let n_rounds = if is_encoder_part { self.n_phrases } else { 0 };
        let mut batch = Batch {
            rounds: vec![Default::default(); n_rounds as usize],
            ..Batch::default()
        };
        for sample in images_seen..images_seen + self.batch_size {
            self.add(sample, &mut batch)?;
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
