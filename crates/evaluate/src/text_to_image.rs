//! The evaluation of a generator that draws from sentences: how real, how varied, in the look and of the subject asked for, in each language
//! alike, and not by heart.
//!
//! Sentences come from the data set: those of training rows, and those of held-out subjects with held-out phrases. What a metric says of
//! real pictures stands beside it.

use crate::gallery::{Gallery, pixels_of};
use crate::judge::{looks_right, share};
use crate::metrics::bootstrap::gap_of_largest;
use crate::metrics::fid::{self, fid};
use crate::metrics::kid::{KidOptions, kid};
use crate::metrics::manifold::manifold;
use crate::metrics::memorisation::{Sets, audit, nearest_pairs};
use crate::panel::Panel;
use crate::pools::Pools;
use crate::report::{Better, Figure, Report};
use crate::sentences::{Sentence, by_phrase, sentences, vectors_of};
use crate::{EvaluateError, memorised};
use idiom_dataset::embeddings::Embeddings;
use idiom_dataset::{Dataset, Phrase, Split};
use idiom_encoders::MobileNet;
use idiom_gan::Draws;
use idiom_model::Model;
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Pictures at once.
const BATCH: usize = 64;

/// What is evaluated, and by whom.
pub struct Request<'a> {
    /// The run's name.
    pub run: String,
    /// The model.
    pub model: &'a Model,
    /// The data it learnt from.
    pub dataset: &'a Dataset,
    /// The vectors of its captions.
    pub embeddings: &'a Embeddings,
    /// Says of pictures which look and subject they show; without one these figures are left out.
    pub judge: Option<&'a Panel>,
    /// Measures how real and how varied pictures are.
    pub features: &'a MobileNet,
    /// Whether that network had a part in the training: as a discriminator's eyes, or as a loss.
    pub features_took_part: bool,
    /// Where it computes.
    pub device: Device,
    /// Sentences a language and a split, at most.
    pub n_sentences: usize,
    /// Real training pictures that are looked at, at most, evenly spread; the memorisation audit sees no others.
    pub n_training: usize,
    /// Decides latents, sentences, distractors and subsets.
    pub seed: u64,
    /// A font for the pictures' captions; may be empty.
    pub font: &'a [u8],
    /// The folder for the results.
    pub folder: &'a Path,
    /// Told what is being done.
    pub on: &'a dyn Fn(&str),
}

/// Whose verdict looks and subjects are.
const JUDGE: &str = "the judge";
/// What intervals are taken over.
const PHRASES: &str = "phrases";

/// A set of drawn pictures and the sentences they were drawn from.
struct Drawn {
    sentences: Vec<Sentence>,
    /// `u8 [n, 3, side, side]`
    pixels: Tensor,
}

/// Evaluates, and writes the results into the request's folder.
///
/// # Errors
/// The data set cannot be read, or a file cannot be written.
pub fn evaluate(request: &Request<'_>) -> Result<Report, EvaluateError> {
    let side = request.model.generator.config().resolution as u32;
    let read = |split| Gallery::read(request.dataset, split, side, usize::MAX);
    let (training, test) = (read(Split::Train)?, read(Split::Test)?);
    let training = training.spread(request.n_training)?;
    let mut work = Work {
        request,
        phrases: request.dataset.phrases()?,
        figures: Vec::new(),
        remarks: remark_on(request).into_iter().collect(),
    };
    let n_real = training.len() + test.len();
    (request.on)(&format!("features of {n_real} real pictures"));
    let real_training = work.features(&training.pixels)?;
    let real_test = work.features(&test.pixels)?;
    for (gallery, real, name) in [
        (&training, &real_training, "train"),
        (&test, &real_test, "test"),
    ] {
        (request.on)(&format!("drawing sentences of `{name}`"));
        let languages = sentences(
            gallery,
            request.embeddings,
            request.n_sentences,
            request.seed,
        );
        let mut drawn = BTreeMap::new();
        for (lang, sentences) in languages {
            drawn.insert(lang, work.draw(sentences)?);
        }
        let all: Vec<&Tensor> = drawn.values().map(|drawn| &drawn.pixels).collect();
        let features = work.features(&Tensor::cat(&all, 0))?;
        let (other, other_gallery) = if name == "train" {
            (&real_test, &test)
        } else {
            (&real_training, &training)
        };
        work.realness(name, [real, other], &features)?;
        if let Some(judge) = request.judge {
            work.judged(name, judge, [gallery, other_gallery], &drawn)?;
        }
        if name == "test" {
            let pictures = Tensor::cat(&all, 0);
            let sets = Sets {
                training: &real_training,
                held_out: &real_test,
                drawn: &features,
            };
            work.memorised(&sets, &training, &pictures)?;
        }
    }
    let report = work.report();
    report.write(request.folder)?;
    Ok(report)
}

