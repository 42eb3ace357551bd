//! The columns, and how they are laid out in Parquet. The same schema for every dataset, all-null columns included.
//!
//! | column | Arrow type | note |
//! |---|---|---|
//! | `image` | struct<bytes: binary, path: string> | the Hugging Face `Image` feature |
//! | `caption` | string | the primary one |
//! | `captions` | list<struct<text, lang, source, kind: string>> | all of them |
//! | `key` | string | stable id, sorted within a split |
//! | `subject`, `style` | string | what is drawn, how it is drawn |
//! | `label` | int64 | index into the class names |
//! | `width`, `height`, `orig_width`, `orig_height` | int32 | pixels, after and before the transform |
//! | `format` | string | of the source, sniffed |
//! | `sha256` | binary | of the source bytes |
//! | `phash` | uint64 | perceptual hash of the stored picture |
//! | `license`, `source`, `url`, `opt_out` | string | provenance and consent |
//! | `transform` | string | what was done to the pixels |
//! | `meta` | string | JSON: what else the source knew |
//!
//! `image.bytes` is stored without compression, dictionary or statistics: the pictures are compressed already, and minima
//! and maxima of large binaries have broken readers. All else is zstd-3.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde_json::{Value, json};

/// Version of the columns; written into every shard and manifest.
pub const VERSION: u32 = 1;

/// A row group closes at this many rows,
pub(crate) const GROUP_ROWS: usize = 1024;
/// or at this many bytes of pictures.
pub(crate) const GROUP_BYTES: usize = 32 << 20;

pub(crate) fn image_fields() -> Fields {
    Fields::from(vec![
        Field::new("bytes", DataType::Binary, true),
        Field::new("path", DataType::Utf8, true),
    ])
}

pub(crate) fn caption_fields() -> Fields {
    ["text", "lang", "source", "kind"]
        .into_iter()
        .map(|name| Field::new(name, DataType::Utf8, true))
        .collect()
}

/// The name of a list's element, as Parquet and Arrow both write it today.
pub(crate) fn caption_element() -> Arc<Field> {
    Arc::new(Field::new(
        "element",
        DataType::Struct(caption_fields()),
        true,
    ))
}

/// The columns of a shard, in file order, without metadata.
#[must_use]
pub fn columns() -> Schema {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let int = |name| Field::new(name, DataType::Int32, true);
    Schema::new(vec![
        Field::new("image", DataType::Struct(image_fields()), true),
        text("caption"),
        Field::new("captions", DataType::List(caption_element()), true),
        text("key"),
        text("subject"),
        text("style"),
        Field::new("label", DataType::Int64, true),
        int("width"),
        int("height"),
        int("orig_width"),
        int("orig_height"),
        text("format"),
        Field::new("sha256", DataType::Binary, true),
        Field::new("phash", DataType::UInt64, true),
        text("license"),
        text("source"),
        text("url"),
        text("opt_out"),
        text("transform"),
        text("meta"),
    ])
}

/// What stands in a shard's key-value metadata: nothing that differs between two runs over the same input.
#[must_use]
pub fn metadata(config_sha256: &str, classes: &[String]) -> BTreeMap<String, String> {
    BTreeMap::from([
        (
            "huggingface".to_owned(),
            json!({"info": {"features": features(classes)}}).to_string(),
        ),
        ("idiom.schema_version".to_owned(), VERSION.to_string()),
        ("idiom.config_sha256".to_owned(), config_sha256.to_owned()),
    ])
}

/// The columns as Hugging Face `datasets` names them, so that pictures arrive decoded.
#[must_use]
pub fn features(classes: &[String]) -> Value {
    let value = |dtype: &str| json!({"dtype": dtype, "_type": "Value"});
    let mut features = serde_json::Map::new();
    for field in columns().fields() {
        let feature = match (field.name().as_str(), field.data_type()) {
            ("image", _) => json!({"_type": "Image"}),
            ("captions", _) => {
                let fields: serde_json::Map<String, Value> = caption_fields()
                    .iter()
                    .map(|field| (field.name().clone(), value("string")))
                    .collect();
                json!([fields])
            }
            ("label", _) if !classes.is_empty() => json!({"names": classes, "_type": "ClassLabel"}),
            (_, DataType::Utf8) => value("string"),
            (_, DataType::Int32) => value("int32"),
            (_, DataType::Int64) => value("int64"),
            (_, DataType::UInt64) => value("uint64"),
            (_, other) => value(&other.to_string().to_lowercase()),
        };
        features.insert(field.name().clone(), feature);
    }
    Value::Object(features)
}

/// How shards are laid out; see the module's text.
pub(crate) fn shard_properties() -> WriterProperties {
    let bytes = ColumnPath::from(vec!["image".to_owned(), "bytes".to_owned()]);
    table_properties()
        .set_column_compression(bytes.clone(), Compression::UNCOMPRESSED)
        .set_column_dictionary_enabled(bytes.clone(), false)
        .set_column_statistics_enabled(bytes, EnabledStatistics::None)
        .set_column_statistics_enabled(ColumnPath::from("meta"), EnabledStatistics::None)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build()
}

/// How all other tables are laid out.
pub(crate) fn table_properties() -> parquet::file::properties::WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_offset_index_disabled(false)
}
