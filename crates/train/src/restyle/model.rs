//! What is kept of a run: the networks, what they were trained on, and two calibrations made on pictures and words that were not.

use std::collections::BTreeMap;
use std::path::Path;

use idiom_dataset::{Columns, Dataset, Split};
use idiom_evaluate::EvaluateError;
use idiom_evaluate::naming::{Asked, Seen, UNFITTED, Verdicts, directions};
use idiom_model::TextEncoderInfo;
use idiom_model::naming::{MOST_SUBJECTS, Naming, NamingVectors};
use idiom_model::restyle::{
    Calibration, KnownPhrase, KnownStyle, RestyleConfig, RestyleStores, save,
};
use idiom_spec::experiment::Experiment;
use tch::{Kind, Tensor};

use super::looks::{Looks, Phrase, Phrases};
use super::probe::{sentence_vectors, style_vectors};
use super::step::Stepper;
use crate::TrainError;
use crate::pictures::decode;
use crate::request::Source;

/// Pictures the agreement is calibrated on, at most.
const MOST_PICTURES: usize = 1536;
/// Pictures judged at once.
const CHUNK: usize = 64;
/// Share of the phrases set aside that may be called unusual.
const UNUSUAL_SHARE: f64 = 0.02;
/// Steps of Newton's method; it has settled long before.
const NEWTON_STEPS: usize = 50;

/// What must be remembered of the data until the model is kept.
#[derive(Debug)]
pub(super) struct Keeper {
    dataset: Dataset,
    encoder: TextEncoderInfo,
    resolution: i64,
    names: Vec<String>,
    n_pictures: Vec<u64>,
    licences: BTreeMap<String, u64>,
}

impl Keeper {
    pub(super) fn new(
        source: &Source,
        encoder: &str,
        experiment: &Experiment,
        looks: &Looks,
    ) -> Self {
        Self {
            dataset: source.dataset.clone(),
            encoder: source.text_encoder(encoder),
            resolution: experiment.resolution,
            names: looks.names.clone(),
            n_pictures: (0..looks.names.len())
                .map(|style| looks.n_pictures(style))
                .collect(),
            licences: looks.licences.clone(),
        }
    }

    /// Saves the model of a run as it stands into `folder`.
    ///
    /// # Errors
    /// The data set cannot be read, what libtorch throws, or a file cannot be written.
    pub(super) fn keep(
        &self,
        stepper: &Stepper,
        folder: &Path,
        facts: &[(String, String)],
    ) -> Result<(), TrainError> {
        let (players, words) = (&stepper.players, &stepper.words);
        let phrases = &words.probe.phrases;
        let centres = words.probe.centres(players, &words.table)?;
        let known = sentence_vectors(&phrases.trained_on, &words.table)?;
        let (naming, naming_vectors) = self.naming(stepper)?;
        let config = RestyleConfig {
            resolution: self.resolution,
            generator: players.average.config().clone(),
            discriminator: players.discriminator.config().clone(),
            picture_encoder: players.encoder.config().clone(),
            text_head: players.text_head.config().clone(),
            text_encoder: self.encoder.clone(),
            styles: self.styles(&centres)?,
            phrases: phrases.trained_on.iter().map(known_phrase).collect(),
            agreement: self.calibrated(stepper)?,
            least_familiar: match phrases.aside.as_slice() {
                [] => -1.0,
                aside => familiarity(&known, &sentence_vectors(aside, &words.table)?)?,
            },
            naming: Some(naming),
            licences: self.licences.clone(),
            provenance: facts.iter().cloned().collect(),
        };
        let stores = RestyleStores {
            generator: &players.stores.average,
            discriminator: &players.stores.discriminator,
            encoder: &players.stores.encoder,
        };
        save(folder, &config, &stores, &known, Some(&naming_vectors))?;
        Ok(())
    }

