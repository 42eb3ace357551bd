//! Tables that name pictures: CSV, TSV, JSONL, Parquet, and Hugging Face's imagefolder metadata.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder};
use parquet::arrow::ArrowWriter;
use rstest::rstest;

use crate::killed::child;
use crate::world::{World, png};

fn world() -> World {
    let world = World::new();
    for (i, name) in ["cat", "dog", "owl"].into_iter().enumerate() {
        world.write(&format!("pictures/{name}.png"), png(i as u8));
    }
    world
}

fn list(world: &World, path: &str, more: &str) {
    let line = format!(
        "pairs: {{list: {{path: {path}, root: pictures, image: file, captions: [{{column: en, lang: en}}, {{column: zh, lang: zh}}]{more}}}}}"
    );
    world.sources(&[&line]);
}

const CSV: &str =
    "file,en,zh\ncat.png,\"a cat,\nred\",一只猫\ndog.png,a dog,\ncat.png,the same cat,\n";

#[rstest]
#[case("pairs.csv", CSV.to_owned())]
#[case("pairs.csv", format!("\u{feff}{}", CSV.replace('\n', "\r\n")))]
#[case("pairs.tsv", "file\ten\tzh\ncat.png\t\"a cat,\nred\"\t一只猫\ndog.png\ta dog\t\ncat.png\tthe same cat\t\n".to_owned())]
#[case("pairs.jsonl", "{\"file\": \"cat.png\", \"en\": [\"a cat,\\nred\", \"the same cat\"], \"zh\": \"一只猫\"}\n\n{\"en\": \"a dog\", \"file\": \"dog.png\"}\n".to_owned())]
fn every_kind_of_table_gives_the_same_rows(#[case] path: &str, #[case] content: String) {
    let world = world();
    world.write(path, content);
    list(&world, path, "");
    let counts = world.run(2).unwrap().counts;
    assert_eq!((counts.rows_in, counts.rows_out), (2, 2));
    let mut texts = world.texts("cat.png");
    texts.sort();
    assert_eq!(texts, ["a cat, red", "the same cat", "一只猫"]);
    let (_, row) = &world.rows()["cat.png"];
    assert_eq!(
        (row.captions[0].lang.as_str(), row.caption.as_str()),
        ("en", "a cat, red")
    );
    assert_eq!(
        row.source.as_deref(),
        Some(format!("list:{path}/cat.png").as_str())
    );
}

