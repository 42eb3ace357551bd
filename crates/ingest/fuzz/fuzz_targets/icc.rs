//! Any bytes as this metadata of a sound picture, see `metadata.rs`.
#![no_main]

#[path = "../metadata.rs"]
mod metadata;

use metadata::{Metadata, check};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check(Metadata::Icc, bytes));
