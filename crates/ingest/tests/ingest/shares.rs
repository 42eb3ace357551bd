//! Several workers, each with a share of the units, and the seal that makes their work one dataset.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use idiom_dataset::lock::FolderLock;
use idiom_ingest::{IngestError, Share, ingest_share, seal};
use rstest::rstest;

use crate::killed::child;
use crate::world::{FOLDER, World};

fn world() -> World {
    let world = World::new();
    world.pipeline(FOLDER);
    for i in 0..60 {
        world.picture(&format!("p{i:02}"), i, "words");
    }
    world.write("pictures/bad.png", b"no picture");
    world.write("pictures/bad.txt", "words");
    world
}

fn go() -> AtomicBool {
    AtomicBool::new(false)
}

fn share(world: &World, rank: usize, n: usize) -> Result<idiom_ingest::ShareSummary, IngestError> {
    let share = Share::new(rank, n).unwrap();
    ingest_share(&world.request(1), share, &|_| {}, &go())
}

#[rstest]
fn any_number_of_workers_gives_the_same_bytes(#[values(1, 2, 4)] n: usize) {
    let world = world();
    world.run(2).unwrap();
    let alone = world.files();
    fs::remove_dir_all(world.out()).unwrap();
    // The last worker first: order does not matter.
    let units: usize = (0..n)
        .rev()
        .map(|rank| share(&world, rank, n).unwrap().units)
        .sum();
    assert_eq!(units, 8, "61 pictures in units of 8");
    assert!(
        !world.out().join("manifest.json").exists(),
        "workers seal nothing"
    );
    let summary = seal(&world.request(1), &|_| {}, &go()).unwrap();
    assert_eq!((summary.counts.rows_out, summary.counts.rejects), (60, 1));
    assert!(world.files() == alone, "the bytes differ");
    assert!(world.run(1).unwrap().skipped, "the result is current");
}

#[test]
fn a_seal_that_came_too_early_says_what_is_missing_and_harms_nothing() {
    let world = world();
    share(&world, 1, 2).unwrap();
    let error = seal(&world.request(1), &|_| {}, &go()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "4 of 8 units of work are not done, the first is `unit-000-000000`"
    );
    share(&world, 0, 2).unwrap();
    assert!(seal(&world.request(1), &|_| {}, &go()).is_ok());
}

#[test]
fn a_plain_ingest_takes_up_what_workers_left() {
    let world = world();
    share(&world, 0, 4).unwrap();
    let counts = world.run(2).unwrap().counts;
    assert_eq!((counts.rows_in, counts.rows_out), (61, 60));
}

#[test]
fn workers_write_side_by_side_but_not_beside_a_single_writer() {
    let world = world();
    let pid = std::process::id();
    let one = FolderLock::share(&world.out(), "rank-0-of-2").unwrap();
    assert_eq!(share(&world, 1, 2).unwrap().units, 4);
    for error in [share(&world, 0, 2).unwrap_err(), world.run(1).unwrap_err()] {
        assert!(error.to_string().contains(&format!("pid {pid}")), "{error}");
    }
    drop(one);
    let _alone = FolderLock::take(&world.out()).unwrap();
    let error = share(&world, 0, 2).unwrap_err();
    assert!(error.to_string().contains(&format!("pid {pid}")), "{error}");
}

#[test]
fn a_second_process_is_refused_with_the_firsts_pid() {
    let world = world();
    world.write("pictures/p00.json", "[\"".repeat(3));
    let mut first = child(&world, Path::new("/nowhere"));
    while !world.out().join(".staging").exists() && first.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let second = world.run(1);
    let still_running = first.try_wait().unwrap().is_none();
    first.kill().unwrap();
    first.wait().unwrap();
    if still_running {
        let text = second.unwrap_err().to_string();
        assert!(text.contains(&format!("pid {}", first.id())), "{text}");
    }
}
