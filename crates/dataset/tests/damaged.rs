//! Damaged files of a data set: every reader of ours gives rows or an error that names the file, none panics.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use idiom_dataset::rejects::{self, Reject};
use idiom_dataset::{Columns, Records};
use parquet::file::metadata::{
    ColumnChunkMetaDataBuilder, ParquetMetaDataReader, ParquetMetaDataWriter,
};

#[path = "../../ingest/fuzz/stored.rs"]
mod stored;
use stored::{FILES, Stored};

/// The generator of `SplitMix64`; the test needs no more than reproducible bytes.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// One to three bytes changed, a digit made many, a part cut out or doubled, or the end lost.
fn damage(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let place = random.below(bytes.len());
        let end = bytes.len().min(place + random.below(20));
        match random.below(6) {
            0 => bytes.truncate(place),
            1 if !bytes.is_empty() => bytes[place] ^= 1 << random.below(8),
            2 => _ = bytes.splice(place..end, *b"99999999999999999999"),
            3 => _ = bytes.drain(place..end),
            4 => {
                let part = bytes[place..end].to_vec();
                bytes.splice(place..place, part);
            }
            _ => bytes.insert(place, random.below(256) as u8),
        }
    }
    bytes
}

/// 60 of each file, 3,000 with `IDIOM_SOAK=1`. The body is that of two fuzz targets (`crates/ingest/fuzz`).
#[test]
fn a_damaged_file_gives_its_rows_or_an_error_that_names_it() {
    let count = if std::env::var_os("IDIOM_SOAK").is_some() {
        3_000
    } else {
        60
    };
    let folder = tempfile::tempdir().unwrap();
    let stored = Stored::write(folder.path()).unwrap();
    let mut random = Random(2028);
    for file in FILES {
        let sound = stored.sound(file);
        assert!(stored.with(file, &sound), "the whole `{file}`");
        for i in 0..count {
            let bytes = damage(&sound, &mut random);
            let read = catch_unwind(AssertUnwindSafe(|| stored.with(file, &bytes)));
            assert!(read.is_ok(), "damage {i} of `{file}`: {bytes:?}");
        }
    }
}

/// What a footer cannot hold, a manifest can: numbers of rows whose sum is no number any more.
#[test]
fn a_manifest_that_counts_too_many_rows_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let stored = Stored::write(folder.path()).unwrap();
    for file in FILES.iter().filter(|file| file.ends_with(".json")) {
        let text = String::from_utf8(stored.sound(file)).unwrap();
        for name in ["rows", "rows_in", "rows_out", "rejects", "dim"] {
            let (was, is) = (format!("\"{name}\": "), format!("\"{name}\": {}", u64::MAX));
            let parts: Vec<&str> = text.split(&was).collect();
            let rest = |part: &str| part.trim_start_matches(char::is_numeric).to_owned();
            let many = parts[1..].iter().map(|part| is.clone() + &rest(part));
            let damaged = parts[0].to_owned() + &many.collect::<String>();
            stored.with(file, damaged.as_bytes());
        }
    }
}

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

/// parquet 60.1 divides by the number of words of a dictionary as it unpacks it. Found by the soak of the first test.
#[test]
fn a_dictionary_that_says_it_has_no_words_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let stored = Stored::write(folder.path()).unwrap();
    let shard = FILES.iter().find(|file| file.contains("train-")).unwrap();
    let mut bytes = stored.sound(shard);
    // A page's header in Thrift's compact protocol: kind 2, 9 and 18 bytes, then how many words there are, 1 (doubled, as all).
    let header = [21, 4, 21, 18, 21, 36, 76, 21, 2];
    let place = bytes.windows(header.len()).position(|part| part == header);
    bytes[place.unwrap() + header.len() - 1] = 0;
    let path = folder.path().join("train-lies.parquet");
    fs::write(&path, bytes).unwrap();
    let mut rows = Records::of_shard(&path, Columns::All);
    let message = rows.next().unwrap().unwrap_err().to_string();
    assert!(message.contains("train-lies.parquet"), "{message}");
    assert!(message.contains("is damaged"), "{message}");
    assert!(rows.next().is_none(), "it ended");
}
