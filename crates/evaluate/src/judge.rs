//! What a contrastive model says of pictures: how each is drawn, and which other shows the same.
//!
//! A judge should have had no part in the training it judges; the evaluation of a run refuses one that had. What it says of *real* pictures
//! stands beside what it says of drawn ones, as their ceiling.

use crate::EvaluateError;
use crate::gallery::Gallery;
use crate::metrics::retrieval::found_at;
use idiom_model::ContrastiveNetworks;
use tch::{Device, Kind, Tensor};

/// Pictures at once.
const BATCH: i64 = 64;

/// Vectors of pictures.
#[derive(Debug)]
pub struct Vectors {
    /// How each is drawn: unit vectors `[n, style_dim]`.
    pub style: Tensor,
    /// What each shows: unit vectors `[n, subject_dim]`.
    pub subject: Tensor,
}

impl Vectors {
    /// Both side by side, each scaled to about unit variance an entry: `[n, style_dim + subject_dim]`.
    pub fn joined(&self) -> Tensor {
        let scaled = [&self.style, &self.subject].map(|part| {
            let dim = part.size().last().copied().unwrap_or(1);
            part * (dim as f64).sqrt()
        });
        Tensor::cat(&scaled, 1)
    }

    /// Those of some rows.
    #[must_use]
    pub fn select(&self, rows: &[i64]) -> Self {
        let rows = Tensor::from_slice(rows).to_device(self.style.device());
        Self {
            style: self.style.index_select(0, &rows),
            subject: self.subject.index_select(0, &rows),
        }
    }
}

/// The vectors of `pictures [n, 3, side, side]`: bytes, or `f32` in `[-1, 1]`. No gradient is kept.
///
/// # Errors
/// Pictures that the encoder does not take.
pub fn vectors(
    networks: &ContrastiveNetworks,
    pictures: &Tensor,
    device: Device,
) -> Result<Vectors, EvaluateError> {
    let (mut style, mut subject) = (Vec::new(), Vec::new());
    let _guard = tch::no_grad_guard();
    for part in pictures.split(BATCH, 0) {
        let part = match part.kind() {
            Kind::Uint8 => crate::gallery::signed(&part),
            _ => part.clamp(-1.0, 1.0),
        };
        let encoded = networks.encoder.forward(&part.to_device(device))?;
        style.push(encoded.style);
        subject.push(encoded.subject);
    }
    Ok(Vectors {
        style: Tensor::cat(&style, 0),
        subject: Tensor::cat(&subject, 0),
    })
}

/// Whether each style vector `[n, style_dim]` lies nearest to the direction of its look; looks of -1 are left out. Each share comes with
/// nothing but the looks in `directions [looks, style_dim]` to choose from.
///
/// # Errors
/// Vectors of another length.
pub fn looks_right(
    style: &Tensor,
    directions: &Tensor,
    looks: &[i64],
) -> Result<Vec<bool>, EvaluateError> {
    let chosen = style
        .f_matmul(&directions.transpose(0, 1))?
        .argmax(1, false);
    let chosen = Vec::<i64>::try_from(&chosen.to_device(Device::Cpu))?;
    let known = chosen.iter().zip(looks).filter(|(_, look)| **look >= 0);
    Ok(known.map(|(chosen, look)| chosen == look).collect())
}

/// For every picture and every other look of its subject, whether the subject is found first among all subjects' pictures in that look.
/// Empty where no subject is drawn twice.
///
/// # Errors
/// What libtorch throws.
pub fn found_across_looks(subject: &Tensor, gallery: &Gallery) -> Result<Vec<bool>, EvaluateError> {
    let subjects = gallery.subjects();
    let mut looks: Vec<&str> = subjects
        .values()
        .flat_map(|rows| rows.keys().copied())
        .collect();
    looks.sort_unstable();
    looks.dedup();
    let mut found = Vec::new();
    for from in &looks {
        for to in looks.iter().filter(|to| to != &from) {
            let both = subjects
                .values()
                .filter_map(|rows| Some((*rows.get(from)? as i64, *rows.get(to)? as i64)));
            let (queries, keys): (Vec<i64>, Vec<i64>) = both.unzip();
            if queries.len() < 2 {
                continue;
            }
            let part = |rows: &[i64]| {
                subject.index_select(0, &Tensor::from_slice(rows).to_device(subject.device()))
            };
            let truths: Vec<i64> = (0..queries.len() as i64).collect();
            found.extend(found_at(&part(&queries), &part(&keys), &truths, 1)?);
        }
    }
    Ok(found)
}

/// The share that is true; `None` of none.
#[must_use]
pub fn share(found: &[bool]) -> Option<f64> {
    let n_true = found.iter().filter(|is_true| **is_true).count();
    (!found.is_empty()).then(|| n_true as f64 / found.len() as f64)
}
