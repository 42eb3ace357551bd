//! `README.md` of a dataset: the Hugging Face card, with the YAML head that makes the folder loadable as it is.

use std::fmt::Write as _;

use crate::{Manifest, Split};

/// What the card says beyond the manifest.
#[derive(Debug, Clone, Default)]
pub struct CardText<'a> {
    /// One paragraph: what the pictures are and where they come from.
    pub description: &'a str,
    /// Each style or source with its licence and where it comes from.
    pub sources: Vec<CardSource>,
}

/// One line of the card's table of sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardSource {
    /// The style drawn, or `-`.
    pub style: String,
    /// Package or folder.
    pub source: String,
    /// SPDX expression, or `unknown`.
    pub license: String,
}

/// The whole card.
#[must_use]
pub fn card(manifest: &Manifest, text: &CardText<'_>) -> String {
    let mut card = head(manifest, text);
    let _ = write!(
        card,
        "\n# {}\n\n{}\n",
        manifest.name,
        text.description.trim()
    );
    let _ = write!(card, "\n| split | rows |\n|---|---|\n");
    for split in Split::ALL {
        let _ = writeln!(card, "| {} | {} |", split.name(), manifest.rows(split));
    }
    let _ = write!(card, "\n| style | source | licence |\n|---|---|---|\n");
    for line in &text.sources {
        let _ = writeln!(
            card,
            "| {} | {} | {} |",
            line.style, line.source, line.license
        );
    }
    card
}

fn head(manifest: &Manifest, text: &CardText<'_>) -> String {
    let mut licenses: Vec<&str> = text
        .sources
        .iter()
        .map(|line| line.license.as_str())
        .collect();
    licenses.sort_unstable();
    licenses.dedup();
    let mut head = String::from("---\n");
    list(
        &mut head,
        "license",
        licenses.into_iter().map(str::to_lowercase),
    );
    list(&mut head, "language", manifest.languages.iter().cloned());
    list(
        &mut head,
        "task_categories",
        ["text-to-image".to_owned()].into_iter(),
    );
    let _ = writeln!(
        head,
        "pretty_name: {}",
        serde_json::Value::from(manifest.name.as_str())
    );
    head.push_str("configs:\n- config_name: default\n  data_files:\n");
    for split in Split::ALL
        .into_iter()
        .filter(|split| manifest.rows(*split) > 0)
    {
        let _ = write!(head, "  - split: {0}\n    path: data/{0}-*\n", split.name());
    }
    head.push_str("---\n");
    head
}

fn list(head: &mut String, name: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.filter(|item| !item.is_empty()).collect();
    if items.is_empty() {
        return;
    }
    let _ = writeln!(head, "{name}:");
    for item in items {
        let _ = writeln!(head, "- {}", serde_json::Value::from(item));
    }
}
