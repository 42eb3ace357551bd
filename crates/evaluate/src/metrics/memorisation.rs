//! Does it draw, or does it hand back what it was shown?
//!
//! Three views of the distance from drawn pictures to the training set, beside that of held-out pictures, which nobody can have
//! learnt by heart: a ratio of distances, the C_T test of data copying (Meehan, Chaudhuri & Dasgupta 2020, arXiv:2004.05675), and the
//! share of authentic pictures (Alaa et al. 2022, arXiv:2102.08921). An audit is trusted only where it flags a planted copy.

use super::rank::{mann_whitney_u, median};
use super::{rows, same_dim, squared_distances, subset, values};
use crate::EvaluateError;
use idiom_gan::Draws;
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// Below this the C_T test says copying: three standard deviations.
pub const COPYING: f64 = -3.0;
/// Below this the distance ratio says so.
pub const CLOSE: f64 = 0.7;
/// Lloyd's steps of the cells.
const LLOYD_STEPS: usize = 20;

/// What the audit found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// Median over the drawn of the distance to the nearest training picture over that to the nearest held-out picture, divided by
    /// the same for held-out pictures among themselves; 1 means no preference for the training set.
    pub distance_ratio: f64,
    /// C_T: standard deviations by which drawn pictures lie farther from the training set than held-out ones do; strongly negative
    /// means copying, strongly positive means that little of the training set is drawn.
    pub c_t: f64,
    /// Share of drawn pictures that lie farther from their nearest training picture than that one from its own nearest.
    pub authentic: f64,
    /// Drawn pictures.
    pub n_drawn: usize,
}

impl Audit {
    /// Whether any of the three says that training pictures are handed back.
    #[must_use]
    pub fn is_copying(&self) -> bool {
        self.c_t < COPYING || self.distance_ratio < CLOSE
    }
}

/// The nearest training picture of a drawn one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// Row of the drawn picture.
    pub drawn: usize,
    /// Row of the training picture.
    pub training: usize,
    /// Their distance.
    pub distance: f64,
}

/// Features of the three sets, each `[n, dim]`.
#[derive(Debug)]
pub struct Sets<'a> {
    /// What was learnt from.
    pub training: &'a Tensor,
    /// Pictures of the same kind that were not.
    pub held_out: &'a Tensor,
    /// What was drawn.
    pub drawn: &'a Tensor,
}

/// Audits drawn pictures; C_T is taken within `n_cells` cells of the training set.
///
/// # Errors
/// Features of other shapes, or fewer than two pictures in a set.
pub fn audit(sets: &Sets<'_>, n_cells: usize, seed: u64) -> Result<Audit, EvaluateError> {
    let (training, held_out, drawn) = checked(sets)?;
    let to_training = nearest(&drawn, &training)?;
    Ok(Audit {
        distance_ratio: distance_ratio(&[&training, &held_out, &drawn])?,
        c_t: c_t(&[&training, &held_out, &drawn], n_cells, seed)?,
        authentic: authentic(&training, &to_training)?,
        n_drawn: to_training.len(),
    })
}

/// The pairs of drawn and training pictures that lie closest, at most one a drawn picture, nearest first.
///
/// # Errors
/// Features of other shapes.
pub fn nearest_pairs(
    training: &Tensor,
    drawn: &Tensor,
    n: usize,
) -> Result<Vec<Nearest>, EvaluateError> {
    let (training, drawn) = (rows("training", training, 1)?, rows("drawn", drawn, 1)?);
    same_dim(&training, &drawn)?;
    let mut pairs: Vec<Nearest> = nearest(&drawn, &training)?
        .into_iter()
        .enumerate()
        .map(|(drawn, (training, distance))| Nearest {
            drawn,
            training,
            distance,
        })
        .collect();
    pairs.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    pairs.truncate(n);
    Ok(pairs)
}

fn checked(sets: &Sets<'_>) -> Result<(Tensor, Tensor, Tensor), EvaluateError> {
    let training = rows("training", sets.training, 2)?;
    let held_out = rows("held_out", sets.held_out, 2)?;
    let drawn = rows("drawn", sets.drawn, 2)?;
    same_dim(&training, &held_out)?;
    same_dim(&training, &drawn)?;
    Ok((training, held_out, drawn))
}

/// For each row of `from`, the row of `to` that is nearest, and the distance.
fn nearest(from: &Tensor, to: &Tensor) -> Result<Vec<(usize, f64)>, EvaluateError> {
    let (distances, places) = squared_distances(from, to).min_dim(1, false);
    let places = values(&places)?.into_iter().map(|place| place as usize);
    Ok(places.zip(values(&distances.sqrt())?).collect())
}

