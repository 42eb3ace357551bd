//! Any bytes as one of a data set's manifests, see `stored.rs`; the first says which.
#![no_main]

#[path = "../whole_data_set.rs"]
mod whole_data_set;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| whole_data_set::with(".json", bytes));
