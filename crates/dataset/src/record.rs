//! What one row says: a picture, its captions, where it came from and what was done to it.
//!
//! The columns are described in [`crate::schema`]; here they are plain Rust values.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Which part of the data a row or a phrase belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Seen by training.
    Train,
    /// Looked at while training, to choose.
    Validation,
    /// Looked at once, to report.
    Test,
}

impl Split {
    /// All splits, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The name used in file names and manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

impl std::str::FromStr for Split {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|split| split.name() == name)
            .ok_or_else(|| {
                format!("`{name}` is not a split: must be `train`, `validation` or `test`")
            })
    }
}

/// One text about a picture.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Caption {
    /// The words.
    pub text: String,
    /// BCP 47 language tag in lower case (`en`, `zh`, `yue`); empty where unknown.
    pub lang: String,
    /// The table or file the text came from.
    pub source: String,
    /// `label`, `tags`, `text`, or `composed` (subject words and a phrase of the style in one sentence).
    pub kind: String,
}

/// One way people describe a style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phrase {
    /// The style described.
    pub style: String,
    /// BCP 47 language tag in lower case.
    pub lang: String,
    /// The words.
    pub text: String,
    /// `formal` or `colloquial`.
    pub kind: String,
    /// `Test` for phrases that training never sees.
    pub split: Split,
}

/// One row of a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Stable id; rows are sorted by it within a split.
    pub key: String,
    /// What is drawn.
    pub subject: Option<String>,
    /// How it is drawn.
    pub style: Option<String>,
    /// The primary caption.
    pub caption: String,
    /// All captions.
    pub captions: Vec<Caption>,
    /// The encoded picture (PNG); empty when read with [`crate::Columns::WithoutImage`].
    pub image: Bytes,
    /// File name stored beside the bytes, for readers that show one.
    pub image_path: Option<String>,
    /// Index into the manifest's class names, for class folders.
    pub label: Option<i64>,
    /// Pixels across, of the stored picture.
    pub width: u32,
    /// Pixels down, of the stored picture.
    pub height: u32,
    /// Pixels (or SVG units) across, of the source.
    pub orig_width: u32,
    /// Pixels (or SVG units) down, of the source.
    pub orig_height: u32,
    /// Sniffed format of the source (`png`, `jpeg`, `webp`, `svg`, ...), not its extension.
    pub format: String,
    /// SHA-256 of the source bytes.
    pub sha256: [u8; 32],
    /// Perceptual hash of the stored picture.
    pub phash: Option<u64>,
    /// Licence of the picture, as an SPDX expression.
    pub license: Option<String>,
    /// Where the bytes came from: package and member, or path.
    pub source: Option<String>,
    /// Address the picture was fetched from.
    pub url: Option<String>,
    /// Consent signal found with the picture, such as `noai`.
    pub opt_out: Option<String>,
    /// What was done to the pixels, in words separated by spaces.
    pub transform: Option<String>,
    /// What else the source knew, as JSON.
    pub meta: Option<String>,
}
