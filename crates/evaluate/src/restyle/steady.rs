//! How steady a moving picture stays: a pan whose flow is known is undone after restyling, and what is left is flicker.
//!
//! The warp error of video stylisation (Lai et al. 2018, arXiv:1808.00449) with the true flow in place of an estimated one: the mean distance
//! of two drawings of one scene, a few pixels apart, laid over each other.

use super::cases::style_vectors;
use super::{TEST, Work};
use crate::EvaluateError;
use crate::metrics::mean;
use crate::report::{Better, Figure};
use tch::{Kind, Tensor};

/// Pictures that are panned.
const N_PICTURES: usize = 32;
/// How far, in pixels: none is a multiple of the generator's stride, which would be too easy.
const SHIFTS: [i64; 3] = [1, 2, 3];
/// Pixels at the edges that are not compared: a window's edge is drawn as an edge.
const MARGIN: i64 = 16;

impl Work<'_, '_> {
    /// The warp error of a pan, beside what two looks of one picture differ by.
    pub(super) fn steadiness(&mut self) -> Result<(), EvaluateError> {
        let request = self.request;
        let side = request.model.config.resolution;
        if side <= 2 * MARGIN {
            return Ok(());
        }
        let n = N_PICTURES.min(self.cases.len());
        let chosen: Vec<usize> = (0..n).map(|idx| idx * self.cases.len() / n).collect();
        let rows: Vec<i64> = chosen
            .iter()
            .map(|idx| self.cases[*idx].source as i64)
            .collect();
        let said: Vec<i64> = chosen
            .iter()
            .map(|idx| self.cases[*idx].phrase as i64)
            .collect();
        let said = Tensor::f_from_slice(&said)?.to_device(request.device);
        let wished = style_vectors(request, self.phrases)?.f_index_select(0, &said)?;
        let most = SHIFTS[SHIFTS.len() - 1];
        let scene = self.gallery.pictures(&rows, request.device)?;
        let scene = scene.f_replication_pad2d([0, most, 0, 0])?;
        let draw = |shift: i64, wished: &Tensor| {
            let window = scene.narrow(3, shift, side).contiguous();
            let drawn = tch::no_grad(|| request.model.redraw(&window, wished, 1.0))?;
            // The part of the scene that all windows show, their edges left out.
            let inner = drawn
                .clamp(-1.0, 1.0)
                .narrow(3, MARGIN - shift + most, side - 2 * MARGIN);
            Ok::<_, EvaluateError>(inner.narrow(2, MARGIN, side - 2 * MARGIN))
        };
        let distance = |one: &Tensor, other: &Tensor| {
            (one - other).abs().mean(Kind::Double).double_value(&[]) * 127.5
        };
        let still = draw(0, &wished)?;
        let mut errors = Vec::new();
        for shift in SHIFTS {
            errors.push(distance(&still, &draw(shift, &wished)?));
        }
        let other = distance(&still, &draw(0, &wished.roll(1, 0))?);
        let what = "warp error of a pan by 1 to 3 pixels, in levels of 255";
        let made = Figure::new([TEST, "warp_error", what], mean(&errors), n);
        let made = made
            .beside("two looks of one picture", Some(other))
            .better(Better::Lower);
        self.figures.push(made.by("pixels, the flow known"));
        Ok(())
    }
}