    /// The directions of looks and subjects in the training pictures, and how sharply held-out pictures lie in them.
    fn naming(&self, stepper: &Stepper) -> Result<(Naming, NamingVectors), TrainError> {
        let mut languages: Vec<String> = Vec::new();
        for phrase in &stepper.words.probe.phrases.trained_on {
            if !languages.contains(&phrase.language) {
                languages.push(phrase.language.clone());
            }
        }
        let asked = Asked {
            dataset: &self.dataset,
            split: Split::Train,
            looks: &self.names,
            languages: &languages,
            encoder: &stepper.players.encoder,
            device: stepper.device(),
        };
        let trained_on = Seen::read(&asked)?;
        let looks = directions(&trained_on.style, &trained_on.looks, self.names.len())?;
        let mut names = trained_on.names;
        names.truncate(MOST_SUBJECTS);
        // Subjects are numbered as they come, so those that are cut off have the highest numbers.
        let carried = |subject: &i64| match (*subject as usize) < names.len() {
            true => *subject,
            false => -1,
        };
        let carried: Vec<i64> = trained_on.subjects.iter().map(carried).collect();
        let subjects = directions(&trained_on.subject, &carried, names.len())?;
        let held_out = match self.dataset.rows(Split::Validation) {
            0 => None,
            _ => Some(Seen::read(&Asked {
                split: Split::Validation,
                ..asked
            })?),
        };
        let sharpness = |verdicts: Option<Result<Verdicts, EvaluateError>>| match verdicts {
            Some(verdicts) => verdicts?.sharpness(),
            None => Ok(UNFITTED),
        };
        let naming = Naming {
            look_sharpness: sharpness(held_out.as_ref().map(|seen| seen.among_looks(&looks)))?,
            subject_sharpness: sharpness(
                held_out.as_ref().map(|seen| seen.among_subjects(&subjects)),
            )?,
            subjects: names,
        };
        Ok((naming, NamingVectors { looks, subjects }))
    }

    fn styles(&self, centres: &Tensor) -> Result<Vec<KnownStyle>, TrainError> {
        let styles = self.names.iter().zip(&self.n_pictures).enumerate();
        styles
            .map(|(idx, (name, n_pictures))| {
                Ok(KnownStyle {
                    name: name.clone(),
                    n_pictures: *n_pictures,
                    vector: Vec::try_from(centres.get(idx as i64).to_kind(Kind::Float))?,
                })
            })
            .collect()
    }

    /// From the discriminator's agreement of held-out pictures with their own style's words, and with another's, to the
    /// probability that they belong together.
    fn calibrated(&self, stepper: &Stepper) -> Result<Calibration, TrainError> {
        let split = match self.dataset.rows(Split::Validation) {
            0 => Split::Train,
            _ => Split::Validation,
        };
        let (mut pixels, mut styles) = (Vec::new(), Vec::new());
        for record in self
            .dataset
            .records(split, Columns::All)
            .take(MOST_PICTURES)
        {
            let record = record?;
            let style = self
                .names
                .iter()
                .position(|name| Some(name) == record.style.as_ref());
            if let (Some(style), Some(picture)) = (style, decode(&record, self.resolution as u32)) {
                pixels.extend_from_slice(&picture);
                styles.push(style);
            }
        }
        let seen = self.judged(stepper, &pixels)?;
        let phrases = phrases_of_all_styles(&stepper.words.probe.phrases, self.names.len());
        let said = style_vectors(phrases, &stepper.players, &stepper.words.table)?;
        let mut of_style = vec![Vec::new(); self.names.len()];
        for (idx, phrase) in phrases.iter().enumerate() {
            of_style[phrase.style as usize].push(idx);
        }
        let cosines = seen.matmul(&said.to_device(seen.device()).transpose(0, 1));
        let cosines = cosines.to_device(tch::Device::Cpu).to_kind(Kind::Double);
        let at = |picture: usize, style: usize| {
            let words = &of_style[style];
            cosines.double_value(&[picture as i64, words[picture % words.len()] as i64])
        };
        let n_styles = self.names.len();
        let (mut xs, mut is_match) = (Vec::new(), Vec::new());
        for (picture, style) in styles.iter().enumerate() {
            let other = (style + 1 + picture % (n_styles - 1)) % n_styles;
            xs.extend([at(picture, *style), at(picture, other)]);
            is_match.extend([true, false]);
        }
        Ok(logistic(&xs, &is_match))
    }