#[test]
fn parquet_tables_may_hold_lists_and_numbers() {
    let world = world();
    let mut words = ListBuilder::new(StringBuilder::new());
    words.append_value([Some("a cat"), Some("a red cat")]);
    words.append_value([Some("a dog")]);
    let columns: [(&str, ArrayRef); 3] = [
        (
            "file",
            Arc::new(StringArray::from(vec!["cat.png", "dog.png"])),
        ),
        ("en", Arc::new(words.finish())),
        ("id", Arc::new(Int64Array::from(vec![7, 12]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    world.write("pairs.parquet", bytes);
    world.sources(&["pairs: {list: {path: pairs.parquet, root: pictures, image: file, key: id, captions: [{column: en}]}}"]);
    world.run(1).unwrap();
    assert_eq!(world.texts("7"), ["a cat", "a red cat"]);
    assert_eq!(
        world.rows()["12"].1.source.as_deref(),
        Some("list:pairs.parquet/dog.png")
    );
}

#[test]
fn facts_stand_in_their_columns() {
    let world = world();
    world.write(
        "pairs.csv",
        "file,en,zh,what,how,terms,from,no,n\ncat.png,a cat,,cat,crayon,MIT,https://example.org/1,,3\nowl.png,an owl,,cat,,,,noai,4\n",
    );
    let facts =
        ", facts: {subject: what, style: how, license: terms, url: from, opt_out: no, meta: [n]}";
    list(&world, "pairs.csv", facts);
    world.run(1).unwrap();
    let (_, row) = &world.rows()["cat.png"];
    assert_eq!(
        (row.subject.as_deref(), row.style.as_deref()),
        (Some("cat"), Some("crayon"))
    );
    assert_eq!(
        (row.license.as_deref(), row.url.as_deref()),
        (Some("MIT"), Some("https://example.org/1"))
    );
    assert_eq!(row.meta.as_deref(), Some(r#"{"n":"3"}"#));
    assert_eq!(world.code("owl.png"), "opt_out");
}

#[test]
fn rows_of_one_subject_share_a_split() {
    let world = World::new();
    let mut table = String::from("file,en,zh,what\n");
    for i in 0..60 {
        world.write(&format!("pictures/{i}.png"), png(i));
        table += &format!("{i}.png,a thing,,subject {}\n", i / 3);
    }
    world.write("pairs.csv", table);
    list(&world, "pairs.csv", ", facts: {subject: what}");
    world.run(2).unwrap();
    let rows = world.rows();
    for i in 0..20 {
        let splits: Vec<_> = (0..3)
            .map(|j| rows[&format!("{}.png", 3 * i + j)].0)
            .collect();
        assert!(
            splits.iter().all(|split| *split == splits[0]),
            "subject {i}: {splits:?}"
        );
    }
    assert!(
        rows.values().any(|(split, _)| *split != rows["0.png"].0),
        "all are in one split"
    );
}

#[rstest]
#[case("../secret.png", "unsafe_path")]
#[case("/etc/hostname", "unsafe_path")]
#[case("C:\\a.png", "unsafe_path")]
#[case("nowhere.png", "no_picture")]
#[case("link.png", "link_outside")]
fn a_path_that_leads_elsewhere_is_refused(#[case] path: &str, #[case] code: &str) {
    let world = world();
    world.write("secret.png", png(9));
    std::os::unix::fs::symlink(
        world.root.join("secret.png"),
        world.root.join("pictures/link.png"),
    )
    .unwrap();
    world.write(
        "pairs.csv",
        format!("file,en,zh\ncat.png,a cat,\n{path},words,\n"),
    );
    list(&world, "pairs.csv", "");
    world.run(1).unwrap();
    assert_eq!(world.code(path), code);
}

#[test]
fn a_broken_line_of_json_is_refused_with_its_number() {
    let world = world();
    world.write(
        "pairs.jsonl",
        b"{\"file\": \"cat.png\", \"en\": \"a cat\", \"zh\": null}\n{\"file\": \"dog\n{\"file\": \"o\xffwl.png\", \"en\": \"x\"}\n{\"en\": \"nameless\"}\n",
    );
    list(&world, "pairs.jsonl", "");
    let counts = world.run(1).unwrap().counts;
    assert_eq!((counts.rows_in, counts.rows_out, counts.rejects), (4, 1, 3));
    let found: Vec<(Option<u64>, String)> = world
        .rejects()
        .into_iter()
        .map(|reject| (reject.line, reject.code.into()))
        .collect();
    let expected = [
        (Some(2), "broken_line"),
        (Some(3), "bad_utf8"),
        (None, "no_picture"),
    ];
    assert_eq!(found, expected.map(|(line, code)| (line, code.to_owned())));
}

#[test]
fn a_row_that_is_not_utf8_is_refused_and_the_others_kept() {
    let world = world();
    world.write(
        "pairs.csv",
        b"file,en,zh\ncat.png,caf\xe9 au lait,\ndog.png,a dog,\n",
    );
    list(&world, "pairs.csv", "");
    world.run(1).unwrap();
    assert_eq!(
        (world.code("cat.png"), world.rows().len()),
        ("bad_utf8".to_owned(), 1)
    );
}

#[rstest]
#[case(
    "pairs.csv",
    b"file,english\na,b\n",
    "there is no column `en`; there are file, english"
)]
#[case(
    "pairs.csv",
    b"file,en,zh\na,\"never closed\n",
    "the quote opened in line 2 is never closed"
)]
#[case(
    "pairs.csv",
    b"file,en,zh\na.png,\xd2\xbb\xd6\xbb\xba\xec\xc3\xa8,\n",
    "it looks like GBK"
)]
#[case("pairs.parquet", b"PAR1 cut", "`")]
#[case("pairs.xlsx", b"PK", "must be `.csv`, `.tsv`, `.jsonl` or `.parquet`")]
fn a_table_that_cannot_be_used_is_one_error(
    #[case] path: &str,
    #[case] bytes: &[u8],
    #[case] words: &str,
) {
    let world = world();
    world.write(path, bytes);
    list(&world, path, "");
    let error = world.run(1).unwrap_err().to_string();
    assert!(error.contains(path) && error.contains(words), "{error}");
    assert!(!world.out().join("manifest.json").exists());
}

