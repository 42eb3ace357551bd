//! Which sentences stand beside which picture, and which one a sample comes with.
//!
//! All captions of the training rows are read once at the start; from then on a caption is a number, and its vector a row
//! of one table that lives on the computing device. The draw depends on (seed, pictures seen) alone. Captions that
//! have no vector are counted, not drawn; a row without any is an error, since the sidecar is then older than the data.

use std::collections::HashMap;

use idiom_dataset::embeddings::Embeddings;
use idiom_dataset::{Caption, Columns, Dataset, Record, Split};
use idiom_encoders::parts_of;
use idiom_gan::{Draws, is_there};
use idiom_spec::experiment::Captions;
use tch::{Device, Tensor};

use crate::TrainError;

/// Kind of a caption that says subject and look in one sentence.
pub(crate) const COMPOSED: &str = "composed";

/// The vectors of all texts in use, each entry of about unit variance.
#[derive(Debug)]
pub(crate) struct TextTable {
    /// `[rows, dim]`; where texts have parts, the last row is zeros.
    vectors: Tensor,
    /// Where texts have parts: the rows of each text and of its parts, `[texts, 1 + parts]`; that of zeros for parts that are not there.
    parts: Option<Tensor>,
}

/// The captions of every training row, by number in the table.
#[derive(Debug, Clone)]
pub(crate) struct CaptionIndex {
    rows: Vec<RowCaptions>,
    composed_share: f64,
    draws: Draws,
}

/// One row's captions.
#[derive(Debug, Clone, Default)]
struct RowCaptions {
    composed: Vec<u32>,
    other: Vec<u32>,
}

/// Gathers texts on the way to a table.
#[derive(Debug)]
pub(crate) struct TextTableBuilder<'a> {
    embeddings: &'a Embeddings,
    /// Parts of a text that are read beside the whole.
    most_parts: usize,
    numbers: HashMap<String, u32>,
    values: Vec<f32>,
}

impl<'a> TextTableBuilder<'a> {
    /// A table without a text, whose texts are read with so many of their parts.
    #[must_use]
    pub(crate) fn new(embeddings: &'a Embeddings, most_parts: u64) -> Self {
        Self {
            embeddings,
            most_parts: most_parts as usize,
            numbers: HashMap::new(),
            values: Vec::new(),
        }
    }

    /// The number of a text, or `None` where the sidecar has no vector for it.
    pub(crate) fn number(&mut self, text: &str) -> Option<u32> {
        if let Some(number) = self.numbers.get(text) {
            return Some(*number);
        }
        let vector = self.embeddings.get(text)?;
        // Unit-norm vectors have entries of size 1/sqrt(dim), which both networks learn to overlook.
        let scale = (vector.len() as f32).sqrt();
        self.values.extend(vector.iter().map(|value| value * scale));
        let number = self.numbers.len() as u32;
        self.numbers.insert(text.to_owned(), number);
        Some(number)
    }

    /// The finished table on `device`.
    ///
    /// # Errors
    /// A part of a text has no vector, or there is no memory for the table on the device.
    pub(crate) fn build(mut self, device: Device) -> Result<TextTable, TrainError> {
        let parts = self.parts()?;
        let shape = [-1, self.embeddings.dim() as i64];
        let vectors = Tensor::f_from_slice(&self.values)?
            .f_view(shape)?
            .f_to_device(device)?;
        let parts = parts.map(|parts| parts.f_to_device(device));
        Ok(TextTable {
            vectors,
            parts: parts.transpose()?,
        })
    }

    /// Gives parts their vectors, where any are read.
    fn parts(&mut self) -> Result<Option<Tensor>, TrainError> {
        if self.most_parts == 0 {
            return Ok(None);
        }
        let mut texts: Vec<(u32, String)> =
            self.numbers.iter().map(|(t, n)| (*n, t.clone())).collect();
        texts.sort_unstable();
        let (width, most_parts) = (1 + self.most_parts, self.most_parts);
        let mut rows: Vec<Option<u32>> = Vec::with_capacity(texts.len() * width);
        for (number, text) in &texts {
            rows.push(Some(*number));
            for part in parts_of(text, most_parts) {
                // A sidecar of before would be read as if nothing had parts.
                self.embeddings.require(part)?;
                rows.push(self.number(part));
            }
            rows.resize(rows.len().next_multiple_of(width), None);
        }
        let nothing = self.numbers.len() as i64;
        self.values
            .extend(std::iter::repeat_n(0.0, self.embeddings.dim()));
        let rows = rows.into_iter();
        let rows: Vec<i64> = rows.map(|row| row.map_or(nothing, i64::from)).collect();
        Ok(Some(
            Tensor::f_from_slice(&rows)?.f_view([-1, width as i64])?,
        ))
    }
}

impl TextTable {
    /// The same table again; it shares its memory.
    #[must_use]
    pub(crate) fn shared(&self) -> Self {
        Self {
            vectors: self.vectors.shallow_clone(),
            parts: self.parts.as_ref().map(Tensor::shallow_clone),
        }
    }

    /// Where the vectors lie.
    #[must_use]
    pub(crate) fn device(&self) -> Device {
        self.vectors.device()
    }

    /// The vectors of some texts by number: `[n, dim]`, or `[n, 1 + parts, dim]` where they are read with their parts, as
    /// [`idiom_gan::TextHead::forward`] takes them.
    ///
    /// # Errors
    /// What libtorch throws.
    pub(crate) fn vectors(&self, numbers: &[i64]) -> Result<Tensor, TrainError> {
        self.select(&Tensor::f_from_slice(numbers)?.f_to_device(self.vectors.device())?)
    }