    /// The discriminator's agreement vectors of pictures `[n, 3, side, side]`, 0 to 255.
    fn judged(&self, stepper: &Stepper, pixels: &[u8]) -> Result<Tensor, TrainError> {
        let size = 3 * (self.resolution * self.resolution) as usize;
        let mut vectors = Vec::new();
        for chunk in pixels.chunks(CHUNK * size) {
            let pictures = stepper.pictures(chunk)?;
            let discriminator = &stepper.players.discriminator;
            vectors.push(tch::no_grad(|| {
                let judged = discriminator.features(&pictures)?;
                Ok::<_, TrainError>(discriminator.agreement(&judged))
            })?);
        }
        Ok(Tensor::f_cat(&vectors, 0)?)
    }
}

fn known_phrase(phrase: &Phrase) -> KnownPhrase {
    KnownPhrase {
        text: phrase.text.clone(),
        language: phrase.language.clone(),
        style: phrase.style as usize,
    }
}

/// The phrases set aside, if every style has one; else those that were learnt from.
fn phrases_of_all_styles(phrases: &Phrases, n_styles: usize) -> &[Phrase] {
    let has_style = |style| phrases.aside.iter().any(|phrase| phrase.style == style);
    match (0..n_styles as u32).all(has_style) {
        true => &phrases.aside,
        false => &phrases.trained_on,
    }
}

/// The cosine with the nearest known phrase that all but a few of the others reach.
fn familiarity(known: &Tensor, others: &Tensor) -> Result<f64, TrainError> {
    let unit = |rows: &Tensor| {
        rows / rows
            .square()
            .sum_dim_intlist([1_i64].as_slice(), true, Kind::Float)
            .sqrt()
    };
    let cosines = unit(others).matmul(&unit(known).transpose(0, 1));
    let nearest = cosines
        .amax([1_i64].as_slice(), false)
        .to_kind(Kind::Double);
    let mut nearest = Vec::<f64>::try_from(nearest)?;
    nearest.sort_by(f64::total_cmp);
    Ok(nearest[(nearest.len() as f64 * UNUSUAL_SHARE) as usize])
}

/// The logistic curve of greatest likelihood (Platt 1999), with his softened targets, by Newton's method.
fn logistic(xs: &[f64], is_match: &[bool]) -> Calibration {
    let n_matches = is_match.iter().filter(|is_match| **is_match).count() as f64;
    let n_others = xs.len() as f64 - n_matches;
    let target = |is_match: bool| match is_match {
        true => (n_matches + 1.0) / (n_matches + 2.0),
        false => 1.0 / (n_others + 2.0),
    };
    let mut curve = Calibration {
        slope: 0.0,
        offset: 0.0,
    };
    for _ in 0..NEWTON_STEPS {
        // Gradient and Hessian of the negative log-likelihood; the small number keeps the latter invertible.
        let (mut g, mut h) = ([0.0; 2], [1e-9, 0.0, 1e-9]);
        for (x, is_match) in xs.iter().zip(is_match) {
            let p = curve.probability(*x);
            let (error, weight) = (p - target(*is_match), p * (1.0 - p));
            g = [g[0] + error * x, g[1] + error];
            h = [h[0] + weight * x * x, h[1] + weight * x, h[2] + weight];
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        curve.slope -= (h[2] * g[0] - h[1] * g[1]) / determinant;
        curve.offset -= (h[0] * g[1] - h[1] * g[0]) / determinant;
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_that_of_the_odds() {
        // At x = 0 one of four matches, at x = 1 three of four; large counts make Platt's softening small.
        let xs: Vec<f64> = (0..8000).map(|idx| f64::from(idx / 4 % 2)).collect();
        let is_match: Vec<bool> = (0..8000)
            .map(|idx| {
                if idx / 4 % 2 == 0 {
                    idx % 4 == 0
                } else {
                    idx % 4 != 0
                }
            })
            .collect();
        let curve = logistic(&xs, &is_match);
        assert!((curve.probability(0.0) - 0.25).abs() < 1e-3, "{curve:?}");
        assert!((curve.probability(1.0) - 0.75).abs() < 1e-3, "{curve:?}");
    }
}
