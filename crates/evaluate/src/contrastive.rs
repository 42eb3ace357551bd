//! The evaluation of a contrastive model, which is what a judge is worth: looks told right, subjects found in another look, and how well words
//! and pictures agree. On held-out subjects, and with phrases that it never saw.

use crate::EvaluateError;
use crate::gallery::Gallery;
use crate::judge::{self, Vectors, found_across_looks, looks_right};
use crate::metrics::agreement::{Pairs, agreement};
use crate::report::{Better, Figure, Report};
use crate::sentences::vectors_of;
use idiom_dataset::embeddings::Embeddings;
use idiom_dataset::{Dataset, Phrase, Split};
use idiom_gan::{Draws, TextHead};
use idiom_model::ContrastiveModel;
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Whose verdict all figures are.
const ITSELF: &str = "the model itself";

/// What is evaluated.
pub struct Request<'a> {
    /// The run's name.
    pub run: String,
    /// The model.
    pub model: &'a ContrastiveModel,
    /// The data it learnt from.
    pub dataset: &'a Dataset,
    /// The vectors of its captions and phrases.
    pub embeddings: &'a Embeddings,
    /// Where it computes.
    pub device: Device,
    /// Decides pairs and resamples.
    pub seed: u64,
    /// The folder for the results.
    pub folder: &'a Path,
    /// Told what is being done.
    pub on: &'a dyn Fn(&str),
}

/// Evaluates, and writes the results into the request's folder.
///
/// # Errors
/// The data set cannot be read, or a file cannot be written.
pub fn evaluate(request: &Request<'_>) -> Result<Report, EvaluateError> {
    let config = &request.model.config;
    let side = config.picture_encoder.resolution as u32;
    let mut work = Work {
        request,
        figures: Vec::new(),
    };
    (request.on)("vectors of the real pictures");
    let read = |split| -> Result<Side, EvaluateError> {
        let gallery = Gallery::read(request.dataset, split, side, usize::MAX)?;
        let looks = gallery.looks(&config.looks);
        let networks = &request.model.networks;
        let vectors = judge::vectors(networks, &gallery.pixels, request.device)?;
        Ok(Side {
            gallery,
            looks,
            vectors,
        })
    };
    let (validation, test) = (read(Split::Validation)?, read(Split::Test)?);
    work.looks(&test)?;
    work.subjects(&test)?;
    if let Some(head) = &request.model.networks.style_head {
        work.words(&[&validation, &test], head)?;
    }
    let report = Report {
        run: request.run.clone(),
        facts: BTreeMap::from([
            ("model_sha256".to_owned(), request.model.sha256.clone()),
            (
                "dataset_sha256".to_owned(),
                request.dataset.sha256().to_owned(),
            ),
            ("seed".to_owned(), request.seed.to_string()),
        ]),
        figures: work.figures,
        tables: Vec::new(),
        remarks: vec!["subjects and phrases of `test` were not learnt from".to_owned()],
        pictures: Vec::new(),
    };
    report.write(request.folder)?;
    Ok(report)
}

/// The pictures of one split.
struct Side {
    gallery: Gallery,
    looks: Vec<i64>,
    vectors: Vectors,
}

struct Work<'a, 'b> {
    request: &'a Request<'b>,
    figures: Vec<Figure>,
}

impl Work<'_, '_> {
    /// Looks by the anchors, over all and look by look.
    fn looks(&mut self, test: &Side) -> Result<(), EvaluateError> {
        let Some(anchors) = &self.request.model.networks.anchors else {
            return Ok(());
        };
        let directions = tch::no_grad(|| anchors.directions());
        let names = &self.request.model.config.looks;
        let chance = Some(("chance", 1.0 / names.len() as f64));
        let right = looks_right(&test.vectors.style, &directions, &test.looks)?;
        self.share("look_accuracy", "looks told right", &right, chance);
        let known: Vec<i64> = test
            .looks
            .iter()
            .copied()
            .filter(|look| *look >= 0)
            .collect();
        for (number, name) in names.iter().enumerate() {
            let own = right
                .iter()
                .zip(&known)
                .filter(|(_, look)| **look == number as i64);
            let own: Vec<bool> = own.map(|(right, _)| *right).collect();
            self.share(
                &format!("look_accuracy_{name}"),
                &format!("of `{name}`"),
                &own,
                None,
            );
        }
        Ok(())
    }

    fn subjects(&mut self, test: &Side) -> Result<(), EvaluateError> {
        let found = found_across_looks(&test.vectors.subject, &test.gallery)?;
        let n = test.gallery.subjects().len();
        let what = format!("the subject found first in another look, among {n}");
        let chance = Some(("chance", 1.0 / n.max(1) as f64));
        self.share("retrieval_at_1", &what, &found, chance);
        Ok(())
    }