#[test]
fn one_key_for_two_pictures_is_a_conflict_and_for_equal_ones_a_duplicate() {
    let world = world();
    world.write("pictures/copy.png", png(0));
    world.write(
        "pairs.csv",
        "id,file,en,zh\n1,cat.png,a,\n1,copy.png,b,\n2,dog.png,c,\n2,owl.png,d,\n3,cat.png,e,\n",
    );
    list(&world, "pairs.csv", ", key: id");
    let counts = world.run(1).unwrap().counts;
    assert_eq!(
        (counts.rows_out, counts.duplicates, counts.rejects),
        (2, 1, 2)
    );
    assert_eq!(world.code("2"), "key_conflict");
}

#[test]
fn an_imagefolder_brings_its_metadata_in_each_folder() {
    let world = World::new();
    world.write("data/train/cat.png", png(1));
    world.write(
        "data/train/metadata.csv",
        "file_name,text\ncat.png,a cat\ngone.png,nothing\n",
    );
    world.write("data/test/deep/dog.jpg", png(2));
    world.write(
        "data/test/metadata.jsonl",
        "{\"file_name\": \"deep/dog.jpg\", \"text\": \"a dog\"}\n",
    );
    world.sources(&["pictures: {license: MIT, image_folder: {path: data}}"]);
    world.run(1).unwrap();
    assert_eq!(world.texts("train/cat.png"), ["a cat"]);
    assert_eq!(
        world.rows()["test/deep/dog.jpg"].1.license.as_deref(),
        Some("MIT")
    );
    assert_eq!(world.code("train/gone.png"), "no_picture");
    assert!(world.run(1).unwrap().skipped);
    world.write("data/train/gone.png", png(3));
    assert_eq!(
        world.run(1).unwrap().counts.rows_out,
        3,
        "a picture that came later is noticed"
    );
}

#[test]
fn several_sources_make_one_data_set() {
    let world = world();
    world.picture("sub", 40, "beside its picture");
    world.write("pairs.csv", "file,en\nowl.png,an owl\n");
    world.write("classes/fox/1.png", png(50));
    world.sources(&[
        "a: {style: ink, folder: {path: pictures}}",
        "b: {license: MIT, list: {path: pairs.csv, root: pictures, image: file, captions: [{column: en, lang: en}]}}",
        "c: {class_folders: {path: classes, templates: {en: [\"a {class}\"]}}}",
    ]);
    let counts = world.run(2).unwrap().counts;
    assert_eq!(
        (counts.rows_out, counts.rejects),
        (3, 3),
        "three pictures of the folder have no captions"
    );
    let rows = world.rows();
    assert_eq!(rows["sub.png"].1.style.as_deref(), Some("ink"));
    assert_eq!(rows["owl.png"].1.license.as_deref(), Some("MIT"));
    assert_eq!(
        (rows["fox/1.png"].1.label, rows["owl.png"].1.label),
        (Some(0), None)
    );
}

/// The most memory a process has held, in MB, as long as it runs.
fn peak_mb(child: &mut Child) -> u64 {
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
        let line = status.unwrap_or_default();
        let line = line.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kb.unwrap_or_default() / 1024);
        std::thread::sleep(Duration::from_millis(5));
    }
    peak
}

/// 100,000 rows by default, five million with `IDIOM_SOAK=1`; all but one name no picture, which takes more room than a row that does.
#[test]
fn a_long_list_takes_300_bytes_a_row_at_most_and_90_mb() {
    let n_rows: u64 = if std::env::var_os("IDIOM_SOAK").is_some() {
        5_000_000
    } else {
        100_000
    };
    let world = world();
    let file = fs::File::create(world.root.join("long.csv")).unwrap();
    let mut file = BufWriter::new(file);
    writeln!(file, "file,en,zh\ncat.png,a cat,").unwrap();
    for i in 1..n_rows {
        writeln!(
            file,
            "{:03}/{i:08}.png,words as long as such words are {i},",
            i % 1000
        )
        .unwrap();
    }
    file.flush().unwrap();
    world.pipeline("name: small\npicture: {side: 16, frame: crop}\nsources:\n  pairs: {list: {path: long.csv, root: pictures, image: file, captions: [{column: en, lang: en}]}}\n");
    let mut child = child(&world, Path::new("/nowhere"));
    let peak = peak_mb(&mut child);
    assert!(child.wait().unwrap().success());
    assert_eq!(world.rejects().len() as u64, n_rows - 1);
    let program = 90;
    assert!(peak < program + n_rows * 300 / (1 << 20), "{peak} MB");
    println!("a list of {n_rows} rows: {peak} MB at most");
}
