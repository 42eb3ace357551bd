//! How the look grows with the strength, and how honest the agreement is that the model prints.

use super::cases::{Case, style_vectors};
use super::{BATCH, JUDGE, TEST, Work};
use crate::EvaluateError;
use crate::metrics::calibration::expected_error;
use crate::metrics::rank::{auc, median, spearman};
use crate::metrics::ssim::ssim;
use crate::report::{Better, Figure};
use tch::{Device, Tensor};

/// Steps of the strength from 0 to 1, both included.
const STRENGTHS: usize = 11;
/// Pictures at which the strength is tried.
const N_STRENGTH: usize = 48;
/// Whose verdict the agreement is.
const DISCRIMINATOR: &str = "the model's discriminator";
/// Bins of the calibration error.
const BINS: usize = 15;

impl Work<'_, '_> {
    /// Whether the judged look grows with the strength, and whether nothing changes at none.
    pub(super) fn strength(&mut self) -> Result<(), EvaluateError> {
        let request = self.request;
        let styles = style_vectors(request, self.phrases)?;
        let chosen: Vec<&Case> = (0..N_STRENGTH.min(self.cases.len()))
            .map(|idx| &self.cases[idx * self.cases.len() / N_STRENGTH.min(self.cases.len())])
            .collect();
        let rows: Vec<i64> = chosen.iter().map(|case| case.source as i64).collect();
        let said: Vec<i64> = chosen.iter().map(|case| case.phrase as i64).collect();
        let source = self.gallery.pictures(&rows, request.device)?;
        let wished =
            styles.f_index_select(0, &Tensor::f_from_slice(&said)?.to_device(request.device))?;
        let directions = request.judge.directions()?;
        let mut judged: Vec<Vec<f64>> = vec![Vec::new(); chosen.len()];
        let steps: Vec<f64> = (0..STRENGTHS)
            .map(|step| step as f64 / (STRENGTHS - 1) as f64)
            .collect();
        for strength in &steps {
            let redrawn = tch::no_grad(|| request.model.redraw(&source, &wished, *strength))?;
            if *strength == 0.0 {
                let alike = ssim(
                    &redrawn.clamp(-1.0, 1.0).to_device(Device::Cpu),
                    &source.to_device(Device::Cpu),
                )?;
                let what = "SSIM to the source at strength 0";
                let made = median(&alike).map(|value| {
                    Figure::new([TEST, "ssim_at_no_strength", what], value, alike.len())
                });
                self.figures.extend(made.map(|figure| figure.by("pixels")));
            }
            let style = request.judge.vectors(&redrawn, request.device)?.style;
            let cosines = style
                .matmul(&directions.transpose(0, 1))
                .to_device(Device::Cpu);
            for (idx, case) in chosen.iter().enumerate() {
                let look = self.judges_number_of(case)?;
                judged[idx].push(cosines.double_value(&[idx as i64, look]));
            }
        }
        let ranks: Vec<f64> = judged
            .iter()
            .filter_map(|values| spearman(&steps, values))
            .collect();
        let what = "Spearman of strength and judged look, median over pictures";
        let labels = [TEST, "strength_spearman", what];
        let made = median(&ranks).map(|value| Figure::new(labels, value, ranks.len()));
        self.figures.extend(made.map(|figure| figure.by(JUDGE)));
        Ok(())
    }

    /// How well the discriminator tells a real picture's look from another by one held-out phrase, and how honest its probability is.
    pub(super) fn agreement(&mut self) -> Result<(), EvaluateError> {
        let request = self.request;
        let discriminator = &request.model.discriminator;
        let mut seen = Vec::new();
        for part in self.gallery.pixels.split(BATCH as i64, 0) {
            let pictures = crate::gallery::signed(&part).to_device(request.device);
            seen.push(tch::no_grad(|| {
                let judged = discriminator.features(&pictures)?;
                Ok::<_, EvaluateError>(discriminator.agreement(&judged))
            })?);
        }
        let cosines =
            Tensor::f_cat(&seen, 0)?.matmul(&style_vectors(request, self.phrases)?.transpose(0, 1));
        let cosines = cosines.to_device(Device::Cpu);
        let (mut matched, mut other_look) = (Vec::new(), Vec::new());
        for (row, record) in self.gallery.rows.iter().enumerate() {
            let pick = |is_own: bool| -> Option<f64> {
                let fits: Vec<usize> = (0..self.phrases.len())
                    .filter(|idx| {
                        (Some(&self.phrases[*idx].style) == record.style.as_ref()) == is_own
                    })
                    .collect();
                let phrase = fits.get(row * 7 % fits.len().max(1))?;
                Some(cosines.double_value(&[row as i64, *phrase as i64]))
            };
            if let (Some(own), Some(other)) = (pick(true), pick(false)) {
                matched.push(own);
                other_look.push(other);
            }
        }
        let n = matched.len();
        let what = "agreement AUC on real pictures, one held-out phrase against another look's";
        let labels = [TEST, "agreement_auc", what];
        let made = auc(&matched, &other_look).map(|value| Figure::new(labels, value, n));
        self.figures
            .extend(made.map(|figure| figure.by(DISCRIMINATOR)));
        // The model brings its own calibration, made on validation pictures: it is what its users see.
        let curve = request.model.config.agreement;
        let scores = matched.iter().chain(&other_look);
        let probabilities: Vec<f64> = scores.map(|score| curve.probability(*score)).collect();
        let labels: Vec<bool> = (0..2 * n).map(|idx| idx < n).collect();
        let error = expected_error(&probabilities, &labels, BINS);
        let what = "calibration error of the agreement it prints";
        let made = Figure::new([TEST, "agreement_ece", what], error, 2 * n);
        self.figures
            .push(made.better(Better::Lower).by(DISCRIMINATOR));
        Ok(())
    }
}
