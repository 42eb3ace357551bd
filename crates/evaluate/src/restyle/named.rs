//! How right and how honest the model's descriptions are, on pictures that it did not learn from.
//!
//! Its names are those of training subjects. A held-out subject is named where its other drawings (never the picture itself) are
//! added to what the model carries: as many wrong names as in use, and one right one.

use super::{TEST, Work};
use crate::EvaluateError;
use crate::naming::{Asked, Honesty, SHOWN, Seen};
use crate::report::{Better, Figure};
use idiom_dataset::Split;
use idiom_model::naming::{Naming, NamingVectors};
use tch::Device;

/// Whose words they are.
const ENCODER: &str = "the model's encoder";

impl Work<'_, '_> {
    /// Looks and subjects named right, and how far their probabilities are off; nothing for a model that names nothing.
    pub(super) fn names(&mut self) -> Result<(), EvaluateError> {
        let model = self.request.model;
        let (Some(naming), Some(vectors)) = (&model.config.naming, &model.naming_vectors) else {
            return Ok(());
        };
        (self.request.on)("descriptions");
        self.named(naming, vectors)
    }

    fn named(&mut self, naming: &Naming, vectors: &NamingVectors) -> Result<(), EvaluateError> {
        let looks: Vec<String> = self.names.iter().map(|name| (*name).to_owned()).collect();
        let seen = Seen::read(&Asked {
            dataset: self.request.dataset,
            split: Split::Test,
            looks: &looks,
            languages: &[],
            encoder: &self.request.model.picture_encoder,
            device: self.request.device,
        })?;
        let directions = vectors.looks.to_device(Device::Cpu);
        let found = seen
            .among_looks(&directions)?
            .honesty(naming.look_sharpness)?;
        self.tell("look", &format!("of {}", looks.len()), &found);
        let known = vectors.subjects.to_device(Device::Cpu);
        let among = format!("of {}", known.size()[0] + seen.names.len() as i64);
        let found = seen
            .among_subjects(&known)?
            .honesty(naming.subject_sharpness)?;
        self.tell("subject", &among, &found);
        Ok(())
    }

    fn tell(&mut self, of: &str, among: &str, found: &Honesty) {
        for (key, what, all) in [
            ("first", "named first", &found.is_first),
            (
                "shown",
                &format!("among the first {SHOWN}"),
                &found.is_shown,
            ),
        ] {
            let key = format!("describe_{of}_{key}");
            let what = format!("described: the right {of} {what}, {among}");
            let made = Figure::share([TEST, &key, &what], all, self.request.seed);
            self.figures.extend(made.map(|figure| figure.by(ENCODER)));
        }
        if found.is_first.is_empty() {
            return;
        }
        let key = format!("describe_{of}_ece");
        let what = format!("calibration error of the {of}s' probabilities that are shown");
        let n = found.is_first.len();
        let made = Figure::new([TEST, &key, &what], found.calibration_error, n);
        self.figures.push(made.better(Better::Lower).by(ENCODER));
    }
}