/// What a reader must know before he compares.
fn remark_on(request: &Request<'_>) -> Option<String> {
    request.features_took_part.then(|| {
        let features = request.features.name();
        format!(
            "KID, precision, recall, density, coverage and FID flatter these pictures: they were trained with the network ({features}) that these \
             figures are taken in (Kynkäänniemi et al. 2022, arXiv:2203.06026). `kid_by_judge` does not"
        )
    })
}

struct Work<'a, 'b> {
    request: &'a Request<'b>,
    phrases: Vec<Phrase>,
    figures: Vec<Figure>,
    remarks: Vec<String>,
}

impl Work<'_, '_> {
    fn draw(&self, sentences: Vec<Sentence>) -> Result<Drawn, EvaluateError> {
        let Request {
            model,
            device,
            embeddings,
            ..
        } = *self.request;
        let _guard = tch::no_grad_guard();
        let latents = Draws::new(self.request.seed, "evaluate_latent");
        let latent_dim = model.generator.config().latent_dim;
        let most_parts = model.config.text_parts();
        let mut parts = Vec::new();
        for (idx, chunk) in sentences.chunks(BATCH).enumerate() {
            let texts = chunk.iter().map(|sentence| sentence.text.as_str());
            let (n, text) = (
                chunk.len() as i64,
                vectors_of(texts, most_parts, embeddings)?,
            );
            let text = (text * model.config.text_encoder.scale).to_device(device);
            let latent = latents.normals((idx * BATCH) as u64, n, latent_dim);
            let drawn = model.draw(&latent.to_device(device), &text)?;
            let bytes = ((drawn.clamp(-1.0, 1.0) + 1.0) * 127.5).round();
            parts.push(
                bytes
                    .to_kind(Kind::Uint8)
                    .to_device(Device::Cpu)
                    .contiguous(),
            );
        }
        Ok(Drawn {
            sentences,
            pixels: Tensor::f_cat(&parts, 0)?,
        })
    }

    fn features(&self, pixels: &Tensor) -> Result<Tensor, EvaluateError> {
        features(self.request.features, pixels, self.request.device)
    }

    /// KID in features `[n, dim]`, its spread and its floor.
    fn kid(
        &self,
        labels: [&str; 3],
        [real, other]: [&Tensor; 2],
        drawn: &Tensor,
        by: &str,
    ) -> Result<Figure, EvaluateError> {
        let options = KidOptions {
            seed: self.request.seed,
            ..KidOptions::default()
        };
        let (found, floor) = (kid(real, drawn, &options)?, kid(real, other, &options)?);
        let (low, high) = (found.mean - found.deviation, found.mean + found.deviation);
        let spread = format!("sd, subsets of {}", found.subset_size);
        let figure = Figure::new(labels, found.mean, drawn.size()[0] as usize);
        Ok(figure
            .within([low, high], &spread)
            .beside("floor, real train against real test", Some(floor.mean))
            .better(Better::Lower)
            .by(by))
    }

    /// KID, precision and recall, FID where there are enough.
    fn realness(
        &mut self,
        split: &str,
        [real, other]: [&Tensor; 2],
        drawn: &Tensor,
    ) -> Result<(), EvaluateError> {
        let n = drawn.size()[0] as usize;
        let by = self.request.features.name();
        let labels = [split, "kid", "KID to the real pictures"];
        self.figures
            .push(self.kid(labels, [real, other], drawn, by)?);
        // Equal numbers, or the denser side would cover more by number alone.
        let least = real.size()[0].min(drawn.size()[0]).min(1000);
        let part = |rows: &Tensor| every(rows, least);
        let (found, best) = (
            manifold(&part(real), &part(drawn), [3, 5])?,
            manifold(&part(real), &part(other), [3, 5])?,
        );
        let rows = [
            (
                "precision",
                "precision: drawn pictures like real ones",
                found.precision,
                best.precision,
            ),
            (
                "recall",
                "recall: real pictures that could be drawn",
                found.recall,
                best.recall,
            ),
            ("density", "density", found.density, best.density),
            ("coverage", "coverage", found.coverage, best.coverage),
        ];
        for (key, what, value, best) in rows {
            let made = Figure::new([split, key, what], value, least as usize);
            let made = made.beside("the other split's real pictures", Some(best));
            self.figures.push(made.by(by));
        }
        if real.size()[0].min(drawn.size()[0]) >= fid::LEAST {
            let made = Figure::new([split, "fid", "FID"], fid(real, drawn)?, n);
            self.figures.push(made.better(Better::Lower).by(by));
        }
        Ok(())
    }

