//! The evaluation of a model that restyles, on held-out subjects and in held-out words.
//!
//! Every test subject is asked for in every look, from a source in another look (these take turns, so that sources are balanced), in
//! words that were not trained on. A judge that had no part in the training says whether the look was met, and whether the subject is
//! still found among all test subjects drawn in that look. The real drawing of the subject in that look stands beside each figure
//! as its ceiling, the source left as it is as its floor.

mod beyond;
mod cases;
mod curve;
mod dose;
mod named;
mod pace;
mod steady;

use crate::EvaluateError;
use crate::gallery::Gallery;
use crate::judge::{self, Vectors, looks_right};
use crate::metrics::bootstrap::gap_of_largest;
use crate::metrics::kid::{KidOptions, kid};
use crate::metrics::retrieval::found_at;
use crate::metrics::ssim::ssim;
use crate::panel::Panel;
use crate::report::{Better, Figure, Report};
use crate::text_to_image::features;
use idiom_dataset::embeddings::Embeddings;
use idiom_dataset::{Dataset, Phrase, Split};
use idiom_encoders::MobileNet;
use idiom_model::restyle::RestyleModel;
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Kind, Tensor};

use cases::{Case, cases, draw};

pub use beyond::Combinations;

/// Pictures at once.
const BATCH: usize = 32;

/// The split of all figures.
const TEST: &str = "test";
/// Whose verdict looks and subjects are.
const JUDGE: &str = "a judge";

/// What is evaluated.
pub struct Request<'a> {
    /// The run's name.
    pub run: String,
    /// The model.
    pub model: &'a RestyleModel,
    /// The data it learnt from.
    pub dataset: &'a Dataset,
    /// The vectors of its phrases.
    pub embeddings: &'a Embeddings,
    /// Who judges looks and subjects.
    pub judge: &'a Panel,
    /// Whose features KID is taken in.
    pub features: &'a MobileNet,
    /// Where it computes.
    pub device: Device,
    /// Which combinations of subject and look it was not shown.
    pub combinations: Combinations,
    /// Decides resamples.
    pub seed: u64,
    /// The folder for the results.
    pub folder: &'a Path,
    /// Told what is being done.
    pub on: &'a dyn Fn(&str),
}

/// Evaluates, and writes the results into the request's folder.
///
/// # Errors
/// The data set cannot be read or has no subject in two looks, the judge knows other looks, or a file cannot be written.
pub fn evaluate(request: &Request<'_>) -> Result<Report, EvaluateError> {
    let model = request.model;
    let side = model.config.resolution as u32;
    let gallery = Gallery::read(request.dataset, Split::Test, side, usize::MAX)?;
    let phrases = phrases_of(request, Split::Test)?;
    let names: Vec<&str> = model
        .config
        .styles
        .iter()
        .map(|style| style.name.as_str())
        .collect();
    let cases = cases(&gallery, &names, &phrases);
    if cases.is_empty() {
        return Err(EvaluateError::Data {
            dataset: request.dataset.folder().to_owned(),
            what: "has no test subject in two of the model's looks, or no held-out phrases"
                .to_owned(),
        });
    }
    (request.on)(&format!("{} pictures restyled", cases.len()));
    let drawn = draw(request, &gallery, &cases, &phrases, 1.0)?;
    let mut work = Work::new(request, &names, &gallery, &phrases, &cases)?;
    work.judge(&drawn)?;
    (request.on)("features for KID");
    work.distances(&drawn)?;
    (request.on)("strength");
    work.strength()?;
    let tables = vec![work.curve(&drawn)?, work.beyond()?];
    work.agreement()?;
    work.steadiness()?;
    work.names()?;
    work.pace()?;
    let report = Report {
        run: request.run.clone(),
        facts: BTreeMap::from([
            ("model_sha256".to_owned(), model.sha256.clone()),
            ("judge_sha256".to_owned(), request.judge.sha256()),
            ("dataset_sha256".to_owned(), request.dataset.sha256().to_owned()),
            ("seed".to_owned(), request.seed.to_string()),
        ]),
        figures: work.figures,
        tables,
        remarks: vec![
            "subjects and phrases of `test` were not learnt from; sources come from all other looks in turn".to_owned(),
        ],
        pictures: Vec::new(),
    };
    report.write(request.folder)?;
    Ok(report)
}

/// The phrases of a split that have a vector.
fn phrases_of(request: &Request<'_>, split: Split) -> Result<Vec<Phrase>, EvaluateError> {
    let mut phrases = request.dataset.phrases()?;
    phrases
        .retain(|phrase| phrase.split == split && request.embeddings.get(&phrase.text).is_some());
    Ok(phrases)
}

struct Work<'a, 'b> {
    request: &'a Request<'b>,
    names: &'a [&'a str],
    gallery: &'a Gallery,
    phrases: &'a [Phrase],
    cases: &'a [Case],
    /// What the judge sees in the real pictures.
    real: Vectors,
    figures: Vec<Figure>,
}

/// Of each case, whether the look was met, and whether the subject is found.
struct Verdict {
    met: Vec<bool>,
    found: Vec<bool>,
}

