//! Where what was learnt ends: subjects, phrases, and combinations of a subject and a look, each learnt or held out.
//!
//! The figures of `test` hold out both subjects and phrases. Asking for learnt subjects in held-out phrases, and the other way round, tells
//! which of the two costs what. Combinations are held out by the experiment (`restyle.hold_out`), where it says so: then both are
//! learnt, but never were together.

use super::cases::{Case, cases, draw};
use super::{Work, phrases_of};
use crate::EvaluateError;
use crate::gallery::Gallery;
use crate::judge::share;
use crate::report::{Figure, Table};
use idiom_dataset::{Columns, Phrase, Record, Split, combination};
use std::collections::BTreeSet;

/// Learnt subjects that are asked for, at most: about as many as are held out, so that finding one is as hard.
const MOST_SUBJECTS: usize = 160;

/// Which combinations of subject and look were kept out of the training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Combinations {
    /// The share that was held out, 0 to 1.
    pub held_out: f64,
}

impl Work<'_, '_> {
    /// Looks met and subjects found, subjects and phrases learnt or not.
    pub(super) fn beyond(&mut self) -> Result<Table, EvaluateError> {
        let request = self.request;
        (request.on)("learnt subjects and phrases");
        let side = request.model.config.resolution as u32;
        let held_out = request.combinations.held_out;
        let learnt = self.some_learnt(|record| !combination::is_held_out(record, held_out))?;
        let in_sample = |record: &Record| {
            let subject = record.subject.as_ref();
            subject.is_some_and(|subject| learnt.contains(subject))
                && !combination::is_held_out(record, held_out)
        };
        let seen = Gallery::read_where(request.dataset, Split::Train, side, in_sample)?;
        let phrases = phrases_of(request, Split::Train)?;
        let mut rows = vec![
            self.asked(["learnt", "learnt"], &seen, &phrases, |_| true)?,
            self.asked(["learnt", "held out"], &seen, self.phrases, |_| true)?,
            self.asked(["held out", "learnt"], self.gallery, &phrases, |_| true)?,
            self.asked(["held out", "held out"], self.gallery, self.phrases, |_| {
                true
            })?,
        ];
        if held_out > 0.0 {
            rows.push(self.combinations(&phrases)?);
        }
        let head = [
            "subjects",
            "phrases",
            "looks met",
            "subjects found",
            "pictures",
        ];
        Ok(Table {
            title: "Beyond what was learnt (subjects are found among all that are asked for in the look)".to_owned(),
            head: head.map(str::to_owned).into(),
            rows: rows.into_iter().flatten().collect(),
        })
    }

    /// Learnt subjects in looks that they were never shown in, by learnt phrases.
    fn combinations(&mut self, phrases: &[Phrase]) -> Result<Option<Vec<String>>, EvaluateError> {
        let request = self.request;
        let is_held_out =
            |record: &Record| combination::is_held_out(record, request.combinations.held_out);
        let chosen = self.some_learnt(is_held_out)?;
        if chosen.is_empty() {
            return Ok(None);
        }
        let side = request.model.config.resolution as u32;
        let in_sample = |record: &Record| {
            record
                .subject
                .as_ref()
                .is_some_and(|subject| chosen.contains(subject))
        };
        let gallery = Gallery::read_where(request.dataset, Split::Train, side, in_sample)?;
        let is_new = |case: &Case| is_held_out(&gallery.rows[case.target]);
        let what = ["learnt, in a look not shown", "learnt"];
        self.asked(what, &gallery, phrases, is_new)
    }

    /// Subjects of the training split with a wanted row, evenly spread over all.
    fn some_learnt(
        &self,
        is_wanted: impl Fn(&Record) -> bool,
    ) -> Result<BTreeSet<String>, EvaluateError> {
        let mut subjects = BTreeSet::new();
        for record in self
            .request
            .dataset
            .records(Split::Train, Columns::WithoutImage)
        {
            let record = record?;
            if is_wanted(&record) {
                subjects.extend(record.subject);
            }
        }
        let (n, total) = (MOST_SUBJECTS.min(subjects.len()), subjects.len());
        let places: BTreeSet<usize> = (0..n).map(|idx| idx * total / n).collect();
        let subjects = subjects.into_iter().enumerate();
        Ok(subjects
            .filter(|(place, _)| places.contains(place))
            .map(|(_, subject)| subject)
            .collect())
    }

    /// One row of the table; `None` where there is nothing to ask for.
    fn asked(
        &mut self,
        [subjects, said]: [&str; 2],
        gallery: &Gallery,
        phrases: &[Phrase],
        is_wanted: impl Fn(&Case) -> bool,
    ) -> Result<Option<Vec<String>>, EvaluateError> {
        let mut asked = cases(gallery, self.names, phrases);
        asked.retain(|case| is_wanted(case));
        if asked.is_empty() {
            return Ok(None);
        }
        let drawn = draw(self.request, gallery, &asked, phrases, 1.0)?;
        let work = Work::new(self.request, self.names, gallery, phrases, &asked)?;
        let verdict = work.verdict_on(&drawn)?;
        self.log_beyond([subjects, said], &verdict.met);
        let shown =
            |all: &[bool]| share(all).map_or_else(String::new, |share| format!("{share:.3}"));
        Ok(Some(vec![
            subjects.to_owned(),
            said.to_owned(),
            shown(&verdict.met),
            shown(&verdict.found),
            asked.len().to_string(),
        ]))
    }

    /// Held-out subjects in held-out phrases are the evaluation's first figure already.
    fn log_beyond(&mut self, [subjects, said]: [&str; 2], met: &[bool]) {
        if [subjects, said] == ["held out", "held out"] {
            return;
        }
        let name = |text: &str| text.replace(", ", "_").replace(' ', "_");
        let key = format!(
            "look_accuracy_subjects_{}_phrases_{}",
            name(subjects),
            name(said)
        );
        let what = format!("looks met, subjects {subjects}, phrases {said}");
        let made = Figure::share(["beyond", &key, &what], met, self.request.seed);
        self.figures
            .extend(made.map(|figure| figure.by(super::JUDGE)));
    }
}
