//! What a restyling model can name in a picture: looks by the mean of their drawings, and subjects by theirs, so that it describes
//! without the data set.
//!
//! Names stand in `config.json`, vectors in the role `naming`. Cosines times a sharpness become probabilities by softmax; both sharpnesses
//! are fitted on held-out pictures (`evaluate`'s `naming`). The number of subjects is bounded, so that a model stays a small file.

use crate::ModelError;
use crate::document::Flaw;
use crate::load::Read;
use crate::restyle::RestyleConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Tensor};

/// The role of the vectors' file.
pub(crate) const ROLE: &str = "naming";
/// Most subjects that a model carries.
pub const MOST_SUBJECTS: usize = 8192;
/// Names of the two tensors.
const LOOKS: &str = "looks";
const SUBJECTS: &str = "subjects";

/// What can be named, and how sure of it a name is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Naming {
    /// What a picture's cosines with the looks are multiplied by.
    pub look_sharpness: f64,
    /// What its cosines with the subjects are multiplied by.
    pub subject_sharpness: f64,
    /// The subjects, in the order of their vectors: each one's names by language.
    pub subjects: Vec<BTreeMap<String, String>>,
}

/// The directions that names stand for; rows of length 1.
#[derive(Debug)]
pub struct NamingVectors {
    /// Of each known style, the mean of its drawings: `[styles, style_dim]`.
    pub looks: Tensor,
    /// Of each subject, the mean of its drawings: `[subjects, subject_dim]`.
    pub subjects: Tensor,
}

impl Naming {
    /// Sharpnesses that can be used, and no more subjects than are carried.
    pub(crate) fn check(&self) -> Result<(), Flaw> {
        for (key, value) in [
            ("look_sharpness", self.look_sharpness),
            ("subject_sharpness", self.subject_sharpness),
        ] {
            if !(value.is_finite() && value > 0.0) {
                let text = format!("`naming.{key}` is {value}, but must be above 0");
                return Err(Flaw::Text(text));
            }
        }
        if self.subjects.len() > MOST_SUBJECTS {
            let text = format!(
                "`naming.subjects` has {} entries, but at most {MOST_SUBJECTS} are read",
                self.subjects.len()
            );
            return Err(Flaw::Text(text));
        }
        Ok(())
    }
}

impl NamingVectors {
    /// As they are stored.
    pub(crate) fn named(&self) -> Vec<(String, Tensor)> {
        [(LOOKS, &self.looks), (SUBJECTS, &self.subjects)]
            .map(|(name, vectors)| (name.to_owned(), vectors.shallow_clone()))
            .into()
    }

    /// Reads them, where the model names anything.
    pub(crate) fn read(
        read: &Read<RestyleConfig>,
        folder: &Path,
        device: Device,
    ) -> Result<Option<Self>, ModelError> {
        let config = &read.document.model;
        let Some(naming) = &config.naming else {
            return Ok(None);
        };
        let tensors = read.tensors(ROLE)?;
        let of_shape = |wanted: &str, n: usize, dim: i64| {
            let found = tensors.iter().find(|(name, _)| name == wanted);
            let expected = [n as i64, dim];
            match found {
                Some((_, vectors)) if vectors.size() == expected => Ok(vectors.to_device(device)),
                found => Err(ModelError::Damaged {
                    path: folder.to_owned(),
                    reason: format!(
                        "the vectors of `{wanted}` should have the shape {expected:?}, but are {:?}",
                        found.map(|(_, vectors)| vectors.size())
                    ),
                }),
            }
        };
        let encoder = &config.picture_encoder;
        Ok(Some(Self {
            looks: of_shape(LOOKS, config.styles.len(), encoder.style_dim)?,
            subjects: of_shape(SUBJECTS, naming.subjects.len(), encoder.subject_dim)?,
        }))
    }
}