impl<'a, 'b> Work<'a, 'b> {
    fn new(
        request: &'a Request<'b>,
        names: &'a [&'a str],
        gallery: &'a Gallery,
        phrases: &'a [Phrase],
        cases: &'a [Case],
    ) -> Result<Self, EvaluateError> {
        Ok(Self {
            request,
            names,
            gallery,
            phrases,
            cases,
            real: request.judge.vectors(&gallery.pixels, request.device)?,
            figures: Vec::new(),
        })
    }

    fn rows(&self, of: fn(&Case) -> usize) -> Vec<i64> {
        self.cases.iter().map(|case| of(case) as i64).collect()
    }

    fn verdict(&self, vectors: &Vectors) -> Result<Verdict, EvaluateError> {
        let target = self.real.select(&self.rows(|case| case.target));
        Ok(Verdict {
            met: self.looks_met(vectors)?,
            found: self.subjects_found(vectors, &target)?,
        })
    }

    fn verdict_on(&self, drawn: &Tensor) -> Result<Verdict, EvaluateError> {
        let request = self.request;
        self.verdict(&request.judge.vectors(drawn, request.device)?)
    }

    /// The entries of those cases that ask for a look.
    fn of_look(&self, look: usize, all: &[bool]) -> Vec<bool> {
        let cases = self.cases.iter().zip(all);
        let of_it = cases.filter(|(case, _)| case.look == look);
        of_it.map(|(_, is_so)| *is_so).collect()
    }

    /// Whether looks are met and subjects found, for the drawn pictures, the real ones, and the sources as they are.
    fn judge(&mut self, drawn: &Tensor) -> Result<(), EvaluateError> {
        let Verdict {
            met: met_drawn,
            found: found_drawn,
        } = self.verdict_on(drawn)?;
        let source = self.real.select(&self.rows(|case| case.source));
        let Verdict {
            met: met_source,
            found: found_source,
        } = self.verdict(&source)?;
        let met_real = self.looks_met(&self.real.select(&self.rows(|case| case.target)))?;
        let ceiling = ("real drawings", judge::share(&met_real));
        self.share(
            ["look_accuracy", "the wished look met"],
            &met_drawn,
            ceiling,
        );
        let what = "the same of the sources as they are";
        self.share(["look_accuracy_source", what], &met_source, ("", None));
        let copying = ("sources as they are", judge::share(&found_source));
        let what = "the subject found first in that look";
        self.share(["retrieval_at_1", what], &found_drawn, copying);
        for (look, name) in self.names.iter().enumerate() {
            let of_look = |all: &[bool]| self.of_look(look, all);
            let (met, real) = (of_look(&met_drawn), of_look(&met_real));
            let (found, copied) = (of_look(&found_drawn), of_look(&found_source));
            let ceiling = ("real drawings", judge::share(&real));
            let labels = [
                format!("look_accuracy_{name}"),
                format!("the look met, of those asked for `{name}`"),
            ];
            self.share([&labels[0], &labels[1]], &met, ceiling);
            let copying = ("sources as they are", judge::share(&copied));
            let labels = [
                format!("retrieval_at_1_{name}"),
                format!("the subject found, of those asked for `{name}`"),
            ];
            self.share([&labels[0], &labels[1]], &found, copying);
        }
        self.kinds(&met_drawn);
        self.languages(&met_drawn);
        Ok(())
    }

    fn looks_met(&self, vectors: &Vectors) -> Result<Vec<bool>, EvaluateError> {
        let numbers = self.cases.iter().map(|case| self.judges_number_of(case));
        let numbers: Vec<i64> = numbers.collect::<Result<_, _>>()?;
        looks_right(&vectors.style, &self.request.judge.directions()?, &numbers)
    }

    /// The place among the judge's looks of the one that a case asks for.
    fn judges_number_of(&self, case: &Case) -> Result<i64, EvaluateError> {
        let name = self.names[case.look];
        let place = (self.request.judge.looks().iter()).position(|look| look == name);
        place
            .map(|place| place as i64)
            .ok_or_else(|| EvaluateError::Data {
                dataset: self.request.dataset.folder().to_owned(),
                what: format!("has the look `{name}`, which the judge does not know"),
            })
    }

    /// Whether each picture's subject is found first among the real drawings of all subjects in the wanted look.
    fn subjects_found(
        &self,
        asked: &Vectors,
        target: &Vectors,
    ) -> Result<Vec<bool>, EvaluateError> {
        let mut found = vec![false; self.cases.len()];
        for look in 0..self.names.len() {
            let places: Vec<i64> = (0..self.cases.len() as i64)
                .filter(|place| self.cases[*place as usize].look == look)
                .collect();
            if places.is_empty() {
                continue;
            }
            let truths: Vec<i64> = (0..places.len() as i64).collect();
            let (queries, keys) = (
                asked.select(&places).subject,
                target.select(&places).subject,
            );
            let first = found_at(&queries, &keys, &truths, 1)?;
            for (place, is_first) in places.iter().zip(first) {
                found[*place as usize] = is_first;
            }
        }
        Ok(found)
    }

    /// The share of looks met by each phrase, phrases in groups.
    fn by_phrase(&self, met: &[bool], group: fn(&Phrase) -> &str) -> Vec<(&'a str, Vec<f64>)> {
        let mut groups: BTreeMap<&str, BTreeMap<usize, Vec<f64>>> = BTreeMap::new();
        for (case, met) in self.cases.iter().zip(met) {
            let of_phrase = groups.entry(group(&self.phrases[case.phrase])).or_default();
            let shares = of_phrase.entry(case.phrase).or_default();
            shares.push(f64::from(u8::from(*met)));
        }
        let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let groups = groups.into_iter();
        groups
            .map(|(name, phrases)| (name, phrases.values().map(mean).collect()))
            .collect()
    }

    /// Looks met by the phrases' kind: names from textbooks, or as people speak.
    fn kinds(&mut self, met: &[bool]) {
        for (kind, values) in self.by_phrase(met, |phrase| &phrase.kind) {
            let key = format!("look_accuracy_of_{kind}");
            let what = format!("looks met by `{kind}` phrases, mean over phrases");
            let made = Figure::mean([TEST, &key, &what], &values, "phrases", self.request.seed);
            self.figures.extend(made.map(|figure| figure.by(JUDGE)));
        }
    }

    /// Looks met by the phrases' language, and the gap between the two with most phrases with its interval over phrases.
    fn languages(&mut self, met: &[bool]) {
        let means = self.by_phrase(met, |phrase| &phrase.lang);
        for (language, values) in &means {
            let key = format!("look_accuracy_in_{language}");
            let what = format!("looks met in `{language}`, mean over phrases");
            let made = Figure::mean([TEST, &key, &what], values, "phrases", self.request.seed);
            self.figures.extend(made.map(|figure| figure.by(JUDGE)));
        }
        let languages = means
            .iter()
            .map(|(language, values)| (*language, values.as_slice()));
        if let Some(gap) = gap_of_largest(languages, self.request.seed) {
            let [first, second] = gap.names;
            let key = format!("gap_{first}_{second}");
            let what = format!("looks met in `{first}` minus `{second}`");
            self.figures.push(
                Figure::new([TEST, &key, &what], gap.interval.value, gap.n)
                    .within([gap.interval.low, gap.interval.high], "95 %, over phrases")
                    .better(Better::Neither)
                    .by(JUDGE),
            );
        }
    }

    /// KID to the real drawings of each look, averaged over looks, with that of one half of them to the other; SSIM to the source.
    fn distances(&mut self, drawn: &Tensor) -> Result<(), EvaluateError> {
        let request = self.request;
        let bytes = ((drawn.clamp(-1.0, 1.0) + 1.0) * 127.5)
            .round()
            .to_kind(Kind::Uint8);
        let drawn_features = features(request.features, &bytes, request.device)?;
        let rows: Vec<i64> = self.cases.iter().map(|case| case.target as i64).collect();
        let real = self
            .gallery
            .pixels
            .f_index_select(0, &Tensor::from_slice(&rows))?;
        let real_features = features(request.features, &real, request.device)?;
        let options = KidOptions::default();
        let (mut kids, mut floors) = (Vec::new(), Vec::new());
        for look in 0..self.names.len() {
            let places: Vec<i64> = (0..self.cases.len() as i64)
                .filter(|place| self.cases[*place as usize].look == look)
                .collect();
            if places.len() < 8 {
                continue;
            }
            let part =
                |all: &Tensor, places: &[i64]| all.index_select(0, &Tensor::from_slice(places));
            let wanted = part(&real_features, &places);
            kids.push(kid(&part(&drawn_features, &places), &wanted, &options)?.mean);
            let halves = places.split_at(places.len() / 2);
            let (first, second) = (
                part(&real_features, halves.0),
                part(&real_features, halves.1),
            );
            floors.push(kid(&first, &second, &options)?.mean);
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let what = "KID to the wished look's real drawings, mean over looks";
        self.figures.push(
            Figure::new([TEST, "kid", what], mean(&kids), self.cases.len())
                .beside("one half of them to the other", Some(mean(&floors)))
                .better(Better::Lower)
                .by("MobileNetV2 (ImageNet)"),
        );
        let sources: Vec<i64> = self.cases.iter().map(|case| case.source as i64).collect();
        let source = self.gallery.pictures(&sources, Device::Cpu)?;
        let alike = ssim(&drawn.clamp(-1.0, 1.0), &source)?;
        let what = "SSIM to the source at full strength";
        let made = Figure::new([TEST, "ssim_source", what], mean(&alike), alike.len());
        self.figures.push(made.better(Better::Neither).by("pixels"));
        Ok(())
    }

    fn share(&mut self, [key, what]: [&str; 2], found: &[bool], beside: (&str, Option<f64>)) {
        let made = Figure::share([TEST, key, what], found, self.request.seed);
        self.figures
            .extend(made.map(|figure| figure.beside(beside.0, beside.1).by(JUDGE)));
    }
}
