//! What a picture looks like and what it shows, in everyday words of each language that the model speaks.
//!
//! The picture's style and subject vectors are compared with the directions that the model carries; cosines times the sharpness
//! fitted on held-out pictures give probabilities. Of the many phrases for a look, those nearest to this very picture are said.
//! A model from before it could name anything describes looks only, by its phrases, with probabilities that nobody calibrated.

use std::collections::BTreeMap;

use idiom_model::naming::{Naming, NamingVectors};
use idiom_picture::Rgba8;
use tch::{Device, Kind, Tensor};

use crate::style::unit;
use crate::{Studio, StudioError};

/// Sharpness where a model has none: one over the temperature that the style vectors were trained with.
const UNCALIBRATED: f64 = 10.0;

/// What is to be said of a picture, the most probable first.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// The looks that it may be in.
    pub looks: Vec<Look>,
    /// What it may show, among the subjects that the model can name; empty where it can name none.
    pub subjects: Vec<Subject>,
    /// How many subjects it can name.
    pub n_known: usize,
}

/// A style that a picture may be in.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// As the data set calls it.
    pub name: String,
    /// The phrase for it that fits the picture best in each language: language and words.
    pub phrases: Vec<(String, String)>,
    /// Its share among the known styles, 0 to 1.
    pub probability: f64,
}

/// Something that a picture may show.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// Language and name, in the order of the languages of the phrases.
    pub names: Vec<(String, String)>,
    /// Its share among the known subjects, 0 to 1.
    pub probability: f64,
}

impl Studio {
    /// The looks that a picture may be in, and at most `n` subjects that it may show.
    ///
    /// # Errors
    /// A picture smaller than the encoder can read.
    pub fn describe(&self, picture: &Rgba8, n: usize) -> Result<Description, StudioError> {
        let seen = self.seen(picture)?;
        let config = &self.model.config;
        let known = config
            .naming
            .as_ref()
            .zip(self.model.naming_vectors.as_ref());
        let (looks, subjects) = match known {
            Some((naming, vectors)) => (
                shares(&seen.style, &vectors.looks, naming.look_sharpness)?,
                self.subjects(&seen.subject, naming, vectors, n)?,
            ),
            None => (
                shares(&seen.style, &self.centres()?, UNCALIBRATED)?,
                Vec::new(),
            ),
        };
        let looks = looks.into_iter().map(|(style, probability)| {
            Ok(Look {
                name: config.styles[style].name.clone(),
                phrases: self.phrases(style, &seen.style)?,
                probability,
            })
        });
        Ok(Description {
            looks: looks.collect::<Result<_, StudioError>>()?,
            subjects,
            n_known: config
                .naming
                .as_ref()
                .map_or(0, |naming| naming.subjects.len()),
        })
    }

    /// For each style that the model knows, the phrase nearest to the middle of its phrases: in `language`, or in each language in turn.
    ///
    /// # Errors
    /// A language in which a style has no phrase.
    pub fn typical_phrases(&self, language: Option<&str>) -> Result<Vec<String>, StudioError> {
        let languages = self.languages();
        let styles = self.model.config.styles.iter().enumerate();
        styles
            .map(|(idx, style)| {
                let turn = languages.get(idx % languages.len().max(1));
                let wanted = language.or(turn.copied()).unwrap_or_default();
                let middle = Tensor::f_from_slice(&style.vector)?.to_device(self.model.device);
                let phrases = self.phrases(idx, &middle.view([1, -1]))?;
                let found = phrases.into_iter().find(|(tag, _)| tag == wanted);
                found
                    .map(|(_, phrase)| phrase)
                    .ok_or_else(|| StudioError::NoPhrase {
                        style: style.name.clone(),
                        language: wanted.to_owned(),
                        known: languages.join(", "),
                    })
            })
            .collect()
    }

    fn subjects(
        &self,
        vector: &Tensor,
        naming: &Naming,
        vectors: &NamingVectors,
        n: usize,
    ) -> Result<Vec<Subject>, StudioError> {
        let languages = self.languages();
        let shares = shares(vector, &vectors.subjects, naming.subject_sharpness)?;
        let best = shares
            .into_iter()
            .take(n)
            .map(|(subject, probability)| Subject {
                names: in_order(&naming.subjects[subject], &languages),
                probability,
            });
        Ok(best.collect())
    }

    /// The mean direction of each style's phrases.
    fn centres(&self) -> Result<Tensor, StudioError> {
        let styles = self.model.config.styles.iter();
        let rows = styles.map(|style| Tensor::f_from_slice(&style.vector));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::f_stack(&rows, 0)?.to_device(self.model.device))
    }

    /// The languages of the known phrases, in the order in which they come.
    fn languages(&self) -> Vec<&str> {
        let mut languages: Vec<&str> = Vec::new();
        for phrase in &self.model.config.phrases {
            if !languages.contains(&phrase.language.as_str()) {
                languages.push(&phrase.language);
            }
        }
        languages
    }

    /// In each language the phrase of a style that lies nearest to a picture's style vector `[1, style_dim]`.
    fn phrases(&self, style: usize, vector: &Tensor) -> Result<Vec<(String, String)>, StudioError> {
        let model = &self.model;
        let said = tch::no_grad(|| model.text_head.forward(&model.phrase_vectors))?;
        let cosines = said
            .f_matmul(&unit(vector).transpose(0, 1))?
            .view([-1])
            .to_device(Device::Cpu);
        let cosines = Vec::<f64>::try_from(cosines.to_kind(Kind::Double))?;
        let nearest = self.languages().into_iter().filter_map(|language| {
            let phrases = model.config.phrases.iter().zip(&cosines);
            let own =
                phrases.filter(|(phrase, _)| phrase.style == style && phrase.language == language);
            let (phrase, _) = own.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
            Some((language.to_owned(), phrase.text.clone()))
        });
        Ok(nearest.collect())
    }
}

/// Which of `directions [n, dim]` a vector `[1, dim]` lies in, with probabilities that sum to 1, the most probable first.
fn shares(
    vector: &Tensor,
    directions: &Tensor,
    sharpness: f64,
) -> Result<Vec<(usize, f64)>, StudioError> {
    let cosines = directions
        .f_matmul(&unit(vector).transpose(0, 1))?
        .view([-1]);
    let shares = (cosines.to_kind(Kind::Double) * sharpness).f_softmax(0, Kind::Double)?;
    let shares = Vec::<f64>::try_from(shares.to_device(Device::Cpu))?;
    let mut shares: Vec<(usize, f64)> = shares.into_iter().enumerate().collect();
    shares.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    Ok(shares)
}

/// Names in the order of the languages; those in other languages where there is none of these.
fn in_order(names: &BTreeMap<String, String>, languages: &[&str]) -> Vec<(String, String)> {
    let known = languages
        .iter()
        .filter_map(|language| names.get_key_value(*language));
    let known: Vec<(String, String)> = known
        .map(|(tag, name)| (tag.clone(), name.clone()))
        .collect();
    match known.is_empty() {
        true => names.clone().into_iter().collect(),
        false => known,
    }
}
