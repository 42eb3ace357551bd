//! `idiom experiment --dry-run`: what would be trained, and what it would cost. Nothing is written.

use super::Session;
use super::experiment::{Begin, Plan, yaml};
use crate::failure::Failure;
use idiom_dataset::embeddings::Embeddings;
use idiom_spec::experiment::{Experiment as Spec, Member};
use idiom_train::Estimate;

impl Session {
    /// The resolved configuration, with an estimate as comments below where the data is there.
    pub(super) fn dry_run(&self, spec: Spec) -> Result<String, Failure> {
        idiom_train::check(&spec)?;
        let resolved = yaml(&spec)?;
        let members = spec.sweep.as_ref().map(|sweep| sweep.members());
        let images = spec.train.images;
        let estimate = self.estimate(spec, &resolved)?;
        let mut lines = vec![resolved.trim_end().to_owned()];
        match estimate {
            Some(estimate) => lines.extend(described(&estimate, images)),
            None => lines.push(
                "# no estimate: the data set or its vectors are not there yet (`just ingest`, `just embed`)".into(),
            ),
        }
        lines.extend(members.map(|members| list(&members)));
        Ok(lines.join("\n"))
    }

    fn estimate(&self, spec: Spec, resolved: &str) -> Result<Option<Estimate>, Failure> {
        let dataset = self.home.dataset(&spec.dataset);
        let encoder = spec.encoder.clone();
        if Embeddings::open(&dataset, &encoder).is_err() {
            return Ok(None);
        }
        let plan = Plan {
            spec: Spec {
                // What a run begins from costs nothing later on.
                init_from: None,
                ..spec
            },
            resolved: resolved.to_owned(),
            dataset,
            encoder,
            name: String::new(),
            begin: Begin::Anew,
        };
        Ok(Some(idiom_train::estimate(&self.request(&plan)?)?))
    }
}

fn described(estimate: &Estimate, images: u64) -> Vec<String> {
    let networks = estimate
        .weights
        .iter()
        .map(|(network, n)| format!("{network} {}", grouped(*n)));
    let seconds = images as f64 / estimate.images_per_second;
    vec![
        format!("# weights: {}", networks.collect::<Vec<_>>().join(", ")),
        format!(
            "# time:    about {}, {images} pictures at {:.0} a second, as the first steps went on this machine",
            span(seconds),
            estimate.images_per_second
        ),
        format!(
            "# loader:  {:.0} pictures a second and thread, as the first batches were read",
            estimate.loaded_per_second
        ),
        format!(
            "# memory:  {} MB at the peak of these steps",
            estimate.peak_bytes >> 20
        ),
    ]
}

fn list(members: &[Member]) -> String {
    let mut text = format!("# sweep:   {} runs", members.len());
    for member in members {
        let settings: Vec<&str> = member
            .overrides
            .iter()
            .map(String::as_str)
            .filter(|setting| *setting != "sweep=null")
            .collect();
        text += &format!("\n#   {}", settings.join(" "));
    }
    text
}

/// `1234567` as `1,234,567`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn span(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{grouped, span};

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(
            [7, 1000, 1_234_567].map(grouped),
            ["7", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn a_span_is_told_in_the_unit_that_fits() {
        assert_eq!([59.0, 660.0, 9000.0].map(span), ["59 s", "11 min", "2.5 h"]);
    }
}
