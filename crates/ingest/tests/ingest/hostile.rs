//! Damaged tables, archives and annotations: an ingest ends with rows and rejects whose sums agree, or with one error; it
//! never panics.
//!
//! 20 of each kind by default, 1,000 with `IDIOM_SOAK=1`. The bodies are those of the fuzz targets (`fuzz/`).

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use rstest::rstest;

use crate::world::{World, png};

#[path = "../../fuzz/bodies.rs"]
mod bodies;
use bodies::Body;

/// The generator of `SplitMix64`; the test needs no more than reproducible bytes.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// One to four bytes changed, cut out, doubled, or the end lost.
fn damage(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let place = random.below(bytes.len());
        match random.below(6) {
            0 => bytes.truncate(place),
            1 if !bytes.is_empty() => bytes[place] ^= 1 << random.below(8),
            2 if !bytes.is_empty() => bytes[place] = b"\"\n\t,\0\xff{[\\"[random.below(9)],
            3 => {
                let end = bytes.len().min(place + random.below(40));
                bytes.drain(place..end);
            }
            4 => {
                let end = bytes.len().min(place + random.below(40));
                let part = bytes[place..end].to_vec();
                bytes.splice(place..place, part);
            }
            _ => bytes.insert(place, random.next() as u8),
        }
    }
    bytes
}

fn parquet() -> Vec<u8> {
    let pictures: Vec<Vec<u8>> = (0..4).map(png).collect();
    let columns: [(&str, ArrayRef); 2] = [
        ("image", Arc::new(BinaryArray::from_iter_values(&pictures))),
        (
            "text",
            Arc::new(StringArray::from(vec!["a", "b", "c", "d"])),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn tar() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in [
        ("a.png", png(1)),
        ("a.txt", b"words".to_vec()),
        ("b.json", b"[\"x\"]".to_vec()),
        ("b.png", png(2)),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        archive
            .append_data(&mut header, name, bytes.as_slice())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

#[rstest]
#[case(bodies::CSV, b"image,text\n0.png,\"a, b\"\n1.png,c\n0.png,\"d\ne\"\n".to_vec())]
#[case(bodies::TSV, b"image\ttext\n0.png\ta\n1.png\t\"b\"\n".to_vec())]
#[case(bodies::JSONL, b"{\"image\": \"0.png\", \"text\": [\"a\", \"b\"]}\n{\"image\": \"1.png\", \"text\": \"c\"}\n".to_vec())]
#[case(bodies::PARQUET, parquet())]
#[case(bodies::TAR, tar())]
#[case(bodies::COCO, br#"{"images": [{"id": 1, "file_name": "0.png"}, {"id": 2, "file_name": "1.png", "license": 1}], "annotations": [{"image_id": 1, "caption": "a"}, {"image_id": 2, "caption": "b"}], "licenses": [{"id": 1, "name": "x"}]}"#.to_vec())]
#[case(bodies::CLASS_NAMES, b"folder\ten\nn1\tcat\nn2\tdog\n".to_vec())]
#[case(bodies::SIDECAR, br#"{"captions": ["a", {"text": "b", "lang": "en"}], "subject": "c", "n": [1, {"x": null}]}"#.to_vec())]
fn a_damaged_file_gives_rows_and_rejects_or_one_error(#[case] body: Body, #[case] whole: Vec<u8>) {
    let file = body.file;
    let count = if std::env::var_os("IDIOM_SOAK").is_some() {
        1_000
    } else {
        20
    };
    let world = World::new();
    for (i, path) in bodies::PICTURES.into_iter().enumerate() {
        world.write(path, png(i as u8));
    }
    world.write("kept/k.txt", "words");
    world.sources(&[bodies::KEPT, &format!("b: {}", body.source)]);
    let mut random = Random(2027);
    let mut errors = 0;
    for i in 0..count {
        let bytes = damage(&whole, &mut random);
        world.write(file, &bytes);
        match world.run(1) {
            Ok(summary) => assert!(
                summary.counts.agree() && summary.counts.rows_out > 0,
                "damage {i}"
            ),
            Err(error) => {
                errors += 1;
                assert!(
                    !error.to_string().starts_with("a fault in this program"),
                    "damage {i}: {error}"
                );
            }
        }
    }
    assert!(errors < count, "no damaged {file} was read at all");
}
