//! Parquet data sets as Hugging Face keeps them: pictures in a column of bytes, captions in others. Files are read row
//! group by row group, and only the rows of a unit at a time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryArray, RecordBatch, StringArray, StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use idiom_dataset::{Caption, ParquetBatches, digest};
use idiom_spec::pipeline::Huggingface;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use serde_json::Value;

use super::{Item, Listing, Pictures, Places, RawPicture, Reader, hub, sidecar, walk};
use crate::IngestError;
use crate::fault::Fault;

/// Rows decoded at once: few, since pictures may be large.
const BATCH_ROWS: usize = 32;
/// Fields of a structure of captions that hold the text, the best first.
const TEXT_FIELDS: [&str; 4] = ["text", "caption", "raw", "sentence"];

pub(crate) fn list(set: &Huggingface, places: &Places<'_>) -> Result<Listing, IngestError> {
    let (root, names) = files(set, places)?;
    let own = set.repo.clone().unwrap_or_else(|| {
        let local = set.local.as_deref().unwrap_or(Path::new(""));
        local
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    });
    let mut listing = Listing {
        name: format!("parquet:{own}"),
        ..Listing::default()
    };
    let mut first = 0_u32;
    for name in names {
        let path = root.join(&name);
        listing.files.push(path.clone());
        let builder = builder(&path)?;
        check(set, &path, &builder)?;
        let rows = builder.metadata().file_metadata().num_rows().unsigned_abs() as u32;
        let stem = name.trim_end_matches(".parquet");
        let numbered = (0..rows).map(|row| format!("{stem}/{row:09}"));
        let keys: Vec<String> = match &set.key {
            None => numbered.collect(),
            Some(column) => keys(builder, column, &path)?,
        };
        listing
            .items
            .extend(keys.into_iter().zip(0..rows).map(|(key, row)| Item {
                key: key.into(),
                member: Some(format!("{stem}/{row}").into()),
                subject: None,
                rows: first + row..first + row + 1,
            }));
        first += rows;
    }
    Ok(listing)
}

/// Of the files' names, sizes and times; on the hub, of the revision that was named.
pub(crate) fn fingerprint(set: &Huggingface, places: &Places<'_>) -> Result<String, IngestError> {
    if let Some(repo) = &set.repo {
        return Ok(format!("{repo}@{}", set.revision));
    }
    let (root, names) = files(set, places)?;
    let stamps: Vec<String> = names
        .iter()
        .map(|name| format!("{name}\0{}", walk::stamp(&root.join(name))))
        .collect();
    Ok(digest::sha256_hex(stamps.join("\n").as_bytes()))
}

pub(crate) fn open<'a>(
    set: &'a Huggingface,
    listing: &'a Listing,
    places: &Places<'_>,
) -> Result<Box<dyn Reader + 'a>, IngestError> {
    let mut files = Vec::new();
    let mut first = 0;
    for path in listing.files.clone() {
        let rows = builder(&path)?.metadata().file_metadata().num_rows();
        files.push((first, path));
        first += rows.unsigned_abs() as u32;
    }
    Ok(Box::new(Rows {
        files,
        set,
        name: &listing.name,
        max_bytes: places.pipeline.picture.max_bytes,
    }))
}

/// The folder, and the names of the Parquet files below it that are wanted, sorted.
fn files(set: &Huggingface, places: &Places<'_>) -> Result<(PathBuf, Vec<String>), IngestError> {
    let (root, mut names) = match (&set.local, &set.repo) {
        (_, Some(repo)) => hub::fetched(repo, &set.revision, &set.prefix, places)?,
        (Some(local), _) => {
            let path = places.base.join(local);
            if fs::metadata(&path)
                .map_err(IngestError::io(&path))?
                .is_file()
            {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                (
                    path.parent().unwrap_or(Path::new("")).to_owned(),
                    vec![name],
                )
            } else {
                let found = walk::walk(&path, &|extension| extension == "parquet")?.files;
                (path, found)
            }
        }
        (None, None) => (PathBuf::new(), Vec::new()),
    };
    names.retain(|name| name.starts_with(&set.prefix));
    names.sort();
    if names.is_empty() {
        return Err(IngestError::Table {
            path: root,
            reason: format!("holds no `.parquet` files that begin with `{}`", set.prefix),
        });
    }
    Ok((root, names))
}

fn builder(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, IngestError> {
    let file = File::open(path).map_err(IngestError::io(path))?;
    idiom_dataset::parquet_builder(file).map_err(|error| refuse(path)(error.to_string()))
}

fn refuse(path: &Path) -> impl Fn(String) -> IngestError + '_ {
    move |reason| IngestError::Table {
        path: path.to_owned(),
        reason,
    }
}

