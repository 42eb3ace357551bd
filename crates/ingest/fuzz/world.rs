//! A small ingest around some bytes: it must end with sums that agree or with one error, never with a panic.

#[path = "bodies.rs"]
#[allow(dead_code, reason = "each target takes one")]
pub(crate) mod bodies;

use bodies::{Body, KEPT, PICTURES};
use idiom_ingest::{Hub, IngestRequest};
use idiom_picture::{Rgb8, encode_png};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

thread_local! {
    static WORLD: tempfile::TempDir = made();
}

/// The pictures that sources may name, once for all bytes.
fn made() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the world");
    for (i, path) in PICTURES.into_iter().enumerate() {
        let colours = Rgb8::filled(16, 16, [i as u8 * 40, 90, 10]);
        write(folder.path(), path, &encode_png(&colours));
    }
    write(folder.path(), "kept/k.txt", b"words");
    folder
}

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
    fs::write(path, bytes).expect("room for a file");
}

/// Ingests a world in which these bytes are the body's file.
pub(crate) fn ingest(body: Body, bytes: &[u8]) {
    WORLD.with(|world| {
        let root = world.path();
        write(root, body.file, bytes);
        let rest = "name: small\npicture: {side: 16, frame: crop}\nshards: {unit_rows: 8}\n";
        let yaml = format!("{rest}sources:\n  {KEPT}\n  b: {}\n", body.source);
        let pipeline_path = root.join("pipeline.yaml");
        fs::write(&pipeline_path, yaml).expect("room for the pipeline");
        let out = root.join("out");
        let _ = fs::remove_dir_all(&out);
        let loaded = idiom_spec::load(&pipeline_path, &[]).expect("the pipeline is sound");
        let request = IngestRequest {
            pipeline: loaded.value,
            pipeline_path,
            out,
            cache: root.join("cache"),
            threads: 1,
            hub: Hub::default(),
        };
        match idiom_ingest::ingest(&request, &|_| {}, &AtomicBool::new(false)) {
            Ok(summary) => assert!(summary.counts.agree() && summary.counts.rows_out > 0),
            Err(error) => {
                let text = error.to_string();
                assert!(!text.starts_with("a fault in this program"), "{text}");
            }
        }
    });
}
