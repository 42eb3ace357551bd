//! Pictures described: which look a picture is in and what it shows, with probabilities that mean what they say.
//!
//! A picture's vectors are compared with directions: of each look, and of each subject, the mean over drawings of it. Cosines times a
//! sharpness become probabilities by softmax (temperature scaling, Guo et al. 2017, arXiv:1706.04599), fitted on pictures that no network
//! learnt from. A held-out subject is asked for by its *other* drawings: the picture itself is taken out of its subject's direction, else it
//! would find itself. Not here: saying it (`studio`).

use crate::EvaluateError;
use crate::gallery::{decoded, planes, signed};
use crate::metrics::calibration::expected_error;
use idiom_dataset::{Columns, Dataset, Record, Split};
use idiom_gan::PictureEncoder;
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};

/// Pictures encoded at once.
const CHUNK: usize = 64;
/// Kind of the captions that say subject and look in one sentence, and so are no name.
const COMPOSED: &str = "composed";
/// Newton steps; a sound fit takes fewer than ten.
const MOST_STEPS: usize = 60;
/// The sharpness where there is nothing to fit on: one over the temperature that encoders learn with.
pub const UNFITTED: f64 = 10.0;
/// Answers that are shown for a picture.
pub const SHOWN: usize = 5;
/// Bins of the calibration error.
const BINS: usize = 15;

/// Whose pictures are looked at, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The data set.
    pub dataset: &'a Dataset,
    /// Its part.
    pub split: Split,
    /// The looks by number.
    pub looks: &'a [String],
    /// The languages in which subjects are named.
    pub languages: &'a [String],
    /// Who looks; at pictures of the side it was built for.
    pub encoder: &'a PictureEncoder,
    /// Where it computes.
    pub device: Device,
}

/// Pictures as an encoder sees them, and what they show.
#[derive(Debug)]
pub struct Seen {
    /// Unit vectors `[n, style_dim]`, on the CPU.
    pub style: Tensor,
    /// Unit vectors `[n, subject_dim]`, on the CPU.
    pub subject: Tensor,
    /// The number of each picture's look, or -1.
    pub looks: Vec<i64>,
    /// The number of each picture's subject.
    pub subjects: Vec<i64>,
    /// What each subject is called, by language.
    pub names: Vec<BTreeMap<String, String>>,
}

impl Seen {
    /// Looks at all pictures of a split, a few at a time; those that cannot be decoded are left out. A picture that names no subject is a
    /// subject of its own.
    ///
    /// # Errors
    /// The data set cannot be read, or holds no such picture.
    pub fn read(asked: &Asked<'_>) -> Result<Self, EvaluateError> {
        let side = asked.encoder.config().resolution;
        let mut numbers: BTreeMap<String, i64> = BTreeMap::new();
        let (mut looks, mut subjects, mut names) = (Vec::new(), Vec::new(), Vec::new());
        let (mut waiting, mut parts) = (Vec::new(), Vec::new());
        for record in asked.dataset.records(asked.split, Columns::All) {
            let record = record?;
            let Some(picture) = decoded(&record, side as u32) else {
                continue;
            };
            waiting.extend(planes(&picture));
            let look = asked
                .looks
                .iter()
                .position(|look| Some(look) == record.style.as_ref());
            looks.push(look.map_or(-1, |look| look as i64));
            let subject = record.subject.clone().unwrap_or_else(|| record.key.clone());
            let fresh = names.len() as i64;
            let number = *numbers.entry(subject).or_insert(fresh);
            if number == fresh {
                names.push(names_of(&record, asked.languages));
            }
            subjects.push(number);
            if waiting.len() >= CHUNK * (3 * side * side) as usize {
                parts.push(encoded(asked, &std::mem::take(&mut waiting))?);
            }
        }
        if !waiting.is_empty() {
            parts.push(encoded(asked, &waiting)?);
        }
        if parts.is_empty() {
            return Err(EvaluateError::Data {
                dataset: asked.dataset.folder().to_owned(),
                what: format!(
                    "has no picture of {side} pixels in `{}`",
                    asked.split.name()
                ),
            });
        }
        let (style, subject): (Vec<Tensor>, Vec<Tensor>) = parts.into_iter().unzip();
        Ok(Self {
            style: Tensor::f_cat(&style, 0)?,
            subject: Tensor::f_cat(&subject, 0)?,
            looks,
            subjects,
            names,
        })
    }