/// Whether the asked columns are there, with types that can be read.
fn check(
    set: &Huggingface,
    path: &Path,
    builder: &ParquetRecordBatchReaderBuilder<File>,
) -> Result<(), IngestError> {
    let schema = builder.schema();
    for (name, is_right, needed) in wanted(set) {
        let Ok(field) = schema.field_with_name(name) else {
            let known: Vec<&str> = schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect();
            let reason = format!(
                "there is no column `{name}`; there are {}",
                known.join(", ")
            );
            return Err(refuse(path)(reason));
        };
        if !is_right(field.data_type()) {
            let reason = format!(
                "column `{name}` is `{}`, but must be {needed}",
                field.data_type()
            );
            return Err(refuse(path)(reason));
        }
    }
    Ok(())
}

type Check = fn(&DataType) -> bool;

/// The columns that are read, each with what it must be.
fn wanted(set: &Huggingface) -> Vec<(&str, Check, &'static str)> {
    let facts = &set.facts;
    let single = [
        &set.key,
        &facts.subject,
        &facts.style,
        &facts.license,
        &facts.url,
        &facts.opt_out,
    ];
    let scalars = single.into_iter().flatten().chain(&facts.meta);
    let mut wanted: Vec<(&str, Check, &'static str)> =
        vec![(&set.image, is_picture, "bytes, or a structure with `bytes`")];
    let captions = set.captions.iter().map(|caption| caption.column.as_str());
    wanted.extend(captions.map(|name| (name, is_words as Check, "texts, or lists of texts")));
    wanted.extend(scalars.map(|name| (name.as_str(), is_scalar as Check, "texts or numbers")));
    wanted
}

fn is_picture(kind: &DataType) -> bool {
    match kind {
        DataType::Struct(fields) => fields
            .iter()
            .any(|field| field.name() == "bytes" && is_bytes(field.data_type())),
        kind => is_bytes(kind),
    }
}

fn is_bytes(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView
    )
}

fn is_text(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    ) || matches!(kind, DataType::Dictionary(_, value) if is_text(value))
}

fn is_words(kind: &DataType) -> bool {
    match kind {
        DataType::List(field) | DataType::LargeList(field) => is_words(field.data_type()),
        DataType::Struct(fields) => fields
            .iter()
            .any(|field| TEXT_FIELDS.contains(&field.name().as_str())),
        kind => is_text(kind),
    }
}

fn is_scalar(kind: &DataType) -> bool {
    is_text(kind) || kind.is_numeric() || matches!(kind, DataType::Boolean | DataType::Null)
}

fn keys(
    builder: ParquetRecordBatchReaderBuilder<File>,
    column: &str,
    path: &Path,
) -> Result<Vec<String>, IngestError> {
    let broken = |error: &dyn std::fmt::Display| refuse(path)(error.to_string());
    let mask = ProjectionMask::columns(builder.parquet_schema(), [column]);
    let reader =
        ParquetBatches::of(builder.with_projection(mask)).map_err(|error| broken(&error))?;
    let mut keys = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| broken(&error))?;
        let texts = strings(batch.column(0)).map_err(|error| broken(&error))?;
        keys.extend(texts.iter().map(|key| key.unwrap_or_default().to_owned()));
    }
    Ok(keys)
}

fn strings(column: &ArrayRef) -> Result<StringArray, arrow::error::ArrowError> {
    Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// Reads rows of the files.
struct Rows<'a> {
    files: Vec<(u32, PathBuf)>,
    set: &'a Huggingface,
    name: &'a str,
    max_bytes: u64,
}

impl Reader for Rows<'_> {
    fn pictures<'a>(&'a self, items: &'a [Item]) -> Pictures<'a> {
        let mut open: Option<Open> = None;
        Box::new(items.iter().enumerate().map(move |(i, item)| {
            let number = item.rows.start;
            if !open.as_ref().is_some_and(|open| open.is_next(number)) {
                open = Some(self.open(&items[i..])?);
            }
            let (batch, row) = match &mut open {
                Some(open) => open.next()?,
                None => return Err(broken(&"the file is not open")),
            };
            self.row(&batch, row)
        }))
    }
}

fn broken(error: &dyn std::fmt::Display) -> Fault {
    Fault::new("read", "broken_parquet", error.to_string())
}

/// Neighbouring rows of a file that are being read.
struct Open {
    reader: ParquetBatches,
    next: u32,
    end: u32,
    batch: Option<(RecordBatch, usize)>,
}

impl Open {
    fn is_next(&self, number: u32) -> bool {
        self.next == number && number < self.end
    }

    fn next(&mut self) -> Result<(RecordBatch, usize), Fault> {
        self.next += 1;
        loop {
            if let Some((batch, row)) = &mut self.batch
                && *row < batch.num_rows()
            {
                *row += 1;
                return Ok((batch.clone(), *row - 1));
            }
            match self.reader.next() {
                Some(batch) => self.batch = Some((batch.map_err(|error| broken(&error))?, 0)),
                None => return Err(broken(&"the file ends too early")),
            }
        }
    }
}

