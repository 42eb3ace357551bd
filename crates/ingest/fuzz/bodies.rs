//! What is fuzzed: each parser as the file of a small ingest, so that what is tested is what people call. Shared by the fuzz targets
//! beside this file and by `tests/ingest/hostile.rs`, which damages sound files with a seed where no fuzzer is at hand.

/// A file of unknown bytes, and the source in whose place it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body {
    /// Path of the file below the world's folder.
    pub(crate) file: &'static str,
    /// The source that reads it, as in a pipeline.
    pub(crate) source: &'static str,
}

pub(crate) const CSV: Body = Body {
    file: "x.csv",
    source: "{list: {path: x.csv, root: pictures, image: image, captions: [{column: text}]}}",
};
pub(crate) const TSV: Body = Body {
    file: "x.tsv",
    source: "{list: {path: x.tsv, root: pictures, image: image, captions: [{column: text}]}}",
};
pub(crate) const JSONL: Body = Body {
    file: "x.jsonl",
    source: "{list: {path: x.jsonl, root: pictures, image: image, captions: [{column: text}]}}",
};
pub(crate) const PARQUET: Body = Body {
    file: "x.parquet",
    source: "{huggingface: {local: x.parquet}}",
};
pub(crate) const TAR: Body = Body {
    file: "x.tar",
    source: "{webdataset: {path: x.tar}}",
};
pub(crate) const COCO: Body = Body {
    file: "x.json",
    source: "{coco: {annotations: x.json, pictures: pictures}}",
};
pub(crate) const CLASS_NAMES: Body = Body {
    file: "x.names",
    source: "{class_folders: {path: classes, names: x.names, templates: {en: ['{class}']}}}",
};
pub(crate) const SIDECAR: Body = Body {
    file: "pictures/0.json",
    source: "{folder: {path: pictures}}",
};

/// Pictures that the sources may name, and one that is always there so that a data set comes out.
pub(crate) const PICTURES: [&str; 5] = [
    "pictures/0.png",
    "pictures/1.png",
    "classes/n1/0.png",
    "classes/n2/1.png",
    "kept/k.png",
];
/// The source that is always sound; `kept/k.txt` holds its words.
pub(crate) const KEPT: &str = "a: {folder: {path: kept}}";
