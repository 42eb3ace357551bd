//! Real pictures of one split in memory, with what is known of each.

use crate::EvaluateError;
use idiom_dataset::{Columns, Dataset, Record, Split};
use idiom_picture::{Frame, Limits, Rgb8, Scaling};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};

/// Transparent parts lie on white, as paper.
const PAPER: [u8; 3] = [255, 255, 255];

/// Pictures and their rows; a picture that cannot be decoded is left out with its row.
#[derive(Debug)]
pub struct Gallery {
    /// The split they are of.
    pub split: Split,
    /// `[n, 3, side, side]`, 0 to 255, on the CPU.
    pub pixels: Tensor,
    /// What each row says, without its picture's bytes.
    pub rows: Vec<Record>,
}

impl Gallery {
    /// Reads a split at `side` pixels, at most `limit` pictures in the order of the keys, which keeps the looks of a subject together.
    ///
    /// # Errors
    /// The data set cannot be read, or holds no such picture.
    pub fn read(
        dataset: &Dataset,
        split: Split,
        side: u32,
        limit: usize,
    ) -> Result<Self, EvaluateError> {
        Self::gather(dataset, split, side, limit, |_| true)
    }

    /// As [`Gallery::read`], of those rows only that `is_wanted`, however many.
    ///
    /// # Errors
    /// As [`Gallery::read`].
    pub fn read_where(
        dataset: &Dataset,
        split: Split,
        side: u32,
        is_wanted: impl Fn(&Record) -> bool,
    ) -> Result<Self, EvaluateError> {
        Self::gather(dataset, split, side, usize::MAX, is_wanted)
    }

    fn gather(
        dataset: &Dataset,
        split: Split,
        side: u32,
        limit: usize,
        is_wanted: impl Fn(&Record) -> bool,
    ) -> Result<Self, EvaluateError> {
        let (mut bytes, mut rows) = (Vec::new(), Vec::new());
        for record in dataset.records(split, Columns::All) {
            let mut record = record?;
            if !is_wanted(&record) {
                continue;
            }
            if let Some(picture) = decoded(&record, side) {
                bytes.extend(planes(&picture));
                record.image = Default::default();
                rows.push(record);
            }
            if rows.len() == limit {
                break;
            }
        }
        if rows.is_empty() {
            return Err(EvaluateError::Data {
                dataset: dataset.folder().to_owned(),
                what: format!("has no picture of {side} pixels in `{}`", split.name()),
            });
        }
        let side = i64::from(side);
        let pixels = Tensor::f_from_slice(&bytes)?.f_view([rows.len() as i64, 3, side, side])?;
        Ok(Self {
            split,
            pixels,
            rows,
        })
    }

    /// At most `n` of the pictures, evenly spread over the whole.
    ///
    /// # Errors
    /// What libtorch throws.
    pub fn spread(self, n: usize) -> Result<Self, EvaluateError> {
        let total = self.rows.len();
        if n >= total {
            return Ok(self);
        }
        let chosen: Vec<usize> = (0..n).map(|idx| idx * total / n).collect();
        let numbers: Vec<i64> = chosen.iter().map(|row| *row as i64).collect();
        Ok(Self {
            split: self.split,
            pixels: self
                .pixels
                .f_index_select(0, &Tensor::from_slice(&numbers))?,
            rows: chosen.iter().map(|row| self.rows[*row].clone()).collect(),
        })
    }

    /// Pictures.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none; never so after [`Gallery::read`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Some pictures as the networks take them: `f32 [n, 3, side, side]` in `[-1, 1]` on `device`.
    ///
    /// # Errors
    /// What libtorch throws, for example for a number that is no row.
    pub fn pictures(&self, rows: &[i64], device: Device) -> Result<Tensor, EvaluateError> {
        let chosen = self.pixels.f_index_select(0, &Tensor::from_slice(rows))?;
        Ok(signed(&chosen).to_device(device))
    }

    /// The number of each row's look in `looks`, or -1.
    #[must_use]
    pub fn looks(&self, looks: &[String]) -> Vec<i64> {
        let number = |row: &Record| {
            let own = row.style.as_ref()?;
            looks.iter().position(|look| look == own)
        };
        self.rows
            .iter()
            .map(|row| number(row).map_or(-1, |at| at as i64))
            .collect()
    }

    /// Rows of each subject, by look, in the order of names; rows without a subject or a look are left out.
    #[must_use]
    pub fn subjects(&self) -> BTreeMap<&str, BTreeMap<&str, usize>> {
        let mut subjects: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for (idx, row) in self.rows.iter().enumerate() {
            if let (Some(subject), Some(look)) = (&row.subject, &row.style) {
                subjects.entry(subject).or_default().insert(look, idx);
            }
        }
        subjects
    }
}

/// Bytes to `f32` in `[-1, 1]`.
pub fn signed(pixels: &Tensor) -> Tensor {
    pixels.to_kind(Kind::Float) / 127.5 - 1.0
}

/// A picture `[3, height, width]` in about `[-1, 1]` as bytes, clamped.
///
/// # Errors
/// What libtorch throws.
pub fn pixels_of(picture: &Tensor) -> Result<Rgb8, EvaluateError> {
    let size = picture.size();
    let bytes = ((picture.clamp(-1.0, 1.0) + 1.0) * 127.5)
        .round()
        .to_kind(Kind::Uint8)
        .permute([1, 2, 0])
        .contiguous()
        .view([-1])
        .to_device(Device::Cpu);
    Ok(Rgb8 {
        width: size[2] as u32,
        height: size[1] as u32,
        pixels: Vec::<u8>::try_from(&bytes)?,
    })
}

pub(crate) fn decoded(record: &Record, side: u32) -> Option<Rgb8> {
    let limits = Limits {
        min_side: side,
        ..Limits::default()
    };
    let upright = idiom_picture::decode(&record.image, &limits)
        .ok()?
        .pixels
        .on_background(PAPER);
    idiom_picture::resize(upright, side, Frame::Pad(PAPER), Scaling::OnlyDown).ok()
}

/// `[height, width, 3]` to `[3, height, width]`.
pub(crate) fn planes(picture: &Rgb8) -> impl Iterator<Item = u8> + '_ {
    (0..3).flat_map(|channel| picture.pixels.iter().skip(channel).step_by(3).copied())
}