    /// How each picture's look stands among `directions [looks, style_dim]`.
    ///
    /// # Errors
    /// Vectors of another length.
    pub fn among_looks(&self, directions: &Tensor) -> Result<Verdicts, EvaluateError> {
        let cosines = self.style.f_matmul(&directions.transpose(0, 1))?;
        let known: Vec<i64> = (0..self.looks.len() as i64)
            .filter(|row| self.looks[*row as usize] >= 0)
            .collect();
        Ok(Verdicts {
            cosines: cosines
                .f_index_select(0, &Tensor::from_slice(&known))?
                .to_kind(Kind::Double),
            truths: known.iter().map(|row| self.looks[*row as usize]).collect(),
        })
    }

    /// How each picture's subject stands among the subjects of `known [subjects, subject_dim]` and those of these pictures, each picture
    /// taken out of its own; pictures whose subject is drawn only once are left out.
    ///
    /// # Errors
    /// Vectors of another length.
    pub fn among_subjects(&self, known: &Tensor) -> Result<Verdicts, EvaluateError> {
        let n_own = self.names.len();
        let vectors = self.subject.to_kind(Kind::Double);
        let sums = sums(&vectors, &self.subjects, n_own)?;
        let known = known.to_kind(Kind::Double);
        let all = Tensor::f_cat(&[known.shallow_clone(), unit(&sums)], 0)?;
        let cosines = vectors.f_matmul(&all.transpose(0, 1))?;
        let mut counts = vec![0; n_own];
        self.subjects
            .iter()
            .for_each(|subject| counts[*subject as usize] += 1);
        let rest = sums.f_index_select(0, &Tensor::from_slice(&self.subjects))? - &vectors;
        let own = (unit(&rest) * &vectors).sum_dim_intlist([1_i64].as_slice(), true, Kind::Double);
        let columns: Vec<i64> = self
            .subjects
            .iter()
            .map(|subject| subject + known.size()[0])
            .collect();
        let cosines = cosines.f_scatter(1, &Tensor::from_slice(&columns).unsqueeze(1), &own)?;
        let twice: Vec<i64> = (0..columns.len() as i64)
            .filter(|row| counts[self.subjects[*row as usize] as usize] > 1)
            .collect();
        Ok(Verdicts {
            cosines: cosines.f_index_select(0, &Tensor::from_slice(&twice))?,
            truths: twice.iter().map(|row| columns[*row as usize]).collect(),
        })
    }
}

/// The direction in which the vectors `[n, dim]` of each group lie, of length 1: `[n_groups, dim]`. Groups below 0 are left out.
///
/// # Errors
/// What libtorch throws.
pub fn directions(
    vectors: &Tensor,
    groups: &[i64],
    n_groups: usize,
) -> Result<Tensor, EvaluateError> {
    let sums = sums(&vectors.to_kind(Kind::Double), groups, n_groups)?;
    Ok(unit(&sums).to_kind(Kind::Float))
}

fn sums(vectors: &Tensor, groups: &[i64], n_groups: usize) -> Result<Tensor, EvaluateError> {
    // One group more, for those that have none.
    let dim = vectors.size()[1];
    let sums = Tensor::zeros([n_groups as i64 + 1, dim], (Kind::Double, vectors.device()));
    let places: Vec<i64> = groups
        .iter()
        .map(|group| if *group < 0 { n_groups as i64 } else { *group })
        .collect();
    let sums = sums.f_index_add(0, &Tensor::from_slice(&places), vectors)?;
    Ok(sums.f_narrow(0, 0, n_groups as i64)?)
}

fn unit(rows: &Tensor) -> Tensor {
    let lengths = rows
        .square()
        .sum_dim_intlist([1_i64].as_slice(), true, Kind::Double)
        .sqrt();
    rows / lengths.clamp_min(1e-12)
}

/// What pictures were taken for.
#[derive(Debug)]
pub struct Verdicts {
    /// `[n, answers]` in float64: how well each answer fits.
    pub cosines: Tensor,
    /// The right answer of each picture.
    pub truths: Vec<i64>,
}