    /// Look and subject by the judge, over all and language by language, and the gap between languages.
    fn judged(
        &mut self,
        split: &str,
        judge: &Panel,
        [gallery, other]: [&Gallery; 2],
        drawn: &BTreeMap<String, Drawn>,
    ) -> Result<(), EvaluateError> {
        let device = self.request.device;
        let real = judge.vectors(&gallery.pixels, device)?;
        let mut seen = Vec::new();
        let directions = judge.directions()?;
        let looks = gallery.looks(judge.looks());
        let ceiling_look = share(&looks_right(&real.style, &directions, &looks)?);
        let pools = Pools::new(gallery);
        let ceiling_subject =
            share(&pools.real_in_another_look(&real, gallery, self.request.seed)?);
        let mut units: [BTreeMap<String, Vec<f64>>; 2] = Default::default();
        let mut n_all = 0;
        for (lang, drawn) in drawn {
            let vectors = judge.vectors(&drawn.pixels, device)?;
            let rows: Vec<i64> = drawn.sentences.iter().map(|s| s.row as i64).collect();
            let asked: Vec<i64> = rows.iter().map(|row| looks[*row as usize]).collect();
            let right = looks_right(&vectors.style, &directions, &asked)?;
            let found =
                pools.r_precision(&vectors.subject, &real.subject, &rows, self.request.seed)?;
            n_all += rows.len();
            seen.push(vectors.joined());
            for (units, values) in units.iter_mut().zip([right, found]) {
                let by = by_phrase(&drawn.sentences, &values, &self.phrases);
                units.insert(lang.clone(), by);
            }
        }
        let other = judge.vectors(&other.pixels, device)?.joined();
        let labels = [split, "kid_by_judge", "KID in the judge's vectors"];
        let (real, drawn_seen) = (real.joined(), Tensor::cat(&seen, 0));
        self.figures
            .push(self.kid(labels, [&real, &other], &drawn_seen, JUDGE)?);
        let chance = 1.0 / (pools.n_distractors as f64 + 1.0);
        let names = [
            (
                "look_accuracy",
                "look as asked for, by the judge",
                ceiling_look,
                "ceiling, the judge on real pictures",
            ),
            (
                "r_precision",
                "R-precision@1, the subject among others in the same look",
                ceiling_subject,
                "ceiling, real pictures in another look",
            ),
        ];
        for (units, (key, what, ceiling, beside)) in units.iter().zip(names) {
            let what = if key == "r_precision" {
                format!(
                    "{what} ({} of them, chance {chance:.3})",
                    pools.n_distractors
                )
            } else {
                what.to_owned()
            };
            let all: Vec<f64> = units.values().flatten().copied().collect();
            let seed = self.request.seed;
            let made = Figure::mean([split, key, &what], &all, PHRASES, seed);
            self.figures.extend(
                made.map(|figure| figure.resting_on(n_all).beside(beside, ceiling).by(JUDGE)),
            );
            for (lang, values) in units.iter().filter(|(lang, _)| !lang.is_empty()) {
                let (key, what) = (format!("{key}_{lang}"), format!("the same in `{lang}`"));
                let made = Figure::mean([split, &key, &what], values, PHRASES, seed);
                let n = drawn[lang].sentences.len();
                self.figures
                    .extend(made.map(|figure| figure.resting_on(n).by(JUDGE)));
            }
            self.gap(split, key, units);
        }
        Ok(())
    }

