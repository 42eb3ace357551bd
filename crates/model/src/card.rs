//! The card that goes with a model when it is handed on: what it was trained on, under which licences, and what it cannot do.

use crate::restyle::RestyleConfig;
use std::fmt::Write as _;

/// Licences under which what is made from the pictures must be shared alike.
const SHARE_ALIKE: &str = "-SA-";

impl RestyleConfig {
    /// The model card, in Markdown.
    #[must_use]
    pub fn card(&self, sha256: &str) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# A model that restyles pictures by words\n");
        let _ = writeln!(text, "Identity (sha256 of `config.json`): `{sha256}`\n");
        let _ = writeln!(
            text,
            "Trained at {0} x {0} px on words in the vectors of `{1}`. Use: `idiom stylize --run THIS_FOLDER PICTURE \"words\"`.\n",
            self.resolution, self.text_encoder.name
        );
        let _ = writeln!(
            text,
            "## Styles\n\n| style | pictures | phrases |\n|---|---|---|"
        );
        for (idx, style) in self.styles.iter().enumerate() {
            let n_phrases = self
                .phrases
                .iter()
                .filter(|phrase| phrase.style == idx)
                .count();
            let _ = writeln!(
                text,
                "| {} | {} | {n_phrases} |",
                style.name, style.n_pictures
            );
        }
        let _ = writeln!(text, "\n## Licences of the pictures it was trained on\n");
        for (licence, n_pictures) in &self.licences {
            let note = match licence.contains(SHARE_ALIKE) {
                true => ": share alike, which what you make in these styles may inherit",
                false => "",
            };
            let _ = writeln!(text, "- {licence}, {n_pictures} pictures{note}");
        }
        let _ = writeln!(text, "\n## Limits\n");
        let _ = writeln!(
            text,
            "It has seen icons on plain grounds, no photographs. It knows the styles above and what lies between them; words unlike \
             its phrases are answered with the nearest of these, and a warning. The agreement it prints is calibrated on real \
             pictures of its own data. Pictures it makes carry an IPTC mark that a machine made them."
        );
        let _ = writeln!(text, "\n## Where it comes from\n");
        for (key, value) in &self.provenance {
            let _ = writeln!(text, "- {key}: {value}");
        }
        text
    }
}