fn distance_ratio([training, held_out, drawn]: &[&Tensor; 3]) -> Result<f64, EvaluateError> {
    let ratios = |to_training: &[(usize, f64)], to_held: &[f64]| {
        let one = |((_, near), held): (&(usize, f64), &f64)| near / held.max(1e-12);
        let ratios: Vec<f64> = to_training.iter().zip(to_held).map(one).collect();
        median(&ratios).unwrap_or(1.0)
    };
    let to_held: Vec<f64> = nearest(drawn, held_out)?
        .into_iter()
        .map(|(_, d)| d)
        .collect();
    let of_drawn = ratios(&nearest(drawn, training)?, &to_held);
    // Held-out pictures show what the same ratio is for pictures that nobody copied, whatever the sets' sizes.
    let of_held = ratios(&nearest(held_out, training)?, &own_reach(held_out)?);
    Ok(of_drawn / of_held.max(1e-12))
}

/// C_T over cells: the mean of the cells' Z, weighted by the held-out pictures in them; cells without enough of either side are left out.
fn c_t(
    [training, held_out, drawn]: &[&Tensor; 3],
    n_cells: usize,
    seed: u64,
) -> Result<f64, EvaluateError> {
    let centres = cells(training, n_cells.max(1), seed)?;
    let cell_of = |rows: &Tensor| nearest(rows, &centres);
    let (in_training, in_held, in_drawn) =
        (cell_of(training)?, cell_of(held_out)?, cell_of(drawn)?);
    let (mut sum, mut weight) = (0.0, 0.0);
    for cell in 0..centres.size()[0] as usize {
        let members = |cells: &[(usize, f64)]| -> Vec<i64> {
            let inside = cells
                .iter()
                .enumerate()
                .filter(|(_, (own, _))| *own == cell);
            inside.map(|(row, _)| row as i64).collect()
        };
        let (t, p, q) = (members(&in_training), members(&in_held), members(&in_drawn));
        if t.is_empty() || p.len() < 2 || q.len() < 2 {
            continue;
        }
        let own = training.index_select(0, &Tensor::from_slice(&t));
        let distances = |rows: &Tensor, numbers: &[i64]| -> Result<Vec<f64>, EvaluateError> {
            let part = rows.index_select(0, &Tensor::from_slice(numbers));
            Ok(nearest(&part, &own)?.into_iter().map(|(_, d)| d).collect())
        };
        sum += p.len() as f64 * z(&distances(drawn, &q)?, &distances(held_out, &p)?);
        weight += p.len() as f64;
    }
    Ok(if weight > 0.0 { sum / weight } else { 0.0 })
}

/// Standard deviations by which `first` ranks above `second`.
fn z(first: &[f64], second: &[f64]) -> f64 {
    let (m, n) = (first.len() as f64, second.len() as f64);
    let deviation = (m * n * (m + n + 1.0) / 12.0).sqrt();
    (mann_whitney_u(first, second) - m * n / 2.0) / deviation
}

/// Centres of k-means cells (Lloyd 1982), begun at rows drawn from the seed.
fn cells(rows: &Tensor, n_cells: usize, seed: u64) -> Result<Tensor, EvaluateError> {
    let n = rows.size()[0] as usize;
    let mut draws = Draws::new(seed, "cells").sample(0);
    let first = Tensor::from_slice(&subset(&mut draws, n_cells.min(n), n));
    let mut centres = rows.index_select(0, &first);
    for _ in 0..LLOYD_STEPS {
        let places = squared_distances(rows, &centres).argmin(1, false);
        let sums = centres.zeros_like().index_add(0, &places, rows);
        let ones = Tensor::ones([n as i64, 1], (rows.kind(), rows.device()));
        let counts = Tensor::zeros([centres.size()[0], 1], (rows.kind(), rows.device()))
            .index_add(0, &places, &ones);
        let is_empty = counts.le(0.0);
        centres = (sums / counts.clamp_min(1.0)).where_self(&is_empty.logical_not(), &centres);
    }
    Ok(centres)
}

fn authentic(training: &Tensor, to_training: &[(usize, f64)]) -> Result<f64, EvaluateError> {
    let reach = own_reach(training)?;
    let is_authentic = |(place, distance): &&(usize, f64)| *distance > reach[*place];
    Ok(to_training.iter().filter(is_authentic).count() as f64 / to_training.len().max(1) as f64)
}

/// The distance of each row to the nearest other row.
fn own_reach(rows: &Tensor) -> Result<Vec<f64>, EvaluateError> {
    let n = rows.size()[0];
    // A row is no neighbour of its own.
    let own = Tensor::eye(n, (rows.kind(), rows.device())) * 1e300;
    let within = squared_distances(rows, rows) + own;
    values(&within.min_dim(1, false).0.sqrt())
}
