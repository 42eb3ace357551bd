//! Rows to Arrow columns and back. Column by column in the order of [`crate::schema`].

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BinaryBuilder, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use bytes::Bytes;

use crate::schema::{caption_element, caption_fields, image_fields};
use crate::{Caption, DatasetError, Record};

/// The rows as one batch of the shard's schema.
pub(crate) fn to_batch(rows: &[Record], schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&Record) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(rows.iter().map(of)))
    };
    let int = |of: fn(&Record) -> u32| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(
            rows.iter()
                .map(|row| of(row).try_into().unwrap_or(i32::MAX)),
        ))
    };
    let columns: Vec<ArrayRef> = vec![
        image_column(rows)?,
        text(|row| Some(&row.caption)),
        captions_column(rows)?,
        text(|row| Some(&row.key)),
        text(|row| row.subject.as_deref()),
        text(|row| row.style.as_deref()),
        Arc::new(rows.iter().map(|row| row.label).collect::<Int64Array>()),
        int(|row| row.width),
        int(|row| row.height),
        int(|row| row.orig_width),
        int(|row| row.orig_height),
        text(|row| Some(&row.format)),
        Arc::new(BinaryArray::from_iter_values(
            rows.iter().map(|row| row.sha256),
        )),
        Arc::new(rows.iter().map(|row| row.phash).collect::<UInt64Array>()),
        text(|row| row.license.as_deref()),
        text(|row| row.source.as_deref()),
        text(|row| row.url.as_deref()),
        text(|row| row.opt_out.as_deref()),
        text(|row| row.transform.as_deref()),
        text(|row| row.meta.as_deref()),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns)
}

fn image_column(rows: &[Record]) -> Result<ArrayRef, ArrowError> {
    let total = rows.iter().map(|row| row.image.len()).sum();
    let mut bytes = BinaryBuilder::with_capacity(rows.len(), total);
    for row in rows {
        bytes.append_value(&row.image);
    }
    let paths = StringArray::from_iter(rows.iter().map(|row| row.image_path.as_deref()));
    Ok(Arc::new(StructArray::try_new(
        image_fields(),
        vec![Arc::new(bytes.finish()), Arc::new(paths)],
        None,
    )?))
}

fn captions_column(rows: &[Record]) -> Result<ArrayRef, ArrowError> {
    let all = || rows.iter().flat_map(|row| &row.captions);
    let text = |of: fn(&Caption) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(all().map(of)))
    };
    let columns = vec![
        text(|c| &c.text),
        text(|c| &c.lang),
        text(|c| &c.source),
        text(|c| &c.kind),
    ];
    let values = StructArray::try_new(caption_fields(), columns, None)?;
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.captions.len()));
    Ok(Arc::new(ListArray::try_new(
        caption_element(),
        offsets,
        Arc::new(values),
        None,
    )?))
}

/// The rows of a batch; columns that were not read (the picture) stay empty.
pub(crate) fn from_batch(batch: &RecordBatch, path: &Path) -> Result<Vec<Record>, DatasetError> {
    let view = BatchView { batch, path };
    let mut rows = vec![Record::default(); batch.num_rows()];
    view.text("caption", &mut rows, |row, text| row.caption = text)?;
    view.text("key", &mut rows, |row, text| row.key = text)?;
    view.text("subject", &mut rows, |row, text| row.subject = Some(text))?;
    view.text("style", &mut rows, |row, text| row.style = Some(text))?;
    view.text("format", &mut rows, |row, text| row.format = text)?;
    view.text("license", &mut rows, |row, text| row.license = Some(text))?;
    view.text("source", &mut rows, |row, text| row.source = Some(text))?;
    view.text("url", &mut rows, |row, text| row.url = Some(text))?;
    view.text("opt_out", &mut rows, |row, text| row.opt_out = Some(text))?;
    view.text("transform", &mut rows, |row, text| {
        row.transform = Some(text)
    })?;
    view.text("meta", &mut rows, |row, text| row.meta = Some(text))?;
    view.int("width", &mut rows, |row, value| row.width = value)?;
    view.int("height", &mut rows, |row, value| row.height = value)?;
    view.int("orig_width", &mut rows, |row, value| row.orig_width = value)?;
    view.int("orig_height", &mut rows, |row, value| {
        row.orig_height = value
    })?;
    view.numbers(&mut rows)?;
    view.captions(&mut rows)?;
    view.images(&mut rows)?;
    Ok(rows)
}