    /// As [`TextTable::vectors`], for numbers `[n]` that are on the device already.
    ///
    /// # Errors
    /// What libtorch throws.
    pub(crate) fn select(&self, numbers: &Tensor) -> Result<Tensor, TrainError> {
        let Some(parts) = &self.parts else {
            return Ok(self.vectors.f_index_select(0, numbers)?);
        };
        let rows = parts.f_index_select(0, numbers)?;
        let vectors = self.vectors.f_index_select(0, &rows.flatten(0, 1))?;
        Ok(vectors.f_view([rows.size()[0], rows.size()[1], -1])?)
    }
}

/// Text vectors `[n, dim]` or `[n, parts, dim]` with normal noise of a deviation, drawn for the samples from `first` on; parts that are not there
/// stay so.
pub(crate) fn noisy(text: &Tensor, draws: &Draws, first: u64, deviation: f64) -> Tensor {
    let size = text.size();
    let per_sample = size[1..].iter().product();
    let noise = draws.normals(first, size[0], per_sample);
    let noise = noise.view(size.as_slice()).to_device(text.device()) * deviation;
    text + noise * is_there(text)
}

impl CaptionIndex {
    /// Reads the captions of all training rows.
    ///
    /// # Errors
    /// The data set cannot be read, or a row has no caption with a vector in the languages asked for.
    pub(crate) fn read(
        dataset: &Dataset,
        table: &mut TextTableBuilder<'_>,
        options: &Captions,
        seed: u64,
    ) -> Result<Self, TrainError> {
        let mut rows = Vec::with_capacity(dataset.rows(Split::Train) as usize);
        for record in dataset.records(Split::Train, Columns::WithoutImage) {
            rows.push(row_captions(&record?, table, options)?);
        }
        if rows.is_empty() {
            return Err(TrainError::NoRows {
                dataset: dataset.folder().to_owned(),
            });
        }
        Ok(Self {
            rows,
            composed_share: options.composed_share,
            draws: Draws::new(seed, "caption"),
        })
    }

    /// The same captions with another share of composed ones.
    #[must_use]
    pub(crate) fn with_share(&self, composed_share: f64) -> Self {
        Self {
            composed_share,
            ..self.clone()
        }
    }

    /// Whether a caption of row `row`, by number, says the look too.
    #[must_use]
    pub(crate) fn is_composed(&self, row: u64, caption: i64) -> bool {
        let composed = self.rows[row as usize].composed.iter();
        composed.copied().any(|number| i64::from(number) == caption)
    }

    /// The caption, by number, that row `row` comes with when it is the sample after `images_seen` others.
    #[must_use]
    pub(crate) fn draw(&self, row: u64, images_seen: u64) -> i64 {
        let captions = &self.rows[row as usize];
        let mut draws = self.draws.sample(images_seen);
        let wants_composed = captions.other.is_empty() || draws.uniform() < self.composed_share;
        let from = if wants_composed && !captions.composed.is_empty() {
            &captions.composed
        } else {
            &captions.other
        };
        i64::from(from[draws.below(from.len() as u64) as usize])
    }
}

fn row_captions(
    record: &Record,
    table: &mut TextTableBuilder<'_>,
    options: &Captions,
) -> Result<RowCaptions, TrainError> {
    let mut row = RowCaptions::default();
    for caption in record
        .captions
        .iter()
        .filter(|caption| speaks(caption, options))
    {
        let Some(number) = table.number(&caption.text) else {
            continue;
        };
        let list = if caption.kind == COMPOSED {
            &mut row.composed
        } else {
            &mut row.other
        };
        list.push(number);
    }
    if row.composed.is_empty() && row.other.is_empty() {
        match table.number(&record.caption) {
            Some(number) => row.other.push(number),
            None => {
                return Err(TrainError::NoCaption {
                    key: record.key.clone(),
                    languages: options.languages.clone(),
                });
            }
        }
    }
    Ok(row)
}

fn speaks(caption: &Caption, options: &Captions) -> bool {
    options.languages.is_empty() || options.languages.contains(&caption.lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(composed_share: f64, composed: Vec<u32>, other: Vec<u32>) -> CaptionIndex {
        CaptionIndex {
            rows: vec![RowCaptions { composed, other }],
            composed_share,
            draws: Draws::new(3, "caption"),
        }
    }

    #[test]
    fn the_share_of_composed_sentences_is_as_asked() {
        let index = index(0.75, vec![0, 1], vec![2, 3]);
        let composed = (0..4000)
            .filter(|images| index.draw(0, *images) < 2)
            .count();
        // Binomial(4000, 0.75): sd 27.
        assert!((2860..3140).contains(&composed), "{composed}");
    }

    #[test]
    fn each_caption_of_a_kind_is_drawn_about_equally_often() {
        let index = index(1.0, vec![0, 1, 2, 3], vec![4]);
        let mut counts = [0_u32; 4];
        (0..4000).for_each(|images| counts[index.draw(0, images) as usize] += 1);
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn a_row_with_one_kind_only_gives_that_kind() {
        assert_eq!(index(1.0, vec![], vec![7]).draw(0, 9), 7);
        assert_eq!(index(0.0, vec![5], vec![]).draw(0, 9), 5);
    }

    #[test]
    fn a_draw_depends_on_the_pictures_seen_alone() {
        let index = index(0.5, vec![0, 1, 2], vec![3, 4, 5]);
        let once: Vec<i64> = (0..64).map(|images| index.draw(0, images)).collect();
        let again: Vec<i64> = (0..64)
            .rev()
            .map(|images| index.draw(0, images))
            .rev()
            .collect();
        assert_eq!(once, again);
    }
}
