//! A linear probe: how well frozen vectors tell classes apart, on texts that it was not fitted on.
//!
//! Ridge regression onto one-hot classes, solved in closed form and read by the largest score. It is printed beside a
//! generator's results as their ceiling: what the encoder does not tell apart, nothing after it can.

/// A text's vector, its class, its group (a language), and whether the probe is fitted on it.
#[derive(Debug, Clone)]
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
    /// The group; `all` for all of them together.
    pub group: String,
    /// Held-out examples.
    pub n: usize,
    /// Of these, those put into their class.
    pub n_right: usize,
}

impl Accuracy {
    /// The share that is right, 0 to 1; not a number where there are no examples.
    pub fn share(&self) -> f64 {
        self.n_right as f64 / self.n as f64
    }
}
