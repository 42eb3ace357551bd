//! What a damaged footer says.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use super::*;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;
use std::sync::Arc;

/// Opens a file that is nothing but a footer, which says that its one column is there.
fn opened(first_page: i64, dictionary: Option<i64>, length: i64) -> Result<(), String> {
    let schema = parse_message_type("message rows { required int32 a; }").unwrap();
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
    let column = ColumnChunkMetaData::builder(schema.column(0))
        .set_data_page_offset(first_page)
        .set_dictionary_page_offset(dictionary)
        .set_total_compressed_size(length);
    let group = RowGroupMetaData::builder(Arc::clone(&schema))
        .set_num_rows(1)
        .add_column_metadata(column.build().unwrap());
    let file = FileMetaData::new(1, 1, None, None, schema, None);
    let metadata = ParquetMetaData::new(file, vec![group.build().unwrap()]);
    let mut bytes = b"PAR1".to_vec();
    ParquetMetaDataWriter::new(&mut bytes, &metadata)
        .finish()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    std::fs::write(&path, bytes).unwrap();
    builder(&path).map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_column_with_a_negative_place_is_refused_by_the_files_name() {
    assert_eq!(opened(4, None, 0), Ok(()));
    for refused in [
        opened(-4, None, 9),
        opened(4, Some(-1), 9),
        opened(4, Some(4), -9),
    ] {
        let message = refused.unwrap_err();
        assert!(message.contains("rows.parquet"), "{message}");
        assert!(message.contains("before the file does"), "{message}");
    }
}
