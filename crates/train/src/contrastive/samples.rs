//! Samples of this task: a subject twice, in two looks where there are two, with a phrase and a caption each.

use std::sync::Arc;

use idiom_dataset::order::SampleOrder;
use idiom_gan::Draws;
use idiom_gan::draws::SampleDraws;

use crate::TrainError;
use crate::captions::CaptionIndex;
use crate::pictures::Pictures;
use crate::ranks::Share;
use crate::task::Samples;

use super::roster::Roster;

/// What the loop learns from in one step, or this process's share of it; rows 2k and 2k + 1 show one subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// `[n, 3, side, side]`, 0 to 255
    pub(super) pixels: Vec<u8>,
    /// The subject's number: `[n]`.
    pub(crate) subjects: Vec<i64>,
    /// The look's number, or -1: `[n]`.
    pub(crate) looks: Vec<i64>,
    /// A phrase about the look, by number in the text table: `[n]`, or empty.
    pub(crate) phrases: Vec<i64>,
    /// A caption without the look, by number in the text table: `[n]`, or empty.
    pub(crate) captions: Vec<i64>,
}

/// What is said of the rows.
#[derive(Debug)]
pub(crate) struct Said {
    /// Phrases about each look, by number in the text table; empty where they are not learnt from.
    pub(crate) phrases: Vec<Vec<u32>>,
    /// Sentences that say look and subject, which stand for a phrase in this share of cases.
    pub(crate) sentences: Option<(CaptionIndex, f64)>,
    /// What the subject is called.
    pub(crate) captions: Option<CaptionIndex>,
}

/// Every subject in the run's order.
#[derive(Debug)]
pub(crate) struct Paired {
    pictures: Arc<Pictures>,
    roster: Roster,
    words: Said,
    order: SampleOrder,
    draws: Draws,
    reading: Draws,
    dealt: Dealt,
}

/// How samples are dealt out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dealt {
    /// From this their order follows.
    pub(crate) seed: u64,
    /// Pictures a batch.
    pub(crate) batch_size: u64,
    /// Which of them are this process's.
    pub(crate) share: Share,
}

impl Paired {
    pub(crate) fn new(pictures: Arc<Pictures>, roster: Roster, words: Said, dealt: Dealt) -> Self {
        Self {
            order: SampleOrder::new(dealt.seed, roster.subjects().len() as u64),
            draws: Draws::new(dealt.seed, "pair"),
            reading: Draws::new(dealt.seed, "reading"),
            dealt,
            pictures,
            roster,
            words,
        }
    }

    /// The two rows that the pair's pictures are of.
    fn pair(&self, pair: u64) -> [u64; 2] {
        let rows = &self.roster.subjects()[self.order.row(pair) as usize];
        let (mut draws, n) = (self.draws.sample(pair), rows.len() as u64);
        let first = draws.below(n);
        let step = 1 + draws.below(n.saturating_sub(1));
        [rows[first as usize], rows[((first + step) % n) as usize]]
    }

    fn add(&self, batch: &mut Batch, row: u64, sample: u64) -> Result<(), TrainError> {
        let (row, picture) = self.pictures.get(row)?;
        batch.pixels.extend_from_slice(&picture);
        self.add_words(batch, row, sample);
        Ok(())
    }

    /// What is shown and said by a row when it is the sample after `sample` others.
    fn add_words(&self, batch: &mut Batch, row: u64, sample: u64) {
        let [subject, look] = self.roster.row(row);
        batch.subjects.push(subject);
        batch.looks.push(look);
        if let Some(captions) = &self.words.captions {
            batch.captions.push(captions.draw(row, sample));
        }
        if !self.words.phrases.is_empty() {
            let mut draws = Draws::sample(&self.draws, u64::MAX - sample);
            batch.phrases.push(self.phrase(row, sample, &mut draws));
        }
    }

    /// Words about rows drawn by chance, without their pictures: the samples from `first` on, of a count of their own.
    pub(crate) fn words(&self, first: u64, n: u64) -> Batch {
        let mut batch = Batch::default();
        for sample in first..first + n {
            let row = self.reading.sample(sample).below(self.roster.n_rows());
            self.add_words(&mut batch, row, sample);
        }
        batch
    }

    /// Who is in the training rows.
    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Their pictures.
    pub(crate) fn pictures(&self) -> Arc<Pictures> {
        Arc::clone(&self.pictures)
    }

    /// Words about the look of a row; one without a look borrows a phrase that no loss reads.
    fn phrase(&self, row: u64, sample: u64, draws: &mut SampleDraws) -> i64 {
        let [_, look] = self.roster.row(row);
        let phrases = &self.words.phrases[look.max(0) as usize];
        let phrase = phrases[draws.below(phrases.len() as u64) as usize];
        match &self.words.sentences {
            Some((sentences, share)) if draws.uniform() < *share => sentences.draw(row, sample),
            _ => i64::from(phrase),
        }
    }
}

impl Samples for Paired {
    type Batch = Batch;

    fn batch(&self, images_seen: u64) -> Result<Batch, TrainError> {
        let mut batch = Batch::default();
        let share = self.dealt.share;
        let first = images_seen + share.first;
        for pair in first / 2..(first + share.len) / 2 {
            for (place, row) in self.pair(pair).into_iter().enumerate() {
                self.add(&mut batch, row, 2 * pair + place as u64)?;
            }
        }
        Ok(batch)
    }

    fn batch_size(&self) -> u64 {
        self.dealt.batch_size
    }

    fn n_substituted(&self) -> u64 {
        self.pictures.n_substituted()
    }
}
