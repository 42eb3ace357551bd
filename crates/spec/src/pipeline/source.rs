//! A source of pictures in a pipeline: which kind it is, and the kinds that come out of packages.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kinds::{ClassFolders, Coco, Folder, Huggingface, ImageFolder, List, Webdataset};

/// A source of pictures: exactly one of its kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct Source {
    /// Name of the style that all its pictures are drawn in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// Licence of its pictures, as an SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// An icon set in Iconify's JSON form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive, custom(one_kind(self.kinds().len())))]
    pub icon_set: Option<IconSet>,
    /// Picture files in a package, named by the characters they stand for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub package_files: Option<PackageFiles>,
    /// A folder of pictures with caption files beside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub folder: Option<Folder>,
    /// A folder as Hugging Face's `imagefolder` has it, with a metadata table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub image_folder: Option<ImageFolder>,
    /// A table of paths or addresses and captions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub list: Option<List>,
    /// Captions in COCO's JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub coco: Option<Coco>,
    /// Tar archives as `webdataset` writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub webdataset: Option<Webdataset>,
    /// A Parquet data set as Hugging Face keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive, custom(one_place))]
    pub huggingface: Option<Huggingface>,
    /// One folder of pictures for each class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub class_folders: Option<ClassFolders>,
}

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// An icon set in Iconify's JSON form.
    IconSet(&'a IconSet),
    /// Picture files in a package.
    PackageFiles(&'a PackageFiles),
    /// A folder with caption files.
    Folder(&'a Folder),
    /// A folder with a metadata table.
    ImageFolder(&'a ImageFolder),
    /// A table of paths or addresses.
    List(&'a List),
    /// Captions in COCO's JSON.
    Coco(&'a Coco),
    /// Tar archives.
    Webdataset(&'a Webdataset),
    /// A Parquet data set.
    Huggingface(&'a Huggingface),
    /// Class folders.
    ClassFolders(&'a ClassFolders),
}

impl Kind<'_> {
    /// The kind as pipelines spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IconSet(_) => "icon_set",
            Self::PackageFiles(_) => "package_files",
            Self::Folder(_) => "folder",
            Self::ImageFolder(_) => "image_folder",
            Self::List(_) => "list",
            Self::Coco(_) => "coco",
            Self::Webdataset(_) => "webdataset",
            Self::Huggingface(_) => "huggingface",
            Self::ClassFolders(_) => "class_folders",
        }
    }
}

impl Source {
    /// What the source is; a validated source is exactly one kind.
    #[must_use]
    pub fn kind(&self) -> Option<Kind<'_>> {
        self.kinds().into_iter().next()
    }

    fn kinds(&self) -> Vec<Kind<'_>> {
        [
            self.icon_set.as_ref().map(Kind::IconSet),
            self.package_files.as_ref().map(Kind::PackageFiles),
            self.folder.as_ref().map(Kind::Folder),
            self.image_folder.as_ref().map(Kind::ImageFolder),
            self.list.as_ref().map(Kind::List),
            self.coco.as_ref().map(Kind::Coco),
            self.webdataset.as_ref().map(Kind::Webdataset),
            self.huggingface.as_ref().map(Kind::Huggingface),
            self.class_folders.as_ref().map(Kind::ClassFolders),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn one_kind(n_kinds: usize) -> impl FnOnce(&Option<IconSet>, &()) -> garde::Result {
    move |_, ()| match n_kinds {
        1 => Ok(()),
        n => Err(garde::Error::new(format!(
            "a source has exactly one of `icon_set`, `package_files`, `folder`, `image_folder`, `list`, `coco`, \
             `webdataset`, `huggingface` and `class_folders`, but this one has {n}"
        ))),
    }
}

fn one_place(source: &Option<Huggingface>, (): &()) -> garde::Result {
    match source {
        Some(set) if set.local.is_some() == set.repo.is_some() => Err(garde::Error::new(
            "must have either `local` or `repo`, and not both",
        )),
        _ => Ok(()),
    }
}

/// An icon set in Iconify's JSON form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct IconSet {
    /// Which of `packages`.
    pub package: String,
    /// The file of shapes, below the package's root.
    #[serde(default = "default_icons")]
    pub icons: String,
    /// The file that maps code points to icon names, below the package's root.
    #[serde(default = "default_characters")]
    pub characters: String,
}

fn default_icons() -> String {
    "icons.json".to_owned()
}

fn default_characters() -> String {
    "chars.json".to_owned()
}

/// Picture files in a package, named by the characters they stand for: `prefix` + code points + `suffix`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[garde(allow_unvalidated)]
pub struct PackageFiles {
    /// Which of `packages`.
    pub package: String,
    /// What stands before the code points, folders below the package's root included.
    #[serde(default)]
    pub prefix: String,
    /// What stands after them.
    #[garde(length(min = 1))]
    pub suffix: String,
}
