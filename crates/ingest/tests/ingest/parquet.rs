//! Parquet data sets as Hugging Face keeps them: in a folder, and on a stand-in for the hub.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, LargeStringArray, RecordBatch, StringArray};
use idiom_ingest::{Hub, ingest};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use rstest::rstest;

use crate::server::{Server, send};
use crate::world::{World, png};

/// Rows of a data set whose pictures are plain bytes, in row groups of 5.
fn plain(first: u8, n: u8) -> Vec<u8> {
    let pictures: Vec<Vec<u8>> = (first..first + n).map(png).collect();
    let words: Vec<String> = (first..first + n).map(|i| format!("number {i}")).collect();
    let ids: Vec<String> = (first..first + n).map(|i| format!("id-{i:03}")).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("jpg", Arc::new(BinaryArray::from_iter_values(&pictures))),
        ("words", Arc::new(LargeStringArray::from(words))),
        ("id", Arc::new(StringArray::from(ids))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let rules = WriterProperties::builder()
        .set_max_row_group_row_count(Some(5))
        .build();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(rules)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn our_own_data_set_can_be_ingested_again() {
    let world = World::new();
    world.sources(&["pictures: {license: MIT, folder: {path: pictures, lang: en}}"]);
    for i in 0..30 {
        world.picture(&format!("p{i:02}"), i, &format!("first {i}\nsecond {i}"));
    }
    world.run(2).unwrap();
    let before = world.rows();
    let again = World::new();
    let data = world.out().join("data");
    again.sources(&[&format!(
        "copy: {{huggingface: {{local: {}, key: key, captions: [{{column: captions, lang: en}}], facts: {{license: license, meta: [format]}}}}}}",
        data.display()
    )]);
    let counts = again.run(2).unwrap().counts;
    assert_eq!((counts.rows_in, counts.rows_out), (30, 30));
    for (key, (_, row)) in again.rows() {
        let old = &before[&key].1;
        assert_eq!(row.image, old.image, "{key}");
        assert_eq!(
            (row.captions.len(), &row.caption, &row.license),
            (2, &old.caption, &old.license)
        );
        assert_eq!(row.meta.as_deref(), Some(r#"{"format":"png"}"#));
    }
}

#[rstest]
fn rows_come_from_all_files_and_row_groups(#[values(1, 2)] threads: usize) {
    let world = World::new();
    world.write("set/train-0.parquet", plain(0, 13));
    world.write("set/train-1.parquet", plain(13, 20));
    world.write("set/test-0.parquet", plain(100, 4));
    world.sources(&[
        "set: {huggingface: {local: set, prefix: train-, image: jpg, captions: [{column: words}]}}",
    ]);
    let counts = world.run(threads).unwrap().counts;
    assert_eq!(counts.rows_out, 33);
    assert_eq!(world.texts("train-0/000000012"), ["number 12"]);
    assert_eq!(
        world.rows()["train-1/000000007"].1.sha256,
        idiom_dataset::digest::sha256(&png(20))
    );
}

#[rstest]
#[case(
    "image: picture",
    "there is no column `picture`; there are jpg, words, id"
)]
#[case("image: words", "column `words` is `LargeUtf8`, but must be bytes")]
#[case(
    "image: jpg, prefix: nothing",
    "no `.parquet` files that begin with `nothing`"
)]
fn a_column_that_does_not_fit_is_an_error_that_names_both_types(
    #[case] fields: &str,
    #[case] words: &str,
) {
    let world = World::new();
    world.write("set/a.parquet", plain(0, 3));
    world.sources(&[&format!(
        "set: {{huggingface: {{local: set, captions: [{{column: words}}], {fields}}}}}"
    )]);
    let error = world.run(1).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_file_without_footer_is_an_error_that_names_it() {
    let world = World::new();
    let bytes = plain(0, 3);
    world.write("set/a.parquet", &bytes[..bytes.len() - 9]);
    world.sources(&["set: {huggingface: {local: set, image: jpg, captions: [{column: words}]}}"]);
    let error = world.run(1).unwrap_err().to_string();
    assert!(error.contains("a.parquet"), "{error}");
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A hub that has one data set of one file.
fn hub(file: Vec<u8>) -> Server {
    Server::start(move |request, stream| {
        let (method, path) = request.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap();
        let about = format!("X-Repo-Commit: {COMMIT}\r\nETag: \"{:x}\"\r\n", file.len());
        let json = "Content-Type: application/json\r\n";
        let tree = format!(
            r#"[{{"type":"file","oid":"1","size":{},"path":"data/train-0.parquet"}},{{"type":"file","oid":"2","size":1,"path":"README.md"}}]"#,
            file.len()
        );
        if path.starts_with("/api/datasets/owner/tiny/tree/") {
            send(stream, "200 OK", json, tree.as_bytes());
        } else if path.starts_with("/api/datasets/owner/tiny") {
            let info = format!(
                r#"{{"id":"owner/tiny","sha":"{COMMIT}","siblings":[{{"rfilename":"data/train-0.parquet"}}]}}"#
            );
            send(stream, "200 OK", json, info.as_bytes());
        } else if path.ends_with("/data/train-0.parquet") {
            if method == "HEAD" {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n{about}\r\n",
                    file.len()
                );
                let _ = std::io::Write::write_all(stream, head.as_bytes());
            } else {
                send(stream, "200 OK", &about, &file);
            }
        } else {
            send(
                stream,
                "404 Not Found",
                "X-Error-Code: RepoNotFound\r\n",
                b"",
            );
        }
    })
}

#[test]
fn a_data_set_on_the_hub_is_fetched_once() {
    let server = hub(plain(0, 9));
    let world = World::new();
    world.sources(&[
        "set: {huggingface: {repo: owner/tiny, image: jpg, key: id, captions: [{column: words}]}}",
    ]);
    let mut request = world.request(1);
    request.hub = Hub {
        endpoint: Some(server.address.clone()),
        cache: Some(world.root.join("hub")),
        ..Hub::default()
    };
    let go = std::sync::atomic::AtomicBool::new(false);
    assert_eq!(ingest(&request, &|_| {}, &go).unwrap().counts.rows_out, 9);
    assert_eq!(world.texts("id-004"), ["number 4"]);
    std::fs::remove_dir_all(world.out()).unwrap();
    request.hub.offline = true;
    request.hub.endpoint = Some("http://127.0.0.1:9".to_owned());
    assert_eq!(
        ingest(&request, &|_| {}, &go).unwrap().counts.rows_out,
        9,
        "the cache has it"
    );
}
