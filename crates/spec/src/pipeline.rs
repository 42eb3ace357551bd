//! What a pipeline file says: where pictures and captions come from, what is done to them, and how they are divided.
//!
//! Every default stands in the `Default` implementations and small functions beside the types, and is written out in the resolved pipeline.
//! Not here: how any of it is done (`ingest`).

mod kinds;
mod rules;
mod source;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::range::between;

pub use kinds::{
    CaptionColumn, ClassFolders, Coco, FactColumns, Fetch, Folder, Huggingface, ImageFolder, List,
    Webdataset,
};
pub use rules::{Filter, FormatRule, FrameRule, PictureRules, Templates};
pub use source::{IconSet, Kind, PackageFiles, Source};
pub use words::{CaptionTable, Compose, ComposeLanguage, SubjectRules};

/// A whole pipeline file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Pipeline {
    /// The dataset's name, which is also its folder below `data/datasets`.
    #[garde(custom(folder_name))]
    pub name: String,
    /// One paragraph for the dataset's card.
    #[serde(default)]
    #[garde(length(max = 10_000))]
    pub description: String,
    /// What is done to every picture.
    #[serde(default)]
    #[garde(dive)]
    pub picture: PictureRules,
    /// npm packages that the sources and caption tables below read, each under a name of the file's own choice.
    #[serde(default)]
    #[garde(dive)]
    pub packages: BTreeMap<String, Package>,
    /// Where pictures come from, each under a name of the file's own choice.
    #[garde(length(min = 1), dive)]
    pub sources: BTreeMap<String, Source>,
    /// Tables that know words for what is drawn, joined by the characters a picture stands for.
    #[serde(default)]
    #[garde(dive)]
    pub captions: Vec<CaptionTable>,
    /// Which subjects are kept, for sources whose pictures stand for characters.
    #[serde(default)]
    #[garde(dive)]
    pub subjects: SubjectRules,
    /// Tests that rows must pass, in this order.
    #[serde(default)]
    #[garde(dive)]
    pub filters: Vec<Filter>,
    /// Sentences that are added to each row's captions.
    #[serde(default)]
    #[garde(skip)]
    pub templates: Templates,
    /// What happens to rows whose source bytes are equal to another row's.
    #[serde(default)]
    #[garde(skip)]
    pub duplicates: Duplicates,
    /// Rows are dropped whose picture looks like that of an earlier row by key: at most so many of the 64 bits of their
    /// perceptual hashes differ. 0 drops equal hashes only, about 6 near copies; flat drawings look alike sooner.
    #[serde(default)]
    #[garde(inner(custom(between(0, 16))))]
    pub drop_similar: Option<u32>,
    /// Whether rows are kept whose source says that its maker does not want them used; otherwise they are refused.
    #[serde(default)]
    #[garde(skip)]
    pub keep_opted_out: bool,
    /// How rows are divided.
    #[serde(default)]
    #[garde(dive)]
    pub split: SplitRules,
    /// Table of phrases that describe the styles (TSV: `style`, `lang`, `text`, `kind`, `split`), relative to this file.
    #[serde(default)]
    #[garde(skip)]
    pub phrases: Option<PathBuf>,
    /// Sentences made of a subject's label and a phrase of its style.
    #[serde(default)]
    #[garde(dive)]
    pub compose: Option<Compose>,
    /// How shards are cut.
    #[serde(default)]
    #[garde(dive)]
    pub shards: ShardRules,
}

/// An npm package, fetched by the registry's own client and kept in the user's cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Package {
    /// Name in the registry.
    #[garde(custom(package_name))]
    pub name: String,
    /// Exact version.
    #[garde(custom(exact_version))]
    pub version: String,
    /// `sha512-` and the base64 of the tarball's hash, as `npm pack --json` prints it.
    #[garde(custom(integrity_hash))]
    pub integrity: String,
}

/// What happens to rows whose source bytes are equal to another row's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// They are counted in `stats.json` and kept.
    #[default]
    Keep,
    /// Only the first by key is kept.
    Drop,
}

/// How rows are divided: by the hash of a group, so that a row's split depends on nothing but its group and the seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct SplitRules {
    /// Share of groups for validation, 0 to 0.5.
    #[garde(custom(between(0.0, 0.5)))]
    pub validation: f64,
    /// Share of groups for the test, 0 to 0.5.
    #[garde(custom(between(0.0, 0.5)))]
    pub test: f64,
    /// What is hashed together with the group.
    #[garde(skip)]
    pub seed: u64,
}

impl Default for SplitRules {
    fn default() -> Self {
        Self {
            validation: 0.1,
            test: 0.1,
            seed: 0,
        }
    }
}

/// How shards are cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct ShardRules {
    /// A shard is closed when its pictures reach this many bytes.
    #[garde(custom(between(4_096, 2_147_483_648)))]
    pub max_bytes: u64,
    /// Rows of one unit of work: what is redone when ingest is killed.
    #[garde(custom(between(1, 100_000)))]
    pub unit_rows: u32,
}

impl Default for ShardRules {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            unit_rows: 256,
        }
    }
}

/// A name that is safe as a folder.
fn folder_name(name: &str, (): &()) -> garde::Result {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=64).contains(&name.len())
        && name.chars().all(fits)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return Ok(());
    }
    Err(garde::Error::new(format!(
        "is `{name}`, but must be 1 to 64 letters, digits, dots, dashes and underscores, and begin with a letter or digit"
    )))
}

/// A name as the registry allows it; it is handed to the registry's client, so nothing else may pass.
fn package_name(name: &str, (): &()) -> garde::Result {
    let fits = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._~".contains(c))
    };
    let parts: Vec<&str> = name
        .strip_prefix('@')
        .map_or_else(|| vec![name], |scoped| scoped.splitn(2, '/').collect());
    if parts.len() == 1 + usize::from(name.starts_with('@')) && parts.into_iter().all(fits) {
        return Ok(());
    }
    Err(garde::Error::new(format!(
        "is `{name}`, but must be a package's name such as `name` or `@scope/name`"
    )))
}

fn exact_version(version: &str, (): &()) -> garde::Result {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
    if version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(fits) {
        return Ok(());
    }
    Err(garde::Error::new(format!(
        "is `{version}`, but must be an exact version such as `1.2.3`"
    )))
}

fn integrity_hash(hash: &str, (): &()) -> garde::Result {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    if hash
        .strip_prefix("sha512-")
        .is_some_and(|base64| base64.len() == 88 && base64.chars().all(fits))
    {
        return Ok(());
    }
    Err(garde::Error::new(
        "must be `sha512-` and 88 characters of base64, as `npm pack --json` prints it",
    ))
}
