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
    strength: f64,
) -> Result<Tensor, EvaluateError> {
    let styles = style_vectors(request, phrases)?;
    let mut drawn = Vec::new();
    for part in cases.chunks(BATCH) {
        let rows: Vec<i64> = part.iter().map(|case| case.source as i64).collect();
        let said: Vec<i64> = part.iter().map(|case| case.phrase as i64).collect();
        let said = Tensor::f_from_slice(&said)?.to_device(request.device);
        let source = gallery.pictures(&rows, request.device)?;
        let wished = styles.f_index_select(0, &said)?;
        let redrawn = tch::no_grad(|| request.model.redraw(&source, &wished, strength))?;
        drawn.push(redrawn.to_device(Device::Cpu));
    }
    Ok(Tensor::f_cat(&drawn, 0)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use idiom_dataset::{Record, Split};
    use tch::Kind;

    const LOOKS: [&str; 3] = ["flat", "ink", "line"];

    fn gallery(n_subjects: usize) -> Gallery {
        let row = |subject: usize, look: &str| Record {
            subject: Some(format!("{subject:02}")),
            style: Some(look.to_owned()),
            ..Record::default()
        };
        let subjects = 0..n_subjects;
        let rows: Vec<Record> = subjects
            .flat_map(|subject| LOOKS.map(|look| row(subject, look)))
            .collect();
        let shape = [rows.len() as i64, 3, 16, 16];
        Gallery {
            split: Split::Test,
            pixels: Tensor::zeros(shape, (Kind::Uint8, Device::Cpu)),
            rows,
        }
    }

    fn phrases() -> Vec<Phrase> {
        let said = [
            ("flat", "sticker"),
            ("ink", "stamp"),
            ("ink", "coal"),
            ("line", "sketch"),
        ];
        let phrase = |(style, text): (&str, &str)| Phrase {
            style: style.to_owned(),
            lang: "en".to_owned(),
            text: text.to_owned(),
            kind: "colloquial".to_owned(),
            split: Split::Test,
        };
        said.map(phrase).into()
    }

    #[test]
    fn every_subject_is_asked_for_in_every_look_from_another() {
        let (gallery, phrases) = (gallery(4), phrases());
        let found = cases(&gallery, &LOOKS, &phrases);
        assert_eq!(found.len(), 12);
        for case in &found {
            let (source, target) = (&gallery.rows[case.source], &gallery.rows[case.target]);
            assert_eq!(source.subject, target.subject);
            assert_ne!(source.style, target.style);
            assert_eq!(target.style.as_deref(), Some(LOOKS[case.look]));
            assert_eq!(phrases[case.phrase].style, LOOKS[case.look]);
        }
    }

    #[test]
    fn sources_and_phrases_take_turns() {
        let (gallery, phrases) = (gallery(4), phrases());
        let found = cases(&gallery, &LOOKS, &phrases);
        let ink: Vec<&Case> = found.iter().filter(|case| case.look == 1).collect();
        let style = |row: usize| gallery.rows[row].style.clone().unwrap_or_default();
        let n_flat = ink
            .iter()
            .filter(|case| style(case.source) == "flat")
            .count();
        assert_eq!(n_flat, 2, "half of the sources are flat, half line");
        assert_eq!(ink.iter().filter(|case| case.phrase == 1).count(), 2);
    }

    #[test]
    fn a_look_without_phrases_is_not_asked_for() {
        let phrases: Vec<Phrase> = (phrases().into_iter())
            .filter(|phrase| phrase.style != "line")
            .collect();
        let found = cases(&gallery(3), &LOOKS, &phrases);
        assert!(found.iter().all(|case| case.look != 2));
        assert_eq!(found.len(), 6);
    }
}
