//! Damaged tables, archives and annotations: an ingest ends with rows and rejects whose sums agree, or with one error; it
//! never panics.
//!
//! 20 of each kind by default, 1,000 with `IDIOM_SOAK=1`. The bodies are those of the fuzz targets (`fuzz/`).

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use rstest::rstest;

use crate::world::{self, png, tarball};

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

/// The package as it is sound.
fn package() -> Vec<u8> {
    tarball(&bodies::PACKAGE_FILES.map(|(name, text)| (name, text.as_bytes())))
}

/// One of its files.
fn member(body: Body) -> Vec<u8> {
    let files = bodies::PACKAGE_FILES;
    let file = files.into_iter().find(|(name, _)| *name == body.file);
    file.unwrap().1.into()
}

#[rstest]
#[case(bodies::CSV, b"image,text\n0.png,\"a, b\"\n1.png,c\n0.png,\"d\ne\"\n".to_vec())]
#[case(bodies::TSV, b"image\ttext\n0.png\ta\n1.png\t\"b\"\n".to_vec())]
#[case(bodies::JSONL, b"{\"image\": \"0.png\", \"text\": [\"a\", \"b\"]}\n{\"image\": \"1.png\", \"text\": \"c\"}\n".to_vec())]
#[case(bodies::PARQUET, parquet())]
#[case(bodies::TAR, tar())]
#[case(bodies::COCO, br#"{"images": [{"id": 1, "file_name": "0.png"}, {"id": 2, "file_name": "1.png", "license": 1}], "annotations": [{"image_id": 1, "caption": "a"}, {"image_id": 2, "caption": "b"}], "licenses": [{"id": 1, "name": "x"}]}"#.to_vec())]
#[case(bodies::CLASS_NAMES, b"folder\ten\nn1\tcat\nn2\tdog\n".to_vec())]
#[case(bodies::METADATA_CSV, b"file_name,text,subject,style,note\n0.png,a,cat,ink,\"x, y\"\n1.png,b,,,7\n".to_vec())]
#[case(bodies::METADATA_JSONL, b"{\"file_name\": \"0.png\", \"text\": \"a\"}\n{\"file_name\": \"1.png\", \"text\": [\"b\", \"c\"]}\n".to_vec())]
#[case(bodies::SIDECAR, br#"{"captions": ["a", {"text": "b", "lang": "en"}], "subject": "c", "style": "d", "n": [1, {"x": null}]}"#.to_vec())]
#[case(bodies::LINES, "a cat\u{301}\r\n\tdas K\u{e4}tzchen \u{202e}\u{200b}\u{301}\u{61c}\n一隻\u{3000}貓\n".into())]
#[case(bodies::PHRASES, b"style\tlang\ttext\tkind\tsplit\nink\ten\tlike a stamp\tformal\ttrain\nink\tyue\tthin\tcolloquial\ttest\n".to_vec())]
#[case(bodies::ICON_SHAPES, member(bodies::ICON_SHAPES))]
#[case(bodies::ICON_NAMES, member(bodies::ICON_NAMES))]
#[case(bodies::CAPTION_TABLE, member(bodies::CAPTION_TABLE))]
#[case(bodies::ARCHIVE, package())]
fn a_damaged_file_gives_rows_and_rejects_or_one_error(#[case] body: Body, #[case] whole: Vec<u8>) {
    let count = if std::env::var_os("IDIOM_SOAK").is_some() {
        1_000
    } else {
        20
    };
    let world = bodies::prepared();
    assert!(bodies::ingest(&world, &body, &whole), "the whole file");
    let mut random = Random(2027);
    for _ in 0..count {
        bodies::ingest(&world, &body, &damage(&whole, &mut random));
    }
}
