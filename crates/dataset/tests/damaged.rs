//! A footer that lies about where its columns are: every reader of ours says so, none panics.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::fs;
use std::path::Path;

use idiom_dataset::rejects::{self, Reject};
use idiom_dataset::{Columns, Records};
use parquet::file::metadata::{
    ColumnChunkMetaDataBuilder, ParquetMetaDataReader, ParquetMetaDataWriter,
};

/// Writes a sound table, then the same with each column's place changed in the footer.
fn with_footer(path: &Path, lie: fn(ColumnChunkMetaDataBuilder) -> ColumnChunkMetaDataBuilder) {
    rejects::write(path, &[Reject::default()]).unwrap();
    let bytes = fs::read(path).unwrap();
    let file = fs::File::open(path).unwrap();
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .unwrap();
    let mut metadata = metadata.into_builder();
    let mut groups = Vec::new();
    for group in metadata.take_row_groups() {
        let mut group = group.into_builder();
        let columns = group.take_columns().into_iter();
        let columns = columns.map(|column| lie(column.into_builder()).build().unwrap());
        groups.push(
            group
                .set_column_metadata(columns.collect())
                .build()
                .unwrap(),
        );
    }
    let metadata = metadata.set_row_groups(groups).build();
    let footer_bytes = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap());
    let mut damaged = bytes[..bytes.len() - 8 - footer_bytes as usize].to_vec();
    ParquetMetaDataWriter::new(&mut damaged, &metadata)
        .finish()
        .unwrap();
    fs::write(path, damaged).unwrap();
}

#[test]
fn a_negative_place_in_a_footer_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rejects.parquet");
    with_footer(&path, |column| column);
    assert_eq!(
        rejects::read(&path).unwrap().len(),
        1,
        "the lie is the only damage"
    );
    let lies: [fn(ColumnChunkMetaDataBuilder) -> ColumnChunkMetaDataBuilder; 3] = [
        |column| {
            column
                .set_data_page_offset(-4)
                .set_dictionary_page_offset(None)
        },
        |column| column.set_dictionary_page_offset(Some(-1)),
        |column| column.set_total_compressed_size(-9),
    ];
    for lie in lies {
        with_footer(&path, lie);
        let as_table = rejects::read(&path).unwrap_err().to_string();
        let mut rows = Records::of_shard(&path, Columns::All);
        let as_shard = rows.next().unwrap().unwrap_err().to_string();
        for message in [as_table, as_shard] {
            assert!(message.contains("rejects.parquet"), "{message}");
            assert!(message.contains("before the file does"), "{message}");
        }
    }
}
