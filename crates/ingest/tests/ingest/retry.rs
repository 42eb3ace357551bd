//! Rejects that are read again, with everything else taken over.

use std::fs::{self, File};
use std::sync::atomic::AtomicBool;

use idiom_ingest::{IngestError, Summary, retry_rejects};

use crate::world::{FOLDER, World, png};

fn retry(world: &World, code: &str) -> Result<Summary, IngestError> {
    retry_rejects(&world.request(2), code, &|_| {}, &AtomicBool::new(false))
}

/// Gives a file other bytes of the same length without anybody noticing, as a disk does that was not mounted.
fn swap(world: &World, name: &str, bytes: &[u8]) {
    let path = world.root.join(name);
    let before = fs::metadata(&path).unwrap();
    assert_eq!(before.len(), bytes.len() as u64);
    fs::write(&path, bytes).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
}

/// Forty good pictures, a twin, two that cannot be read today, and one that never can.
fn world() -> World {
    let world = World::new();
    world.pipeline(&format!("{FOLDER}duplicates: drop\n"));
    for i in 0..40 {
        world.picture(&format!("p{i:02}"), i, "words");
    }
    world.picture("twin", 3, "the same as p03");
    for i in [50, 51] {
        let garbage = vec![b'x'; png(i).len()];
        world.write(&format!("pictures/q{i}.png"), garbage);
        world.write(&format!("pictures/q{i}.txt"), "late words");
    }
    world.write("pictures/empty.png", b"");
    world.write("pictures/empty.txt", "words");
    world
}

fn mend(world: &World) {
    for i in [50, 51] {
        swap(world, &format!("pictures/q{i}.png"), &png(i));
    }
}

#[test]
fn a_retry_ends_with_the_bytes_of_an_ingest_that_never_failed() {
    let world = world();
    let first = world.run(2).unwrap();
    assert_eq!(
        (
            first.counts.rows_out,
            first.counts.rejects,
            first.counts.duplicates
        ),
        (40, 3, 1)
    );
    mend(&world);
    assert!(
        world.run(2).unwrap().skipped,
        "the change cannot be seen from outside"
    );
    let second = retry(&world, "unsupported_format").unwrap();
    assert_eq!(
        (
            second.counts.rows_out,
            second.counts.rejects,
            second.counts.duplicates
        ),
        (42, 1, 1)
    );
    let retried = world.files();
    fs::remove_dir_all(world.out()).unwrap();
    world.run(1).unwrap();
    let mut fresh = world.files();
    let mut retried = retried;
    // The ledger keeps the order in which rows came; everything that readers see is equal.
    assert!(fresh.remove(".ledger.json").is_some() && retried.remove(".ledger.json").is_some());
    assert!(fresh == retried, "the bytes differ");
}

#[test]
fn where_nothing_is_refused_any_more_no_ledger_is_left() {
    let world = world();
    fs::remove_file(world.root.join("pictures/empty.png")).unwrap();
    fs::remove_file(world.root.join("pictures/empty.txt")).unwrap();
    world.run(2).unwrap();
    assert!(world.files().contains_key(".ledger.json"));
    mend(&world);
    let second = retry(&world, "unsupported_format").unwrap();
    assert_eq!(second.counts.rejects, 0);
    let files = world.files();
    let left: Vec<_> = files
        .keys()
        .filter(|name| name.contains("ledger"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_retry_that_was_stopped_is_ended_by_the_next_ingest() {
    let world = world();
    world.run(2).unwrap();
    mend(&world);
    let stopped = retry_rejects(
        &world.request(1),
        "unsupported_format",
        &|_| {},
        &AtomicBool::new(true),
    );
    assert!(matches!(stopped, Err(IngestError::Interrupted { .. })));
    assert!(
        !world.out().join("manifest.json").exists(),
        "half a dataset is none"
    );
    assert_eq!(world.run(2).unwrap().counts.rows_out, 42);
    assert!(world.run(2).unwrap().skipped);
}

#[test]
fn an_unfinished_ingest_reads_such_rejects_again_too() {
    let world = world();
    world.run(2).unwrap();
    mend(&world);
    // As if it had been killed before the seal: the units are there, the dataset is not.
    fs::remove_dir_all(world.out()).unwrap();
    let share = idiom_ingest::Share::new(0, 1).unwrap();
    for i in [50, 51] {
        swap(
            &world,
            &format!("pictures/q{i}.png"),
            &vec![b'x'; png(i).len()],
        );
    }
    idiom_ingest::ingest_share(&world.request(1), share, &|_| {}, &AtomicBool::new(false)).unwrap();
    mend(&world);
    assert_eq!(
        retry(&world, "unsupported_format").unwrap().counts.rows_out,
        42
    );
}

#[test]
fn what_cannot_be_retried_is_said() {
    let world = world();
    let error = retry(&world, "timeout").unwrap_err();
    assert!(
        matches!(error, IngestError::NothingToRetry { .. }),
        "{error}"
    );
    world.run(1).unwrap();
    let error = retry(&world, "timeout").unwrap_err().to_string();
    assert!(error.contains("empty, unsupported_format"), "{error}");
    assert!(
        world.out().join("manifest.json").exists(),
        "nothing was harmed"
    );
}
