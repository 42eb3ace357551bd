//! What a damaged footer says.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use super::*;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;
use std::sync::Arc;

#[test]
fn a_column_with_a_negative_place_is_nowhere() {
    let schema = parse_message_type("message rows { required int32 a; }").unwrap();
    let schema = SchemaDescriptor::new(Arc::new(schema));
    let column = |first_page, dictionary, length| {
        ColumnChunkMetaData::builder(schema.column(0))
            .set_data_page_offset(first_page)
            .set_dictionary_page_offset(dictionary)
            .set_total_compressed_size(length)
            .build()
            .unwrap()
    };
    assert!(!is_nowhere(&column(4, None, 0)));
    assert!(is_nowhere(&column(-4, None, 9)));
    assert!(is_nowhere(&column(4, Some(-1), 9)));
    assert!(is_nowhere(&column(4, Some(4), -9)));
}
