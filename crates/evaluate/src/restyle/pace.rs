//! How long one picture takes at full strength on the machine at hand: the generator alone, files and words left out.

use super::{TEST, Work};
use crate::EvaluateError;
use crate::metrics::rank::median;
use crate::report::{Better, Figure};
use std::time::Instant;
use tch::{Kind, Tensor};

/// Sides of a picture, in pixels, beside the model's own.
const SIDES: [i64; 2] = [256, 512];
/// Timed runs, after one that is not.
const RUNS: usize = 3;

impl Work<'_, '_> {
    /// Seconds a picture at the model's own side and at larger ones.
    pub(super) fn pace(&mut self) -> Result<(), EvaluateError> {
        let request = self.request;
        (request.on)("time a picture");
        let own = request.model.config.resolution;
        let style_dim = request.model.config.generator.style_dim;
        let style = Tensor::ones([1, style_dim], (Kind::Float, request.device));
        let style = &style / (style_dim as f64).sqrt();
        for side in std::iter::once(own).chain(SIDES.into_iter().filter(|side| *side != own)) {
            let picture = Tensor::zeros([1, 3, side, side], (Kind::Float, request.device));
            let mut seconds = Vec::new();
            for run in 0..=RUNS {
                let begun = Instant::now();
                let drawn = tch::no_grad(|| request.model.redraw(&picture, &style, 1.0))?;
                // Reading a value waits for a device that works on its own.
                let _ = drawn.f_mean(Kind::Float)?.f_double_value(&[])?;
                if run > 0 {
                    seconds.push(begun.elapsed().as_secs_f64());
                }
            }
            let key = format!("seconds_a_picture_at_{side}");
            let what = format!("seconds a picture of {side} x {side} px, median of {RUNS}");
            let by = match request.device.is_cuda() {
                true => "one GPU".to_owned(),
                false => format!("{} CPU threads", tch::get_num_threads()),
            };
            let made = median(&seconds).map(|value| Figure::new([TEST, &key, &what], value, RUNS));
            self.figures
                .extend(made.map(|figure| figure.better(Better::Lower).by(&by)));
        }
        Ok(())
    }
}
