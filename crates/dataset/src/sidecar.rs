//! What the sidecars of a dataset have in common, those of texts and those of pictures: a folder of parts, each whole or not there, with
//! `begun.json` that says whose they are and `manifest.json` once nothing is missing; and the column of vectors.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, FixedSizeListArray, Float32Array};
use arrow::datatypes::{DataType, Field};
use serde::{Deserialize, Serialize};

use crate::columns::BatchView;
use crate::manifest::FileEntry;
use crate::{DatasetError, commit, schema, table};

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const BEGUN: &str = "begun.json";

/// Whose parts these are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) schema_version: u32,
    pub(crate) encoder: String,
    pub(crate) encoder_sha256: String,
    pub(crate) dim: usize,
}

impl Begun {
    pub(crate) fn new(encoder: &str, encoder_sha256: &str, dim: usize) -> Self {
        Self {
            schema_version: schema::VERSION,
            encoder: encoder.to_owned(),
            encoder_sha256: encoder_sha256.to_owned(),
            dim,
        }
    }
}

/// Vectors on their way into a part.
pub(crate) struct VectorColumn {
    /// What the column is called, and its type.
    pub(crate) field: Field,
    /// `[rows]` lists of `dim`
    pub(crate) values: ArrayRef,
}

impl VectorColumn {
    /// Vectors of `dim` entries each, for the part at `path`.
    pub(crate) fn of(
        vectors: &[impl AsRef<[f32]>],
        dim: usize,
        path: &Path,
    ) -> Result<Self, DatasetError> {
        let lengths = vectors.iter().map(|vector| vector.as_ref().len());
        if let Some(found) = lengths.into_iter().find(|length| *length != dim) {
            return Err(DatasetError::Dimension {
                path: path.to_owned(),
                found,
                expected: dim,
            });
        }
        let element = Arc::new(Field::new("element", DataType::Float32, true));
        let width = dim.try_into().unwrap_or(i32::MAX);
        let list = DataType::FixedSizeList(Arc::clone(&element), width);
        let entries = vectors.iter().flat_map(|vector| vector.as_ref());
        let entries = Arc::new(Float32Array::from_iter_values(entries.copied()));
        let values = FixedSizeListArray::try_new(element, width, entries, None)
            .map_err(DatasetError::arrow(path))?;
        Ok(Self {
            field: Field::new("embedding", list, true),
            values: Arc::new(values),
        })
    }
}

/// Hands the batches of all parts to `take`, one after another.
pub(crate) fn each_batch(
    folder: &Path,
    parts: &[FileEntry],
    mut take: impl FnMut(&BatchView<'_>) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    parts
        .iter()
        .try_for_each(|part| each_batch_of(&folder.join(&part.path), &mut take))
}

/// Hands the batches of one part to `take`.
pub(crate) fn each_batch_of(
    path: &Path,
    mut take: impl FnMut(&BatchView<'_>) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    for batch in table::read(path)? {
        take(&BatchView {
            batch: &batch,
            path,
        })?;
    }
    Ok(())
}

/// Removes all parts but those of these names.
pub(crate) fn keep_only(folder: &Path, names: &[&str]) -> Result<(), DatasetError> {
    for entry in fs::read_dir(folder).map_err(DatasetError::io(folder))? {
        let entry = entry.map_err(DatasetError::io(folder))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".parquet") && !names.contains(&&*name) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// The vectors of a batch, `[rows, dim]` flat.
pub(crate) fn vectors(view: &BatchView<'_>, dim: usize) -> Result<Vec<f32>, DatasetError> {
    let list: &FixedSizeListArray = view.column("embedding", "FixedSizeList<Float32>")?;
    let wrong = || DatasetError::Column {
        path: view.path.to_owned(),
        column: "embedding".to_owned(),
        found: format!("`{}`", list.data_type()),
        expected: format!("a list of {dim} `Float32`"),
    };
    let values = list
        .values()
        .as_any()
        .downcast_ref::<Float32Array>()
        .ok_or_else(wrong)?;
    if usize::try_from(list.value_length()) != Ok(dim) || values.len() != list.len() * dim {
        return Err(wrong());
    }
    Ok(values.values().to_vec())
}

pub(crate) fn remove(path: &Path) -> Result<(), DatasetError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(DatasetError::Io {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

pub(crate) fn read_json<T: serde::de::DeserializeOwned>(
    path: &Path,
) -> Result<Option<T>, DatasetError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(DatasetError::Io {
                path: path.to_owned(),
                source,
            });
        }
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| DatasetError::BadManifest {
            path: path.to_owned(),
            reason: error.to_string(),
        })
}

pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), DatasetError> {
    let mut bytes =
        serde_json::to_vec_pretty(value).map_err(|error| DatasetError::BadManifest {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
    bytes.push(b'\n');
    commit::write(path, &bytes)
}
