//! `phrases.parquet`: how people describe each style, in each language, with the part that training never sees.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::columns::BatchView;
use crate::{DatasetError, Phrase, table};

/// Name of the table in the dataset's folder.
pub const FILE: &str = "phrases.parquet";

const COLUMNS: [&str; 5] = ["style", "lang", "text", "kind", "split"];

/// Commits the phrases as a table.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, phrases: &[Phrase]) -> Result<(), DatasetError> {
    let schema: SchemaRef = Arc::new(Schema::new(
        COLUMNS
            .map(|name| Field::new(name, DataType::Utf8, true))
            .to_vec(),
    ));
    let text = |of: fn(&Phrase) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(phrases.iter().map(of)))
    };
    let columns = vec![
        text(|p| &p.style),
        text(|p| &p.lang),
        text(|p| &p.text),
        text(|p| &p.kind),
        text(|p| p.split.name()),
    ];
    let batch = RecordBatch::try_new(schema, columns).map_err(DatasetError::arrow(path))?;
    table::write(path, &batch)
}

/// Reads a table of phrases.
///
/// # Errors
/// The file cannot be read, lacks a column, or names an unknown split.
pub fn read(path: &Path) -> Result<Vec<Phrase>, DatasetError> {
    let mut phrases = Vec::new();
    for batch in table::read(path)? {
        let view = BatchView {
            batch: &batch,
            path,
        };
        let column = |name: &str| view.column::<StringArray>(name, "Utf8");
        let (styles, langs, texts) = (column("style")?, column("lang")?, column("text")?);
        let (kinds, splits) = (column("kind")?, column("split")?);
        for i in 0..batch.num_rows() {
            let split = splits
                .value(i)
                .parse()
                .map_err(|found| DatasetError::Column {
                    path: path.to_owned(),
                    column: "split".to_owned(),
                    found,
                    expected: "`train`, `validation` or `test`".to_owned(),
                })?;
            phrases.push(Phrase {
                style: styles.value(i).to_owned(),
                lang: langs.value(i).to_owned(),
                text: texts.value(i).to_owned(),
                kind: kinds.value(i).to_owned(),
                split,
            });
        }
    }
    Ok(phrases)
}