/// How good and how honest answers are.
#[derive(Debug, Clone, PartialEq)]
pub struct Honesty {
    /// Whether the right answer is the first, of each picture.
    pub is_first: Vec<bool>,
    /// Whether it is among the first [`SHOWN`].
    pub is_shown: Vec<bool>,
    /// Calibration error of the probabilities of all answers that are shown.
    pub calibration_error: f64,
}

impl Verdicts {
    /// What cosines are to be multiplied by, so that the softmax over them is most likely to be right: the one number that minimises
    /// the mean negative logarithm of the right answers' probabilities, a convex function of it (Newton's method).
    ///
    /// # Errors
    /// What libtorch throws.
    pub fn sharpness(&self) -> Result<f64, EvaluateError> {
        if self.truths.is_empty() {
            return Ok(UNFITTED);
        }
        let truths = Tensor::from_slice(&self.truths).unsqueeze(1);
        let right = self.cosines.f_gather(1, &truths, false)?.squeeze_dim(1);
        let mut sharpness = UNFITTED;
        for _ in 0..MOST_STEPS {
            let p = (&self.cosines * sharpness).softmax(1, Kind::Double);
            let expected =
                (&p * &self.cosines).sum_dim_intlist([1_i64].as_slice(), false, Kind::Double);
            let squares = (&p * self.cosines.square()).sum_dim_intlist(
                [1_i64].as_slice(),
                false,
                Kind::Double,
            );
            let slope = (&expected - &right)
                .mean(Kind::Double)
                .f_double_value(&[])?;
            let curve = (squares - expected.square())
                .mean(Kind::Double)
                .f_double_value(&[])?;
            // Where all is right already there is no end; it is bounded, and kept above 0.
            let next = (sharpness - slope / curve.max(1e-9))
                .clamp(sharpness / 2.0, sharpness * 2.0)
                .min(1e3);
            if (next - sharpness).abs() < 1e-9 * sharpness {
                break;
            }
            sharpness = next.max(1e-3);
        }
        Ok(sharpness)
    }

    /// How good and honest the answers are at a sharpness.
    ///
    /// # Errors
    /// What libtorch throws.
    pub fn honesty(&self, sharpness: f64) -> Result<Honesty, EvaluateError> {
        let mut found = Honesty {
            is_first: Vec::new(),
            is_shown: Vec::new(),
            calibration_error: 0.0,
        };
        if self.truths.is_empty() {
            return Ok(found);
        }
        let n_shown = (SHOWN as i64).min(self.cosines.size()[1]);
        let (best, places) = (&self.cosines * sharpness)
            .softmax(1, Kind::Double)
            .f_topk(n_shown, 1, true, true)?;
        let (mut probabilities, mut is_right) = (Vec::new(), Vec::new());
        for (row, truth) in self.truths.iter().enumerate() {
            let best = Vec::<f64>::try_from(best.get(row as i64))?;
            let places = Vec::<i64>::try_from(places.get(row as i64))?;
            found.is_first.push(places.first() == Some(truth));
            found.is_shown.push(places.contains(truth));
            probabilities.extend(best);
            is_right.extend(places.iter().map(|place| place == truth));
        }
        found.calibration_error = expected_error(&probabilities, &is_right, BINS);
        Ok(found)
    }

    /// The mean probability of the right answers at a sharpness, for a test.
    #[cfg(test)]
    fn likelihood(&self, sharpness: f64) -> f64 {
        let p = (&self.cosines * sharpness).log_softmax(1, Kind::Double);
        let rows: Vec<f64> = (self.truths.iter().enumerate())
            .map(|(row, truth)| p.double_value(&[row as i64, *truth]))
            .collect();
        crate::metrics::mean(&rows)
    }
}

fn encoded(asked: &Asked<'_>, bytes: &[u8]) -> Result<(Tensor, Tensor), EvaluateError> {
    let side = asked.encoder.config().resolution;
    let pictures = Tensor::f_from_slice(bytes)?.f_view([-1, 3, side, side])?;
    let pictures = signed(&pictures).to_device(asked.device);
    let seen = tch::no_grad(|| asked.encoder.forward(&pictures))?;
    Ok((
        seen.style.to_device(Device::Cpu),
        seen.subject.to_device(Device::Cpu),
    ))
}

