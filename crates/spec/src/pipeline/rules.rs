//! What is done to every picture, and which rows are kept.

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::range::between;

/// What is done to every picture, and which are refused before anything is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct PictureRules {
    /// Side of the stored square, in pixels; of `frame: fit`, the longer side.
    #[garde(custom(between(8, 4096)))]
    pub side: u32,
    /// Red, green and blue (0 to 255) of what shows through transparent places and fills the bars of `frame: pad`.
    #[garde(skip)]
    pub background: [u8; 3],
    /// What happens to a picture that is not a square of `side` pixels.
    #[garde(skip)]
    pub frame: FrameRule,
    /// Whether a picture smaller than `side` is enlarged; otherwise it is refused. Vector pictures are never too small.
    #[garde(skip)]
    pub upscale: bool,
    /// How pictures are stored.
    #[garde(skip)]
    pub format: FormatRule,
    /// Quality of `format: jpeg`, 1 to 100.
    #[garde(custom(between(1, 100)))]
    pub quality: u8,
    /// Shortest side of a source picture, in pixels.
    #[garde(custom(between(1, 65_536)))]
    pub min_side: u32,
    /// How many times longer one side of a source picture may be than the other.
    #[garde(custom(between(1, 1_000)))]
    pub max_aspect: u32,
    /// Most pixels of a source picture; checked before they are decoded.
    #[garde(custom(between(1, 4_000_000_000)))]
    pub max_pixels: u64,
    /// Largest source file, in bytes.
    #[garde(custom(between(1, 1_073_741_824)))]
    pub max_bytes: u64,
    /// Longest time that decoding one picture may take, in seconds; then it is refused.
    #[garde(custom(between(1, 3_600)))]
    pub max_seconds: u32,
}

impl Default for PictureRules {
    fn default() -> Self {
        Self {
            side: 64,
            background: [255, 255, 255],
            frame: FrameRule::Pad,
            upscale: false,
            format: FormatRule::Png,
            quality: 95,
            min_side: 8,
            max_aspect: 16,
            max_pixels: 64_000_000,
            max_bytes: 256 << 20,
            max_seconds: 30,
        }
    }
}

/// What happens to a picture that is not a square of the wanted side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FrameRule {
    /// The whole picture is shown in a square, with bars at the sides.
    Pad,
    /// The centre square is cut out.
    Crop,
    /// The whole picture, its longer side scaled to `side`; it stays as oblong as it was. Training wants squares.
    Fit,
    /// The pixels stay as they are. Training wants squares.
    None,
}

/// How pictures are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormatRule {
    /// Lossless.
    Png,
    /// Smaller, and not lossless; see `quality`.
    Jpeg,
    /// WebP without loss, smaller than PNG and slower to write.
    WebpLossless,
}

/// One test that rows must pass. Tests are made in the order in which they are written, and the first that fails names
/// the reject; an entry with several keys is several tests, in the order of this list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Filter {
    /// Shortest side of the source picture, in pixels. (`too_small`)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(between(1, 65_536))), custom(something(self)))]
    pub min_side: Option<u32>,
    /// How many times longer one side of the source picture may be than the other. (`too_elongated`)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(between(1.0, 1_000.0))))]
    pub max_aspect: Option<f64>,
    /// Least sharpness of the stored picture: the variance of its Laplacian in grey values, 0 to 65,025. Blurred
    /// photographs have less than about 100. (`blurred`)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(between(0.0, 65_025.0))))]
    pub min_sharpness: Option<f64>,
    /// Least contrast of the stored picture: the standard deviation of its grey values, 0 to 128. (`flat`)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(between(0.0, 128.0))))]
    pub min_contrast: Option<f64>,
    /// Captions with fewer characters are dropped; a row without any is refused. (`no_caption_left`)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(between(1, 10_000))))]
    pub min_caption_chars: Option<u32>,
    /// Captions with more characters are dropped; a row without any is refused. (`no_caption_left`)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(between(1, 10_000))))]
    pub max_caption_chars: Option<u32>,
    /// Captions in other languages, or whose language is not known, are dropped; a row without any is refused.
    /// (`no_caption_left`)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub languages: Option<Vec<String>>,
    /// Rows under other licences, or without one, are refused. (`license`)
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(skip)]
    pub licenses: Option<Vec<String>>,
}

fn something<'a>(filter: &'a Filter) -> impl FnOnce(&Option<u32>, &()) -> garde::Result + 'a {
    move |_, ()| {
        if *filter == Filter::default() {
            return Err(garde::Error::new("a filter must test something"));
        }
        Ok(())
    }
}

/// Sentences that are added to each row's captions: for each language, patterns in which `{caption}` stands for the row's
/// first caption in that language, `{style}` for its style and `{subject}` for its subject. A pattern that names what a
/// row does not have is left out for it.
pub type Templates = BTreeMap<String, Vec<String>>;