impl Rows<'_> {
    /// Opens the file of the first item for as many items as follow each other in it.
    fn open(&self, items: &[Item]) -> Result<Open, Fault> {
        let first = items.first().map_or(0, |item| item.rows.start);
        let file = self.files.partition_point(|(start, _)| *start <= first) - 1;
        let (start, path) = &self.files[file];
        let end_of_file = self.files.get(file + 1).map_or(u32::MAX, |(next, _)| *next);
        let follow = (first..end_of_file).zip(items);
        let n = follow
            .take_while(|(number, item)| item.rows.start == *number)
            .count();
        let builder = builder(path).map_err(|error| broken(&error))?;
        let names = wanted(self.set);
        let mask = ProjectionMask::roots(
            builder.parquet_schema(),
            builder
                .schema()
                .fields()
                .iter()
                .enumerate()
                .filter(|(_, field)| names.iter().any(|(name, ..)| name == field.name()))
                .map(|(i, _)| i),
        );
        let rows = RowSelection::from(vec![
            RowSelector::skip((first - start) as usize),
            RowSelector::select(n),
        ]);
        let builder = builder
            .with_projection(mask)
            .with_row_selection(rows)
            .with_batch_size(BATCH_ROWS);
        let reader = ParquetBatches::of(builder).map_err(|error| broken(&error))?;
        Ok(Open {
            reader,
            next: first,
            end: first + n as u32,
            batch: None,
        })
    }

    fn row(&self, batch: &RecordBatch, row: usize) -> Result<RawPicture, Fault> {
        let facts = &self.set.facts;
        let text =
            |column: &Option<String>| column.as_ref().and_then(|name| scalar(batch, name, row));
        let mut raw = RawPicture {
            subject: text(&facts.subject),
            style: text(&facts.style),
            license: text(&facts.license),
            url: text(&facts.url),
            opt_out: text(&facts.opt_out),
            subject_groups: facts.subject.is_some(),
            ..RawPicture::default()
        };
        for name in &facts.meta {
            if let Some(text) = scalar(batch, name, row) {
                raw.meta.insert(name.clone(), Value::from(text));
            }
        }
        for column in &self.set.captions {
            let mut texts = Vec::new();
            if let Some(array) = batch.column_by_name(&column.column) {
                words(&array.slice(row, 1), &mut texts);
            }
            for text in texts {
                let caption = sidecar::checked(&text, &column.lang)?.map(|caption| Caption {
                    source: self.name.to_owned(),
                    kind: column.kind.clone(),
                    ..caption
                });
                raw.captions
                    .extend(caption.filter(|caption| !raw.captions.contains(caption)));
            }
        }
        if raw.captions.is_empty() {
            return Err(Fault::new(
                "caption",
                "empty_caption",
                "the row holds no words",
            ));
        }
        let bytes = picture(batch, &self.set.image, row)?;
        if bytes.len() as u64 > self.max_bytes {
            let message = format!(
                "it has {} bytes, but at most {} are read",
                bytes.len(),
                self.max_bytes
            );
            return Err(Fault::new("read", "too_many_bytes", message));
        }
        raw.set_bytes(bytes);
        Ok(raw)
    }
}

fn scalar(batch: &RecordBatch, name: &str, row: usize) -> Option<String> {
    let texts = strings(&batch.column_by_name(name)?.slice(row, 1)).ok()?;
    let text = texts
        .is_valid(0)
        .then(|| texts.value(0).trim().to_owned())?;
    (!text.is_empty()).then_some(text)
}

fn picture(batch: &RecordBatch, name: &str, row: usize) -> Result<Vec<u8>, Fault> {
    let nothing = || Fault::new("read", "no_picture", "the row holds no picture");
    let column = batch.column_by_name(name).ok_or_else(nothing)?;
    let column = match column.as_any().downcast_ref::<StructArray>() {
        Some(fields) if fields.is_valid(row) => {
            fields.column_by_name("bytes").ok_or_else(nothing)?
        }
        Some(_) => return Err(nothing()),
        None => column,
    };
    let bytes = cast(&column.slice(row, 1), &DataType::Binary).map_err(|error| broken(&error))?;
    let bytes: &BinaryArray = bytes.as_binary();
    if bytes.is_valid(0) {
        Ok(bytes.value(0).to_vec())
    } else {
        Err(nothing())
    }
}

/// All texts in an array, however deep they stand.
fn words(array: &ArrayRef, texts: &mut Vec<String>) {
    match array.data_type() {
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            (0..lists.len())
                .filter(|i| lists.is_valid(*i))
                .for_each(|i| words(&lists.value(i), texts));
        }
        DataType::LargeList(_) => {
            let lists = array.as_list::<i64>();
            (0..lists.len())
                .filter(|i| lists.is_valid(*i))
                .for_each(|i| words(&lists.value(i), texts));
        }
        DataType::Struct(_) => {
            let fields = array.as_struct();
            let field = TEXT_FIELDS
                .iter()
                .find_map(|name| fields.column_by_name(name));
            if let Some(field) = field {
                words(field, texts);
            }
        }
        _ => {
            if let Ok(strings) = strings(array) {
                texts.extend(strings.iter().flatten().map(str::to_owned));
            }
        }
    }
}

#[cfg(test)]
mod tests;
