//! The pictures of the training rows: read by row group, decoded to `[3, side, side]` bytes, kept within a budget.
//!
//! A row that is asked for brings its whole group, since a group is the unit in which Parquet is read; the decoded pictures are
//! kept for the rest of the run while the budget lasts. Beyond it a few groups are kept as they were read, compressed. A
//! picture that cannot be decoded is stood in for by the next row that can, always the same one, and counted. Larger pictures are
//! scaled down; smaller ones are refused by the caller, never enlarged.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use idiom_dataset::{Columns, Dataset, Record, RowGroup, Split};
use idiom_picture::{Frame, Limits, Rgb8, Scaling};

use tch::{Device, Kind, Tensor};

use crate::TrainError;

/// Groups kept compressed once the budget for decoded pictures is spent.
const COMPRESSED_GROUPS: usize = 4;
/// Rows tried before a run of broken pictures is an error.
const MAX_SUBSTITUTES: u64 = 64;
/// Transparent parts lie on white, as paper.
const PAPER: [u8; 3] = [255, 255, 255];

/// A decoded picture, `[3, side, side]`; `None` where it cannot be decoded.
pub(crate) type Decoded = Option<Arc<[u8]>>;

/// Decoded pictures by row, shared by all loader threads.
#[derive(Debug)]
pub(crate) struct Pictures {
    dataset: Dataset,
    groups: Vec<RowGroup>,
    side: u32,
    kept: Vec<OnceLock<Decoded>>,
    budget_left: AtomicU64,
    compressed: Mutex<VecDeque<(usize, Arc<Vec<Record>>)>>,
    n_substituted: AtomicU64,
}

impl Pictures {
    /// Pictures of the training split at `side` pixels, with `budget_bytes` for decoded ones.
    ///
    /// # Errors
    /// A shard's footer cannot be read, or the split has no rows.
    pub(crate) fn open(
        dataset: &Dataset,
        side: u32,
        budget_bytes: u64,
    ) -> Result<Self, TrainError> {
        let groups = dataset.row_groups(Split::Train)?;
        let n_rows: u64 = groups.iter().map(|group| group.rows).sum();
        if n_rows == 0 {
            return Err(TrainError::NoRows {
                dataset: dataset.folder().to_owned(),
            });
        }
        Ok(Self {
            dataset: dataset.clone(),
            groups,
            side,
            kept: (0..n_rows).map(|_| OnceLock::new()).collect(),
            budget_left: AtomicU64::new(budget_bytes),
            compressed: Mutex::new(VecDeque::new()),
            n_substituted: AtomicU64::new(0),
        })
    }

    /// Rows of the split.
    #[must_use]
    pub(crate) fn n_rows(&self) -> u64 {
        self.kept.len() as u64
    }

    /// How often another row stood in for a broken one.
    #[must_use]
    pub(crate) fn n_substituted(&self) -> u64 {
        self.n_substituted.load(Ordering::Relaxed)
    }

    /// Bytes of one picture.
    #[must_use]
    pub(crate) fn picture_bytes(&self) -> usize {
        3 * self.side as usize * self.side as usize
    }

    /// The picture of a row, or of the next row that has one, with the row it is of.
    ///
    /// # Errors
    /// A shard cannot be read, or too many rows on end are broken.
    pub(crate) fn get(&self, row: u64) -> Result<(u64, Arc<[u8]>), TrainError> {
        for offset in 0..MAX_SUBSTITUTES.min(self.n_rows()) {
            let candidate = (row + offset) % self.n_rows();
            if let Some(pixels) = self.decoded(candidate)? {
                return Ok((candidate, pixels));
            }
            self.n_substituted.fetch_add(1, Ordering::Relaxed);
        }
        Err(TrainError::BrokenPictures {
            dataset: self.dataset.folder().to_owned(),
            row,
        })
    }

    fn decoded(&self, row: u64) -> Result<Decoded, TrainError> {
        if let Some(kept) = self.kept[row as usize].get() {
            return Ok(kept.clone());
        }
        let group_idx = self
            .groups
            .partition_point(|group| group.first_row + group.rows <= row);
        let group = &self.groups[group_idx];
        let records = self.records(group_idx)?;
        let group_bytes = group.rows * self.picture_bytes() as u64;
        if self.take_budget(group_bytes) {
            for (slot, record) in self.kept[group.first_row as usize..]
                .iter()
                .zip(records.iter())
            {
                slot.get_or_init(|| decode(record, self.side));
            }
            self.forget(group_idx);
            return Ok(self.kept[row as usize].get().cloned().flatten());
        }
        Ok(records
            .get((row - group.first_row) as usize)
            .and_then(|record| decode(record, self.side)))
    }

    fn take_budget(&self, bytes: u64) -> bool {
        let take = |left: u64| left.checked_sub(bytes);
        self.budget_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    /// The rows of a group as read. The lock is held while reading, so that two threads never read the same group twice.
    fn records(&self, group_idx: usize) -> Result<Arc<Vec<Record>>, TrainError> {
        let mut compressed = self
            .compressed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, records)) = compressed.iter().find(|(idx, _)| *idx == group_idx) {
            return Ok(Arc::clone(records));
        }
        let records = Arc::new(
            self.dataset
                .read_group(&self.groups[group_idx], Columns::All)?,
        );
        if compressed.len() == COMPRESSED_GROUPS {
            compressed.pop_front();
        }
        compressed.push_back((group_idx, Arc::clone(&records)));
        Ok(records)
    }

    fn forget(&self, group_idx: usize) {
        let mut compressed = self
            .compressed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        compressed.retain(|(idx, _)| *idx != group_idx);
    }
}

/// Bytes of pictures `[n, 3, side, side]` as numbers in `[-1, 1]` on `device`.
///
/// # Errors
/// What libtorch throws.
pub(crate) fn signed(bytes: &[u8], side: i64, device: Device) -> Result<Tensor, TrainError> {
    let bytes = Tensor::f_from_slice(bytes)?
        .f_view([-1, 3, side, side])?
        .f_to_device(device)?;
    Ok(bytes.to_kind(Kind::Float) / 127.5 - 1.0)
}

/// The picture of a row as `[3, side, side]` bytes.
pub(crate) fn decode(record: &Record, side: u32) -> Decoded {
    let limits = Limits {
        min_side: side,
        ..Limits::default()
    };
    let upright = idiom_picture::decode(&record.image, &limits)
        .ok()?
        .pixels
        .on_background(PAPER);
    let square = idiom_picture::resize(upright, side, Frame::Pad(PAPER), Scaling::OnlyDown).ok()?;
    Some(planes(&square).into())
}

/// `[height, width, 3]` to `[3, height, width]`.
fn planes(picture: &Rgb8) -> Vec<u8> {
    (0..3)
        .flat_map(|channel| picture.pixels.iter().skip(channel).step_by(3).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_planes() {
        let picture = Rgb8 {
            width: 2,
            height: 1,
            pixels: vec![1, 2, 3, 4, 5, 6],
        };
        assert_eq!(planes(&picture), [1, 4, 2, 5, 3, 6]);
    }
}