/// A batch of a named file, so that errors can say where they are.
pub(crate) struct BatchView<'a> {
    pub(crate) batch: &'a RecordBatch,
    pub(crate) path: &'a Path,
}

impl BatchView<'_> {
    /// A column of a known type.
    pub(crate) fn column<A: Array + 'static>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<&A, DatasetError> {
        self.cast(self.batch.column_by_name(name), name, expected)
    }

    fn cast<'a, A: Array + 'static>(
        &self,
        column: Option<&'a ArrayRef>,
        name: &str,
        expected: &str,
    ) -> Result<&'a A, DatasetError> {
        column
            .and_then(|column| column.as_any().downcast_ref::<A>())
            .ok_or_else(|| DatasetError::Column {
                path: self.path.to_owned(),
                column: name.to_owned(),
                found: column.map_or_else(
                    || "missing".to_owned(),
                    |column| format!("`{}`", column.data_type()),
                ),
                expected: format!("`{expected}`"),
            })
    }

    fn text(
        &self,
        name: &str,
        rows: &mut [Record],
        put: fn(&mut Record, String),
    ) -> Result<(), DatasetError> {
        let column: &StringArray = self.column(name, "Utf8")?;
        for (row, value) in rows.iter_mut().zip(column) {
            if let Some(value) = value {
                put(row, value.to_owned());
            }
        }
        Ok(())
    }

    fn int(
        &self,
        name: &str,
        rows: &mut [Record],
        put: fn(&mut Record, u32),
    ) -> Result<(), DatasetError> {
        let column: &Int32Array = self.column(name, "Int32")?;
        for (row, value) in rows.iter_mut().zip(column) {
            put(
                row,
                value.unwrap_or_default().try_into().unwrap_or_default(),
            );
        }
        Ok(())
    }

    fn numbers(&self, rows: &mut [Record]) -> Result<(), DatasetError> {
        let labels: &Int64Array = self.column("label", "Int64")?;
        let hashes: &UInt64Array = self.column("phash", "UInt64")?;
        let digests: &BinaryArray = self.column("sha256", "Binary")?;
        for (i, row) in rows.iter_mut().enumerate() {
            row.label = labels.is_valid(i).then(|| labels.value(i));
            row.phash = hashes.is_valid(i).then(|| hashes.value(i));
            row.sha256 = digests.value(i).try_into().unwrap_or_default();
        }
        Ok(())
    }

    fn captions(&self, rows: &mut [Record]) -> Result<(), DatasetError> {
        let list: &ListArray = self.column("captions", "List<Struct>")?;
        let values: &StructArray = self.cast(Some(list.values()), "captions.element", "Struct")?;
        let field =
            |name: &str| self.cast::<StringArray>(values.column_by_name(name), name, "Utf8");
        let (texts, langs, sources, kinds) = (
            field("text")?,
            field("lang")?,
            field("source")?,
            field("kind")?,
        );
        for (i, row) in rows.iter_mut().enumerate() {
            let range = list.value_offsets()[i] as usize..list.value_offsets()[i + 1] as usize;
            row.captions = range
                .map(|j| Caption {
                    text: texts.value(j).to_owned(),
                    lang: langs.value(j).to_owned(),
                    source: sources.value(j).to_owned(),
                    kind: kinds.value(j).to_owned(),
                })
                .collect();
        }
        Ok(())
    }

    fn images(&self, rows: &mut [Record]) -> Result<(), DatasetError> {
        if self.batch.column_by_name("image").is_none() {
            return Ok(());
        }
        let image: &StructArray = self.column("image", "Struct")?;
        let bytes: &BinaryArray =
            self.cast(image.column_by_name("bytes"), "image.bytes", "Binary")?;
        let paths: &StringArray = self.cast(image.column_by_name("path"), "image.path", "Utf8")?;
        for (i, row) in rows.iter_mut().enumerate() {
            row.image = Bytes::copy_from_slice(bytes.value(i));
            row.image_path = paths.is_valid(i).then(|| paths.value(i).to_owned());
        }
        Ok(())
    }
}
