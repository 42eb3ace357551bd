//! Any text as a pipeline: settings or an error that names a place.
#![no_main]

use idiom_spec::pipeline::Pipeline;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("pipeline.yaml");
    std::fs::write(&path, bytes).expect("room for the file");
    if let Err(error) = idiom_spec::load::<Pipeline>(&path, &[]) {
        assert!(!error.to_string().is_empty());
    }
});
