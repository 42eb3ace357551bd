//! Any bytes as a picture: pixels or an error with a code.
#![no_main]

use idiom_picture::{Limits, decode};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        max_pixels: 4_000_000,
        max_memory: 64 << 20,
        ..Limits::default()
    };
    match decode(bytes, &limits) {
        Ok(picture) => _ = picture.pixels.on_background([0; 3]),
        Err(error) => assert_ne!(error.code(), "decoder_panic", "{error}"),
    }
});
