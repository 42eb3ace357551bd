//! The kinds of source that bring pictures with their captions: folders, lists, annotation files, archives, data sets.
//!
//! Not here: icon sets and packages (`source.rs`), whose pictures are joined with tables of words.

use std::collections::BTreeMap;
use std::path::PathBuf;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::range::between;

/// A folder of pictures, each with its captions in a file of the same name: `.txt` with one caption a line, or `.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct Folder {
    /// The folder, relative to this file; folders in it are read too.
    pub path: PathBuf,
    /// Language of captions that do not say it themselves.
    #[serde(default)]
    pub lang: String,
}

/// A column of captions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct CaptionColumn {
    /// Its name.
    #[garde(length(min = 1))]
    pub column: String,
    /// Language of its captions.
    #[serde(default)]
    pub lang: String,
    /// What they are: `text` for sentences, `label` for a name of what is shown, `tags` for words.
    #[serde(default = "text_kind")]
    pub kind: String,
}

fn text_kind() -> String {
    "text".to_owned()
}

/// Columns that hold more than words; each may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
#[garde(allow_unvalidated)]
pub struct FactColumns {
    /// What is shown; rows of one subject share a split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How it is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// The licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where the picture came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A sign that its maker does not want it used; rows that have one are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_out: Option<String>,
    /// Columns kept as they are in `meta`.
    pub meta: Vec<String>,
}

/// A table of pictures and captions: `.csv`, `.tsv`, `.jsonl` or `.parquet`. Rows that name the same picture become one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct List {
    /// The table, relative to this file.
    pub path: PathBuf,
    /// Folder that paths in the table are relative to; pictures outside it are refused. The table's own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// Column with the picture's path or its address (`http`, `https`).
    #[garde(length(min = 1))]
    pub image: String,
    /// Column with a stable name for the row; by default the picture's path or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Columns with captions.
    #[garde(length(min = 1), dive)]
    pub captions: Vec<CaptionColumn>,
    /// Columns that hold more than words.
    #[serde(default)]
    pub facts: FactColumns,
    /// How addresses are fetched.
    #[serde(default)]
    #[garde(dive)]
    pub fetch: Fetch,
}

/// A folder as Hugging Face's `imagefolder` has it: pictures, and `metadata.csv`, `.jsonl` or `.parquet` whose column
/// `file_name` names them, relative to the metadata's own folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct ImageFolder {
    /// The folder, relative to this file; metadata in folders below counts too.
    pub path: PathBuf,
    /// Columns with captions.
    #[serde(default = "text_column")]
    #[garde(length(min = 1), dive)]
    pub captions: Vec<CaptionColumn>,
    /// Columns that hold more than words.
    #[serde(default)]
    pub facts: FactColumns,
}

fn text_column() -> Vec<CaptionColumn> {
    vec![CaptionColumn {
        column: "text".to_owned(),
        lang: String::new(),
        kind: text_kind(),
    }]
}

/// Captions in COCO's JSON: `images` (`id`, `file_name`, `coco_url`), `annotations` (`image_id`, `caption`), `licenses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct Coco {
    /// The JSON file, relative to this file.
    pub annotations: PathBuf,
    /// Folder of the pictures; without it they are fetched from their `coco_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<PathBuf>,
    /// Language of the captions.
    #[serde(default)]
    pub lang: String,
    /// How addresses are fetched.
    #[serde(default)]
    #[garde(dive)]
    pub fetch: Fetch,
}

/// Tar archives of pictures with captions beside them: members that share a name but for the extension are one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct Webdataset {
    /// A `.tar` file, or a folder of them, relative to this file. They are read where they lie, never unpacked.
    pub path: PathBuf,
    /// Language of captions that do not say it themselves.
    #[serde(default)]
    pub lang: String,
}

/// A Parquet data set as Hugging Face keeps them: pictures in a column of bytes, captions in others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct Huggingface {
    /// A `.parquet` file, or a folder of them, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<PathBuf>,
    /// A data set on the hub, `owner/name`; its `.parquet` files are fetched into the hub's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// Commit, branch or tag on the hub. A branch that moves on is not noticed; name a commit to be exact.
    #[serde(default = "main_branch")]
    #[garde(length(min = 1))]
    pub revision: String,
    /// Only files whose path begins so, such as `data/train-`.
    #[serde(default)]
    pub prefix: String,
    /// Column with the picture: bytes, or a structure with a field `bytes`.
    #[serde(default = "image_column")]
    pub image: String,
    /// Columns with captions: texts, lists of texts, or lists of structures with a field `text`.
    #[serde(default = "text_column")]
    #[garde(length(min = 1), dive)]
    pub captions: Vec<CaptionColumn>,
    /// Column with a stable name for the row; by default file and row number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Columns that hold more than words.
    #[serde(default)]
    pub facts: FactColumns,
}

fn main_branch() -> String {
    "main".to_owned()
}

fn image_column() -> String {
    "image".to_owned()
}

/// A folder with one folder of pictures for each class, as ImageNet has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct ClassFolders {
    /// The folder, relative to this file.
    pub path: PathBuf,
    /// Tab-separated table: the column `folder`, and one column of names for each language. Without it a folder's own
    /// name, dashes and underscores turned to spaces, is the class's name in every language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<PathBuf>,
    /// For each language the sentences that are made of a class's name, each with `{class}` in it.
    #[garde(length(min = 1), custom(have_class))]
    pub templates: BTreeMap<String, Vec<String>>,
}

fn have_class(templates: &BTreeMap<String, Vec<String>>, (): &()) -> garde::Result {
    for (lang, sentences) in templates {
        if sentences.is_empty()
            || sentences
                .iter()
                .any(|sentence| !sentence.contains("{class}"))
        {
            return Err(garde::Error::new(format!(
                "each sentence of `{lang}` must contain `{{class}}`, and there must be one"
            )));
        }
    }
    Ok(())
}

/// How addresses are fetched. Addresses in private networks are refused, so that a list from elsewhere cannot read what
/// only this machine can reach; no proxy is used, since the guard could not see behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
#[garde(allow_unvalidated)]
pub struct Fetch {
    /// Whether addresses in private networks, and on this machine, may be fetched.
    pub allow_private: bool,
    /// Downloads at a time, for each working thread.
    #[garde(custom(between(1, 256)))]
    pub parallel: u32,
    /// Longest time for one picture, from the first byte asked to the last received, in seconds.
    #[garde(custom(between(1, 3_600)))]
    pub timeout_seconds: u32,
    /// How often a server that is busy or does not answer is asked again.
    #[garde(custom(between(0, 10)))]
    pub retries: u32,
    /// Whether pictures are refused whose server says `noai` or `noimageai` in `X-Robots-Tag`.
    pub respect_opt_out: bool,
}

impl Default for Fetch {
    fn default() -> Self {
        Self {
            allow_private: false,
            parallel: 16,
            timeout_seconds: 30,
            retries: 3,
            respect_opt_out: true,
        }
    }
}
