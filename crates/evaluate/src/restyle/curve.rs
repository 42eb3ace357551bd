//! What the strength trades: looks met against subjects kept, from none to all of it, for each look by itself.

use super::cases::draw;
use super::{JUDGE, TEST, Verdict, Work};
use crate::EvaluateError;
use crate::judge::share;
use crate::metrics::mean;
use crate::metrics::ssim::ssim;
use crate::report::{Figure, Table};
use tch::{Device, Tensor};

/// At which strengths the curve is taken.
const STRENGTHS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

impl Work<'_, '_> {
    /// The curve; `full` are the pictures at full strength, which are there already.
    pub(super) fn curve(&mut self, full: &Tensor) -> Result<Table, EvaluateError> {
        let request = self.request;
        let source = self
            .gallery
            .pictures(&self.rows(|case| case.source), Device::Cpu)?;
        let mut rows = Vec::new();
        for strength in STRENGTHS {
            (request.on)(&format!("the curve at strength {strength}"));
            let drawn = match strength >= 1.0 {
                true => full.shallow_clone(),
                false => draw(request, self.gallery, self.cases, self.phrases, strength)?,
            };
            let verdict = self.verdict_on(&drawn)?;
            let alike = mean(&ssim(&drawn.clamp(-1.0, 1.0), &source)?);
            rows.push(self.row(strength, &verdict, alike));
            self.log(strength, &verdict, alike);
        }
        let looks = self.names.iter().map(|name| (*name).to_owned());
        let head = [
            "strength",
            "looks met",
            "subjects found",
            "SSIM to the source",
        ];
        Ok(Table {
            title: "What the strength trades (of each look: the look met / the subject found)"
                .to_owned(),
            head: head.map(str::to_owned).into_iter().chain(looks).collect(),
            rows,
        })
    }

    fn row(&self, strength: f64, verdict: &Verdict, alike: f64) -> Vec<String> {
        let shown =
            |all: &[bool]| share(all).map_or_else(String::new, |share| format!("{share:.3}"));
        let whole = [
            format!("{strength:.2}"),
            shown(&verdict.met),
            shown(&verdict.found),
            format!("{alike:.3}"),
        ];
        let looks = (0..self.names.len()).map(|look| {
            let (met, found) = (
                self.of_look(look, &verdict.met),
                self.of_look(look, &verdict.found),
            );
            format!("{} / {}", shown(&met), shown(&found))
        });
        whole.into_iter().chain(looks).collect()
    }

    /// The inner points; what stands at the ends is logged under names of its own.
    fn log(&mut self, strength: f64, verdict: &Verdict, alike: f64) {
        if strength <= 0.0 || strength >= 1.0 {
            return;
        }
        for (key, what, all) in [
            ("look_accuracy", "the wished look met", &verdict.met),
            (
                "retrieval_at_1",
                "the subject found first in that look",
                &verdict.found,
            ),
        ] {
            let key = format!("{key}_at_strength_{strength}");
            let what = format!("{what}, at strength {strength}");
            let made = Figure::share([TEST, &key, &what], all, self.request.seed);
            self.figures.extend(made.map(|figure| figure.by(JUDGE)));
        }
        let key = format!("ssim_source_at_strength_{strength}");
        let what = format!("SSIM to the source at strength {strength}");
        let made = Figure::new([TEST, &key, &what], alike, self.cases.len());
        self.figures
            .push(made.better(crate::report::Better::Neither).by("pixels"));
    }
}