    /// The gap between the two languages with most phrases.
    fn gap(&mut self, split: &str, key: &str, units: &BTreeMap<String, Vec<f64>>) {
        let langs = units.iter().filter(|(lang, _)| !lang.is_empty());
        let langs = langs.map(|(lang, values)| (lang.as_str(), values.as_slice()));
        if let Some(gap) = gap_of_largest(langs, self.request.seed) {
            let [first, second] = gap.names;
            let key = format!("{key}_gap_{first}_{second}");
            let what = format!("gap, `{first}` minus `{second}`");
            self.figures.push(
                Figure::new([split, &key, &what], gap.interval.value, gap.n)
                    .within(
                        [gap.interval.low, gap.interval.high],
                        &format!("95 %, over {PHRASES}"),
                    )
                    .better(Better::Neither)
                    .by(JUDGE),
            );
        }
    }

    /// The memorisation audit, its planted control, and the picture of the nearest pairs.
    fn memorised(
        &mut self,
        sets: &Sets<'_>,
        training: &Gallery,
        pictures: &Tensor,
    ) -> Result<(), EvaluateError> {
        (self.request.on)("looking for training pictures among the drawn ones");
        let seed = self.request.seed;
        let found = audit(sets, memorised::CELLS, seed)?;
        let planted = memorised::planted(sets.training, found.n_drawn as i64);
        let control = audit(
            &Sets {
                drawn: &planted,
                ..*sets
            },
            memorised::CELLS,
            seed,
        )?;
        let rows = [
            (
                "distance_ratio",
                "distance to the training set over that to held-out pictures; 1 without preference",
                found.distance_ratio,
                control.distance_ratio,
            ),
            ("c_t", "C_T, below -3 means copying", found.c_t, control.c_t),
            (
                "authentic",
                "authentic pictures",
                found.authentic,
                control.authentic,
            ),
        ];
        let by = self.request.features.name();
        for (key, what, value, control) in rows {
            let made = Figure::new(["test", key, what], value, found.n_drawn);
            let made = made.beside("planted copies", Some(control));
            self.figures.push(made.better(Better::Neither).by(by));
        }
        self.remarks.push(memorised::verdict(&found, &control));
        let pairs = nearest_pairs(sets.training, sets.drawn, memorised::SHOWN)?;
        let left = |pair: usize| pixels_of(&crate::gallery::signed(&pictures.get(pair as i64)));
        memorised::sheet(
            &pairs,
            &left,
            training,
            self.request.font,
            self.request.folder,
        )
    }

    fn report(self) -> Report {
        let request = self.request;
        let mut facts = BTreeMap::from([
            ("model_sha256".to_owned(), request.model.sha256.clone()),
            (
                "dataset_sha256".to_owned(),
                request.dataset.sha256().to_owned(),
            ),
            ("features".to_owned(), request.features.name().to_owned()),
            (
                "features_sha256".to_owned(),
                request.features.sha256().to_owned(),
            ),
            ("seed".to_owned(), request.seed.to_string()),
        ]);
        let mut remarks = self.remarks;
        match request.judge {
            Some(judge) => drop(facts.insert("judge_sha256".to_owned(), judge.sha256())),
            None => remarks.push("without a judge nothing is said about looks and subjects".into()),
        }
        remarks.push(
            "`train` are sentences that were learnt from; `test` are subjects that were not, with phrases that were not".into(),
        );
        Report {
            run: request.run.clone(),
            facts,
            figures: self.figures,
            tables: Vec::new(),
            remarks,
            pictures: vec![(
                memorised::SHEET.to_owned(),
                "drawn pictures (left of each pair) and the training pictures nearest to them"
                    .to_owned(),
            )],
        }
    }
}

/// Features of pictures `u8 [n, 3, side, side]` in batches.
///
/// # Errors
/// What libtorch throws.
pub fn features(
    network: &MobileNet,
    pixels: &Tensor,
    device: Device,
) -> Result<Tensor, EvaluateError> {
    let _guard = tch::no_grad_guard();
    let mut parts = Vec::new();
    for part in pixels.split(BATCH as i64, 0) {
        let pictures = crate::gallery::signed(&part).to_device(device);
        parts.push(network.features(&pictures)?.to_device(Device::Cpu));
    }
    Ok(Tensor::f_cat(&parts, 0)?)
}

/// `n` rows, evenly spread.
fn every(rows: &Tensor, n: i64) -> Tensor {
    let total = rows.size()[0];
    let chosen: Vec<i64> = (0..n).map(|idx| idx * total / n).collect();
    rows.index_select(0, &Tensor::from_slice(&chosen))
}
