//! The distractors of R-precision: pictures in the same look of other subjects, so that the look alone scores chance.

use crate::EvaluateError;
use crate::gallery::Gallery;
use crate::judge::Vectors;
use crate::metrics::retrieval::{RPrecisionOptions, r_precision};
use std::collections::BTreeMap;
use tch::Tensor;

/// For R-precision: rows in the same look, other subjects.
pub(crate) struct Pools {
    of_row: Vec<Vec<i64>>,
    /// Wrong pictures for each right one: as many as custom wants, or as every look has.
    pub(crate) n_distractors: usize,
}

impl Pools {
    pub(crate) fn new(gallery: &Gallery) -> Self {
        let mut by_look: BTreeMap<Option<&str>, Vec<i64>> = BTreeMap::new();
        for (idx, row) in gallery.rows.iter().enumerate() {
            by_look
                .entry(row.style.as_deref())
                .or_default()
                .push(idx as i64);
        }
        let same_subject = |a: usize, b: i64| {
            let (a, b) = (&gallery.rows[a], &gallery.rows[b as usize]);
            a.subject.is_some() && a.subject == b.subject
        };
        let of_row: Vec<Vec<i64>> = gallery
            .rows
            .iter()
            .enumerate()
            .map(|(idx, row)| {
                let pool = by_look[&row.style.as_deref()].iter().copied();
                pool.filter(|other| *other != idx as i64 && !same_subject(idx, *other))
                    .collect()
            })
            .collect();
        let least = of_row.iter().map(Vec::len).min().unwrap_or(0);
        Self {
            n_distractors: least.min(RPrecisionOptions::default().n_distractors),
            of_row,
        }
    }

    /// Whether each query is most like its own picture; `rows[i]` is the real picture that query i should look like.
    ///
    /// # Errors
    /// Features of other shapes.
    pub(crate) fn r_precision(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        rows: &[i64],
        seed: u64,
    ) -> Result<Vec<bool>, EvaluateError> {
        let pools: Vec<&[i64]> = rows
            .iter()
            .map(|row| self.of_row[*row as usize].as_slice())
            .collect();
        let options = RPrecisionOptions {
            n_distractors: self.n_distractors,
            seed,
        };
        r_precision(queries, keys, rows, &pools, options)
    }

    /// The same for real pictures of each subject in another look.
    ///
    /// # Errors
    /// Features of other shapes.
    pub(crate) fn real_in_another_look(
        &self,
        real: &Vectors,
        gallery: &Gallery,
        seed: u64,
    ) -> Result<Vec<bool>, EvaluateError> {
        let (mut queries, mut rows) = (Vec::new(), Vec::new());
        for looks in gallery.subjects().values().filter(|looks| looks.len() > 1) {
            let all: Vec<usize> = looks.values().copied().collect();
            for (place, row) in all.iter().enumerate() {
                queries.push(all[(place + 1) % all.len()] as i64);
                rows.push(*row as i64);
            }
        }
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.r_precision(&real.select(&queries).subject, &real.subject, &rows, seed)
    }
}
