//! A linear probe: how well frozen vectors tell classes apart, on texts that it was not fitted on.
//!
//! Ridge regression onto one-hot classes with an intercept that is not shrunk (Hoerl & Kennard 1970), solved in closed form in
//! float64 and read by the largest score. It is printed beside a generator's results as their ceiling: what the encoder
//! does not tell apart, nothing after it can.

use std::collections::BTreeMap;
use tch::{Kind, TchError, Tensor};

/// What cross-validation within the training phrases of the sample data prefers, for unit vectors.
pub const RIDGE: f64 = 3.0;

/// A text's vector, its class, its group, and whether the probe is fitted on it.
#[derive(Debug, Clone, Copy)]
pub struct Example<'a> {
    /// The frozen vector; all have one length.
    pub vector: &'a [f32],
    /// The class, for instance a style.
    pub class: &'a str,
    /// What the accuracy is told apart by, for instance a language.
    pub group: &'a str,
    /// Fitted on, or held out.
    pub is_fitted_on: bool,
}

/// Accuracy on the held-out examples of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct Accuracy {
    /// The group.
    pub group: String,
    /// Held-out examples.
    pub n: usize,
    /// Of these, those put into their class.
    pub n_right: usize,
}

impl Accuracy {
    /// The share that is right, 0 to 1.
    pub fn share(&self) -> f64 {
        self.n_right as f64 / self.n.max(1) as f64
    }
}

/// Fits the probe on all groups together and reads it on the held-out examples, group by group in the order of names.
/// Empty where there is nothing to fit on.
///
/// # Errors
/// libtorch's, where vectors differ in length.
pub fn probe(examples: &[Example<'_>], ridge: f64) -> Result<Vec<Accuracy>, TchError> {
    let (fitted, held): (Vec<Example<'_>>, Vec<Example<'_>>) =
        examples.iter().partition(|example| example.is_fitted_on);
    if fitted.is_empty() || held.is_empty() {
        return Ok(Vec::new());
    }
    let mut classes: Vec<&str> = fitted.iter().map(|example| example.class).collect();
    classes.sort_unstable();
    classes.dedup();
    let scores = Fit::on(&fitted, &classes, ridge)?.scores(&held)?;
    let guesses = Vec::<i64>::try_from(&scores.f_argmax(1, false)?)?;
    let mut groups: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (example, guess) in held.iter().zip(guesses) {
        let (n, n_right) = groups.entry(example.group).or_default();
        *n += 1;
        *n_right += usize::from(classes.get(guess as usize) == Some(&example.class));
    }
    let accuracy = |(group, (n, n_right)): (&str, _)| Accuracy {
        group: group.into(),
        n,
        n_right,
    };
    Ok(groups.into_iter().map(accuracy).collect())
}

/// `scores = vectors @ weights + intercept`.
struct Fit {
    /// `[dim, classes]`
    weights: Tensor,
    /// `[classes]`
    intercept: Tensor,
}

impl Fit {
    fn on(examples: &[Example<'_>], classes: &[&str], ridge: f64) -> Result<Self, TchError> {
        let vectors = matrix(examples)?;
        let place = |example: &Example<'_>| {
            classes.binary_search(&example.class).unwrap_or_default() as i64
        };
        let places: Vec<i64> = examples.iter().map(place).collect();
        let targets = Tensor::from_slice(&places)
            .f_one_hot(classes.len() as i64)?
            .f_to_kind(Kind::Double)?;
        let mean = |x: &Tensor| x.f_mean_dim([0i64].as_slice(), false, Kind::Double);
        let (centre, offset) = (mean(&vectors)?, mean(&targets)?);
        let centred = vectors.f_sub(&centre)?;
        let shrinkage = Tensor::f_eye(centre.size()[0], (Kind::Double, tch::Device::Cpu))?
            .f_mul_scalar(ridge)?;
        let gram = centred.f_tr()?.f_matmul(&centred)?.f_add(&shrinkage)?;
        let right_side = centred.f_tr()?.f_matmul(&targets.f_sub(&offset)?)?;
        let weights = Tensor::f_linalg_solve(&gram, &right_side, true)?;
        let intercept = offset.f_sub(&centre.f_matmul(&weights)?)?;
        Ok(Self { weights, intercept })
    }

    fn scores(&self, examples: &[Example<'_>]) -> Result<Tensor, TchError> {
        matrix(examples)?
            .f_matmul(&self.weights)?
            .f_add(&self.intercept)
    }
}

/// `[examples, dim]` float64.
fn matrix(examples: &[Example<'_>]) -> Result<Tensor, TchError> {
    let rows: Vec<Tensor> = examples
        .iter()
        .map(|example| Tensor::from_slice(example.vector))
        .collect();
    Tensor::f_stack(&rows, 0)?.f_to_kind(Kind::Double)
}