    /// Looks told by held-out phrases alone, and how well one phrase and one picture agree.
    fn words(
        &mut self,
        [validation, test]: &[&Side; 2],
        head: &TextHead,
    ) -> Result<(), EvaluateError> {
        let phrases = self.request.dataset.phrases()?;
        let known = self.vectors_of(&phrases, Split::Train, head)?;
        let held_out = self.vectors_of(&phrases, Split::Test, head)?;
        let n_looks = self.request.model.config.looks.len();
        let mut langs: Vec<&str> = held_out.iter().map(|word| word.lang.as_str()).collect();
        langs.sort_unstable();
        langs.dedup();
        for lang in langs {
            let own: Vec<&Word> = held_out.iter().filter(|word| word.lang == lang).collect();
            let Some(directions) = directions(&own, n_looks) else {
                continue;
            };
            let right = looks_right(&test.vectors.style, &directions, &test.looks)?;
            let what = format!(
                "looks told right by the mean of {} held-out `{lang}` phrases",
                own.len()
            );
            self.share(&format!("words_look_accuracy_{lang}"), &what, &right, None);
        }
        let seed = self.request.seed;
        let fitted = pairs(validation, &known, seed)?;
        let read = pairs(test, &held_out, seed)?;
        let found = agreement(&fitted, &read)?;
        let n = read.matched.len();
        if let Some(auc) = found.auc_other_look {
            let what = "agreement AUC, one held-out phrase against one of another look";
            let made = Figure::new(["test", "agreement_auc", what], auc, n);
            self.figures.push(made.by(ITSELF));
        }
        let what = "calibration error of the agreement, fitted on `validation` with learnt phrases";
        let made = Figure::new(
            ["test", "agreement_ece", what],
            found.calibration_error,
            2 * n,
        );
        self.figures.push(made.by(ITSELF).better(Better::Lower));
        Ok(())
    }

    fn vectors_of(
        &self,
        phrases: &[Phrase],
        split: Split,
        head: &TextHead,
    ) -> Result<Vec<Word>, EvaluateError> {
        let config = &self.request.model.config;
        let mut words = Vec::new();
        for phrase in phrases.iter().filter(|phrase| phrase.split == split) {
            let look = config.looks.iter().position(|look| *look == phrase.style);
            let embeddings = self.request.embeddings;
            let (Some(look), Some(_)) = (look, embeddings.get(&phrase.text)) else {
                continue;
            };
            let most_parts = usize::try_from(head.config().parts).unwrap_or(0);
            let texts = std::iter::once(phrase.text.as_str());
            let text = vectors_of(texts, most_parts, embeddings)?;
            let text = (text * config.text_encoder.scale).to_device(self.request.device);
            words.push(Word {
                look: look as i64,
                lang: phrase.lang.clone(),
                vector: tch::no_grad(|| head.forward(&text))?,
            });
        }
        Ok(words)
    }

    fn share(&mut self, key: &str, what: &str, found: &[bool], beside: Option<(&str, f64)>) {
        let made = Figure::share(["test", key, what], found, self.request.seed);
        let (what, value) = beside.unzip();
        let made = made.map(|figure| figure.by(ITSELF).beside(what.unwrap_or_default(), value));
        self.figures.extend(made);
    }
}

/// A phrase in the space of style vectors.
struct Word {
    look: i64,
    lang: String,
    /// `[1, style_dim]`
    vector: Tensor,
}

/// The mean vector of each look's phrases `[looks, style_dim]`; `None` where a look has none.
fn directions(words: &[&Word], n_looks: usize) -> Option<Tensor> {
    let of_look = |look: usize| {
        let own: Vec<&Tensor> = words
            .iter()
            .filter(|word| word.look == look as i64)
            .map(|word| &word.vector)
            .collect();
        let mean =
            |own: &[&Tensor]| Tensor::cat(own, 0).mean_dim([0_i64].as_slice(), true, Kind::Float);
        (!own.is_empty()).then(|| mean(&own))
    };
    let rows: Option<Vec<Tensor>> = (0..n_looks).map(of_look).collect();
    let rows = Tensor::cat(&rows?, 0);
    let lengths = rows
        .square()
        .sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
    Some(rows / lengths.sqrt())
}

/// For each picture, one phrase of its own look and one of another, drawn evenly over looks.
fn pairs(side: &Side, words: &[Word], seed: u64) -> Result<Pairs, EvaluateError> {
    let mut pairs = Pairs::default();
    let draws = Draws::new(seed, "agreement");
    for (row, look) in side.looks.iter().enumerate() {
        let mut sample = draws.sample(row as u64);
        let style = side.vectors.style.get(row as i64);
        let mut score = |is_own: bool| {
            let fits: Vec<&Word> = words
                .iter()
                .filter(|word| (word.look == *look) == is_own)
                .collect();
            let drawn = fits.get(sample.below(fits.len() as u64) as usize)?;
            Some(
                (drawn.vector.squeeze_dim(0) * &style)
                    .sum(Kind::Double)
                    .double_value(&[]),
            )
        };
        let (own, other) = (score(true), score(false));
        if let (Some(own), Some(other), true) = (own, other, *look >= 0) {
            pairs.matched.push(own);
            pairs.other_look.push(other);
        }
    }
    Ok(pairs)
}