/// The first caption in each language that names the subject alone; where there is none, whatever the picture is captioned with.
fn names_of(record: &Record, languages: &[String]) -> BTreeMap<String, String> {
    let plain = || {
        record
            .captions
            .iter()
            .filter(|caption| caption.kind != COMPOSED)
    };
    let names = languages.iter().filter_map(|language| {
        let first = plain().find(|caption| caption.lang == *language)?;
        Some((language.clone(), first.text.clone()))
    });
    let names: BTreeMap<String, String> = names.collect();
    match names.is_empty() {
        true => BTreeMap::from([(String::new(), record.caption.clone())]),
        false => names,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(subject: &[[f64; 2]], subjects: &[i64]) -> Seen {
        let rows: Vec<f64> = subject.iter().flatten().copied().collect();
        let vectors = Tensor::from_slice(&rows).view([-1, 2]);
        let n_subjects = subjects.iter().max().map_or(0, |most| most + 1);
        Seen {
            style: vectors.shallow_clone(),
            subject: vectors,
            looks: subjects.to_vec(),
            subjects: subjects.to_vec(),
            names: vec![BTreeMap::new(); n_subjects as usize],
        }
    }

    #[test]
    fn a_picture_is_asked_for_by_its_subjects_other_drawings_only() {
        // Subject 0 is drawn twice, at right angles: without itself each drawing is as far from its subject as can be.
        let seen = seen(&[[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], &[0, 0, 1]);
        let known = Tensor::from_slice(&[1.0, 0.0]).view([1, 2]);
        let found = seen.among_subjects(&known).unwrap();
        assert_eq!(found.truths, [1, 1], "the third is drawn only once");
        assert!(found.cosines.double_value(&[0, 1]).abs() < 1e-12);
        assert!(found.cosines.double_value(&[1, 1]).abs() < 1e-12);
        assert!((found.cosines.double_value(&[0, 0]) - 1.0).abs() < 1e-12);
        assert!((found.cosines.double_value(&[0, 2]) - 0.6).abs() < 1e-12);
    }

    #[test]
    fn directions_are_means_of_length_1() {
        let vectors = Tensor::from_slice(&[1.0, 0.0, 0.0, 1.0, 0.0, -1.0]).view([3, 2]);
        let found = directions(&vectors, &[0, 0, -1], 1).unwrap();
        let half = 0.5_f64.sqrt();
        assert!((found.double_value(&[0, 0]) - half).abs() < 1e-6);
        assert!((found.double_value(&[0, 1]) - half).abs() < 1e-6);
    }

    #[test]
    fn the_sharpness_is_the_likeliest_and_known_in_closed_form_for_two_answers() {
        // The right answer leads by 0.1 in three of four cases: p = 3/4 where sharpness * 0.1 = ln 3.
        let cosines = Tensor::from_slice(&[0.1, 0.0, 0.1, 0.0, 0.1, 0.0, 0.1, 0.0]).view([4, 2]);
        let verdicts = Verdicts {
            cosines,
            truths: vec![0, 0, 0, 1],
        };
        let found = verdicts.sharpness().unwrap();
        assert!((found - 3.0_f64.ln() / 0.1).abs() < 1e-6, "{found}");
        assert!(verdicts.likelihood(found) > verdicts.likelihood(found * 1.2));
        assert!(verdicts.likelihood(found) > verdicts.likelihood(found / 1.2));
        let honesty = verdicts.honesty(found).unwrap();
        assert_eq!(honesty.is_first, [true, true, true, false]);
        // Both answers are shown: .75 is right three times of four, .25 once.
        assert!(
            honesty.calibration_error < 1e-9,
            "{}",
            honesty.calibration_error
        );
    }

    #[test]
    fn answers_that_are_always_right_make_it_sure_and_not_endless() {
        let cosines = Tensor::from_slice(&[1.0, 0.0]).view([1, 2]);
        let found = Verdicts {
            cosines,
            truths: vec![0],
        }
        .sharpness()
        .unwrap();
        // The likeliest sharpness is infinite; what comes out must be finite and say so with more than .999.
        assert!(
            found.is_finite() && 1.0 / (1.0 + (-found).exp()) > 0.999,
            "{found}"
        );
    }
}
