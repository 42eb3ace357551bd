//! A style as a vector, where it came from, and how well the model knows the like of it.

use idiom_model::restyle::RestyleModel;
use tch::{Kind, Tensor};

use crate::StudioError;

/// A style that a picture can be given.
#[derive(Debug)]
pub struct Style {
    /// Unit vector `[1, style_dim]`.
    pub(crate) vector: Tensor,
    /// The styles that the model knows, the nearest first.
    pub nearest: Vec<Nearest>,
    /// Cosine of the sentence with the most similar phrase that the model was trained on, -1 to 1; 1 for a picture.
    pub familiarity: f64,
    /// Whether the words are less like any known phrase than nearly all phrases the model was tried on.
    pub is_unusual: bool,
    /// The most similar phrase that the model was trained on; empty for a picture.
    pub like: String,
}

/// A known style and how near it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// As the data set calls it.
    pub name: String,
    /// Cosine of the vectors, -1 to 1.
    pub cosine: f64,
}

impl Style {
    /// Styles mixed by weights, which need not sum to one: vectors are averaged and brought back to unit length.
    ///
    /// # Errors
    /// No style, or weights that are not all finite and positive.
    pub fn mix(model: &RestyleModel, parts: &[(Self, f64)]) -> Result<Self, StudioError> {
        let bad = parts
            .iter()
            .find(|(_, weight)| !(weight.is_finite() && *weight > 0.0));
        if let Some((_, weight)) = bad {
            return Err(StudioError::Setting {
                name: "weight",
                found: weight.to_string(),
                allowed: "above 0",
            });
        }
        let weighed = parts.iter().map(|(style, weight)| &style.vector * *weight);
        let Some(sum) = weighed.reduce(|sum, vector| sum + vector) else {
            return Err(StudioError::NoWords);
        };
        let vector = unit(&sum);
        let least = (parts.iter().map(|(style, _)| style))
            .min_by(|one, other| one.familiarity.total_cmp(&other.familiarity));
        let least = least.ok_or(StudioError::NoWords)?;
        Ok(Self {
            nearest: nearest(model, &vector)?,
            vector,
            familiarity: least.familiarity,
            is_unusual: parts.iter().any(|(style, _)| style.is_unusual),
            like: least.like.clone(),
        })
    }
}

/// The known styles by their cosine with a unit vector `[1, style_dim]`, the nearest first.
pub(crate) fn nearest(model: &RestyleModel, vector: &Tensor) -> Result<Vec<Nearest>, StudioError> {
    let cosines = |style: &[f32]| -> Result<f64, StudioError> {
        let known = Tensor::f_from_slice(style)?.to_device(vector.device());
        Ok((known * vector.get(0))
            .sum(Kind::Double)
            .f_double_value(&[])?)
    };
    let mut found = Vec::new();
    for style in &model.config.styles {
        found.push(Nearest {
            name: style.name.clone(),
            cosine: cosines(&style.vector)?,
        });
    }
    found.sort_by(|one, other| other.cosine.total_cmp(&one.cosine));
    Ok(found)
}

/// Rows of length 1.
pub(crate) fn unit(rows: &Tensor) -> Tensor {
    let lengths = rows
        .square()
        .sum_dim_intlist([-1_i64].as_slice(), true, Kind::Float);
    rows / (lengths + 1e-12).sqrt()
}
