//! What is asked of the model: which subject, from which source, in which look, in which words; and what it draws.

use super::{BATCH, Request};
use crate::EvaluateError;
use crate::gallery::Gallery;
use idiom_dataset::Phrase;
use tch::{Device, Tensor};

/// A subject asked for in a look.
pub(super) struct Case {
    /// Row of the source.
    pub(super) source: usize,
    /// Row of the real drawing in the wanted look.
    pub(super) target: usize,
    /// The wanted look, by number.
    pub(super) look: usize,
    /// The phrase, by number.
    pub(super) phrase: usize,
}

/// Every subject in every look that it is drawn in; sources and phrases take turns.
pub(super) fn cases(gallery: &Gallery, names: &[&str], phrases: &[Phrase]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (turn, rows) in gallery.subjects().values().enumerate() {
        for (look, name) in names.iter().enumerate() {
            let Some(target) = rows.get(name) else {
                continue;
            };
            let sources: Vec<usize> = (rows.iter())
                .filter(|(other, _)| *other != name)
                .map(|(_, row)| *row)
                .collect();
            let said: Vec<usize> = (phrases.iter().enumerate())
                .filter(|(_, phrase)| phrase.style == *name)
                .map(|(idx, _)| idx)
                .collect();
            if sources.is_empty() || said.is_empty() {
                continue;
            }
            cases.push(Case {
                source: sources[(turn + look) % sources.len()],
                target: *target,
                look,
                phrase: said[turn % said.len()],
            });
        }
    }
    cases
}

/// Style vectors of phrases: unit rows `[phrases, style_dim]`.
pub(super) fn style_vectors(
    request: &Request<'_>,
    phrases: &[Phrase],
) -> Result<Tensor, EvaluateError> {
    let encoder = &request.model.config.text_encoder;
    let values: Vec<f32> = (phrases.iter())
        .filter_map(|phrase| request.embeddings.get(&phrase.text))
        .flatten()
        .copied()
        .collect();
    let texts = Tensor::f_from_slice(&values)?.f_view([-1, encoder.dim])? * encoder.scale;
    let texts = texts.to_device(request.device);
    Ok(tch::no_grad(|| request.model.text_head.forward(&texts))?)
}

/// The restyled pictures `[cases, 3, side, side]` in `[-1, 1]`, on the CPU.
pub(super) fn draw(
    request: &Request<'_>,
    gallery: &Gallery,
    cases: &[Case],
    phrases: &[Phrase],
) -> Result<Tensor, EvaluateError> {
    let styles = style_vectors(request, phrases)?;
    let mut drawn = Vec::new();
    for part in cases.chunks(BATCH) {
        let rows: Vec<i64> = part.iter().map(|case| case.source as i64).collect();
        let said: Vec<i64> = part.iter().map(|case| case.phrase as i64).collect();
        let said = Tensor::f_from_slice(&said)?.to_device(request.device);
        let source = gallery.pictures(&rows, request.device)?;
        let wished = styles.f_index_select(0, &said)?;
        let redrawn = tch::no_grad(|| request.model.redraw(&source, &wished, 1.0))?;
        drawn.push(redrawn.to_device(Device::Cpu));
    }
    Ok(Tensor::f_cat(&drawn, 0)?)
}
