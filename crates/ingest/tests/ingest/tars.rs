//! Tar archives as `webdataset` writes them.

use rstest::rstest;

use crate::world::{World, png};

/// A tar archive of these members; their names are taken as they are.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

fn world(archives: &[(&str, Vec<u8>)]) -> World {
    let world = World::new();
    for (name, bytes) in archives {
        world.write(&format!("shards/{name}"), bytes);
    }
    world.sources(&["tars: {webdataset: {path: shards, lang: en}}"]);
    world
}

#[test]
fn members_of_one_name_are_a_row_wherever_they_stand() {
    let (a, b, c) = (png(1), png(2), png(3));
    let first = tar(&[
        ("22.05.png", &a),
        ("sub/x.png", &b),
        ("22.05.txt", b"a picture of May\n"),
        (
            "sub/x.json",
            r#"{"caption": "eine Katze", "license": "MIT", "width": 9}"#.as_bytes(),
        ),
        ("sub/x.cls", b"7\n"),
        ("notes.md", b"ignored"),
    ]);
    let second = tar(&[("22.05.jpg", &c), ("22.05.txt", b"another archive")]);
    let world = world(&[("0.tar", first), ("1.tar", second)]);
    let counts = world.run(2).unwrap().counts;
    assert_eq!((counts.rows_in, counts.rows_out), (3, 3));
    assert_eq!(world.texts("0/22.05"), ["a picture of May"]);
    assert_eq!(world.texts("1/22.05"), ["another archive"]);
    let (_, row) = &world.rows()["0/sub/x"];
    assert_eq!(
        (row.caption.as_str(), row.license.as_deref()),
        ("eine Katze", Some("MIT"))
    );
    assert_eq!(row.meta.as_deref(), Some(r#"{"cls":"7","width":9}"#));
    assert_eq!(row.sha256, idiom_dataset::digest::sha256(&b));
}

#[rstest]
#[case("../out.png", "0/../out.png", "unsafe_path")]
#[case("/abs.png", "0//abs.png", "unsafe_path")]
#[case("a\\b.png", "0/a\\b.png", "unsafe_path")]
#[case("lonely.png", "0/lonely", "no_caption")]
#[case("words.txt", "0/words", "no_picture")]
#[case("GOOD.png", "0/GOOD", "case_conflict")]
#[case("good.jpg", "0/good", "many_pictures")]
fn what_should_not_be_there_is_refused(
    #[case] name: &str,
    #[case] member: &str,
    #[case] code: &str,
) {
    let (a, b) = (png(1), png(2));
    let archive = tar(&[
        ("ok.png", &b),
        ("ok.txt", b"ok"),
        ("good.png", &a),
        ("good.txt", b"words"),
        (name, &b),
    ]);
    let world = world(&[("0.tar", archive)]);
    let counts = world.run(1).unwrap().counts;
    assert_eq!(world.code(member), code);
    assert!(counts.agree() && world.rows().contains_key("0/ok"));
}

#[test]
fn links_in_an_archive_are_refused() {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    archive
        .append_link(&mut header, "link.png", "/etc/hostname")
        .unwrap();
    let mut bytes = archive.into_inner().unwrap();
    bytes.truncate(512);
    let picture = png(1);
    bytes.extend(tar(&[("ok.png", &picture), ("ok.txt", b"ok")]));
    let world = world(&[("0.tar", bytes)]);
    world.run(1).unwrap();
    assert_eq!(world.code("0/link.png"), "not_a_file");
}

#[test]
fn an_archive_that_was_cut_gives_what_is_whole() {
    let (a, b) = (png(1), png(2));
    let whole = tar(&[
        ("a.png", &a),
        ("a.txt", b"first"),
        ("b.txt", b"second"),
        ("b.png", &b),
    ]);
    // Two empty blocks end an archive, and each member is filled up to whole blocks.
    let end = whole.len() - 1024 - b.len().next_multiple_of(512) + b.len() / 2;
    let world = world(&[("0.tar", whole[..end].to_vec())]);
    world.run(1).unwrap();
    assert_eq!(world.texts("0/a"), ["first"]);
    let codes: Vec<String> = world
        .rejects()
        .into_iter()
        .map(|reject| reject.code.into())
        .collect();
    assert!(
        codes.contains(&"cut".to_owned()) && codes.contains(&"no_picture".to_owned()),
        "{codes:?}"
    );
}

#[test]
fn no_archive_and_a_compressed_one_are_errors_that_say_so() {
    let empty = world(&[("readme.txt", b"x".to_vec())]);
    assert!(
        empty
            .run(1)
            .unwrap_err()
            .to_string()
            .contains("no `.tar` files")
    );
    let zipped = world(&[("0.tar", crate::world::tarball(&[("a.png", b"x")]))]);
    assert!(zipped.run(1).unwrap_err().to_string().contains("gunzip"));
    let garbage = world(&[("0.tar", vec![b'x'; 2048])]);
    assert!(garbage.run(1).unwrap_err().to_string().contains("0.tar"));
}
