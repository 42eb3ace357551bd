//! What is fuzzed: each parser as the file of a small ingest, so that what is tested is what people call. Shared by the fuzz targets
//! beside this file and by `tests/ingest/hostile.rs`, which damages sound files with a seed where no fuzzer is at hand.

use std::fs;

use unicode_normalization::is_nfc;

use super::world::{World, png};

/// A file of unknown bytes, and the source in whose place it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body {
    /// Path of the file below the world's folder, or below the root of [`PACKAGE`].
    pub(crate) file: &'static str,
    /// The source that reads it, as in a pipeline.
    pub(crate) source: &'static str,
    /// Where the file lies.
    lies: Lies,
}

/// Where a body's file lies.
#[derive(Debug, Clone, Copy)]
enum Lies {
    /// In the world's folder.
    World,
    /// In the package, in the place of a sound file.
    Package,
    /// It is the package.
    Archive,
}

const fn in_world(file: &'static str, source: &'static str) -> Body {
    Body {
        file,
        source,
        lies: Lies::World,
    }
}

const fn in_package(file: &'static str) -> Body {
    Body {
        file,
        source: ICONS,
        lies: Lies::Package,
    }
}

/// The name of the package, and the source that reads it.
const PACKAGE: &str = "icons";
const ICONS: &str = "{style: ink, icon_set: {package: icons}}";
/// Its sound files: shapes, the characters they stand for, and words for these.
pub(crate) const PACKAGE_FILES: [(&str, &str); 3] = [
    (
        "icons.json",
        r#"{"width": 16, "icons": {"a": {"body": "<path fill=\"currentColor\" d=\"M0 0h9v8H0z\"/>"}, "b": {"body": "<g/>", "left": -2, "height": 9}}}"#,
    ),
    (
        "chars.json",
        r#"{"1f600": "a", "1F601-FE0F": "b", "0023-20e3": "a"}"#,
    ),
    (
        "words.json",
        r#"{"deep": {"er": {"😀": {"label": "grin", "tags": ["face", "big_grin"]}, "😁": {"label": ["beam"]}}}}"#,
    ),
];

pub(crate) const CSV: Body = in_world(
    "x.csv",
    "{list: {path: x.csv, root: pictures, image: image, captions: [{column: text}]}}",
);
pub(crate) const TSV: Body = in_world(
    "x.tsv",
    "{list: {path: x.tsv, root: pictures, image: image, captions: [{column: text}]}}",
);
pub(crate) const JSONL: Body = in_world(
    "x.jsonl",
    "{list: {path: x.jsonl, root: pictures, image: image, captions: [{column: text}]}}",
);
pub(crate) const PARQUET: Body = in_world("x.parquet", "{huggingface: {local: x.parquet}}");
pub(crate) const TAR: Body = in_world("x.tar", "{webdataset: {path: x.tar}}");
pub(crate) const COCO: Body = in_world(
    "x.json",
    "{coco: {annotations: x.json, pictures: pictures}}",
);
pub(crate) const CLASS_NAMES: Body = in_world(
    "x.names",
    "{class_folders: {path: classes, names: x.names, templates: {en: ['{class}']}}}",
);
/// Metadata as Hugging Face's `imagefolder` has it, with columns that hold more than words.
pub(crate) const METADATA_CSV: Body = in_world(
    "pictures/metadata.csv",
    "{image_folder: {path: pictures, facts: {subject: subject, style: style, meta: [note]}}}",
);
pub(crate) const METADATA_JSONL: Body = in_world(
    "pictures/metadata.jsonl",
    "{image_folder: {path: pictures}}",
);
pub(crate) const SIDECAR: Body = in_world("pictures/0.json", "{folder: {path: pictures}}");
/// One caption a line: what cleaning does to any text.
pub(crate) const LINES: Body = in_world("pictures/0.txt", "{folder: {path: pictures, lang: en}}");
/// The table of phrases. It stands beside the sources, of which the second is as sound as the first.
pub(crate) const PHRASES: Body = in_world("x.phrases", "{style: ink, folder: {path: kept}}");
pub(crate) const ICON_SHAPES: Body = in_package("icons.json");
pub(crate) const ICON_NAMES: Body = in_package("chars.json");
pub(crate) const CAPTION_TABLE: Body = in_package("words.json");
pub(crate) const ARCHIVE: Body = Body {
    file: "icons-1.0.0.tgz",
    source: ICONS,
    lies: Lies::Archive,
};

/// Pictures that the sources may name, and one that is always there so that a data set comes out.
const PICTURES: [&str; 5] = [
    "pictures/0.png",
    "pictures/1.png",
    "classes/n1/0.png",
    "classes/n2/1.png",
    "kept/k.png",
];
/// The source that is always sound; `kept/k.txt` holds its words.
const KEPT: &str = "{folder: {path: kept}}";
/// What the pipelines share. A template uses all that a row may be said to have.
const PIPELINE: &str = "
name: small
picture: {side: 16, frame: crop, upscale: true}
shards: {unit_rows: 8}
templates: {en: ['{style} {subject}', '{caption}!']}
";

/// A world with the pictures that sources may name.
pub(crate) fn prepared() -> World {
    let world = World::new();
    for (i, path) in PICTURES.into_iter().enumerate() {
        world.write(path, png(i as u8));
    }
    world.write("kept/k.txt", "words");
    world
}

/// Ingests a world in which these bytes are the body's file: it ends with sums that agree and captions that are clean, or with one
/// error, never with a panic. Gives whether there was no error.
pub(crate) fn ingest(world: &World, body: &Body, bytes: &[u8]) -> bool {
    let _ = fs::remove_dir_all(world.out());
    let rest = put(world, body, bytes);
    let source = body.source;
    world.pipeline(&format!(
        "{PIPELINE}{rest}sources:\n  a: {KEPT}\n  b: {source}\n"
    ));
    match world.run(1) {
        Ok(summary) => {
            assert!(summary.counts.agree() && summary.counts.rows_out > 0);
            for (key, (_, row)) in world.rows() {
                for caption in &row.captions {
                    assert!(is_clean(&caption.text), "`{key}`: {:?}", caption.text);
                }
            }
            true
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.starts_with("a fault in this program"), "{text}");
            false
        }
    }
}

/// Puts the bytes in their place; gives what the pipeline must say for them to be read.
fn put(world: &World, body: &Body, bytes: &[u8]) -> String {
    let package = match body.lies {
        Lies::World => {
            world.write(body.file, bytes);
            return match body.file {
                file if file == PHRASES.file => format!("phrases: {file}\n"),
                _ => String::new(),
            };
        }
        Lies::Archive => world.archive(PACKAGE, bytes),
        Lies::Package => {
            let files = PACKAGE_FILES.map(|(name, sound)| match name {
                name if name == body.file => (name, bytes),
                name => (name, sound.as_bytes()),
            });
            world.package(PACKAGE, &files)
        }
    };
    let table =
        "{package: icons, file: words.json, lang: en, at: deep.er, label: label, tags: tags}";
    format!("packages:\n{package}captions: [{table}]\n")
}

/// Whether a caption is what the documentation of captions promises: some words on one line, in composed Unicode, with nothing that
/// cannot be seen and nothing that turns the direction of reading.
fn is_clean(text: &str) -> bool {
    let unseen = |c: char| {
        let format = "\u{61c}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\
                      \u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}";
        c.is_control() || format.contains(c)
    };
    !text.is_empty()
        && text.split(' ').all(|word| !word.is_empty())
        && !text.contains(unseen)
        && is_nfc(text)
}
