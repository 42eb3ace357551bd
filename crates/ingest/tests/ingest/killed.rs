//! Killed at any moment, an ingest goes on where it stopped and ends with the same bytes.
//!
//! 10 kills by default, 100 with `IDIOM_SOAK=1`. The ingest runs in a child process: this test binary, told to run only
//! [`as_a_child`].

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::world::{FOLDER, World};

const CHILD: &str = "IDIOM_TEST_CHILD";

/// Starts an ingest of the world in a process of its own, in which `programs` is the search path.
pub(crate) fn child(world: &World, programs: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::as_a_child", "--ignored", "--nocapture"])
        .env(CHILD, &world.root)
        .env("PATH", programs)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "is started by the other tests in a process of its own"]
fn as_a_child() {
    let Some(root) = std::env::var_os(CHILD) else {
        return;
    };
    let world = World::at(Path::new(&root));
    if let Err(error) = world.run(2) {
        world.write(
            "error",
            format!("{error}\n{}", error.hint().unwrap_or_default()),
        );
        panic!("{error}");
    }
}

fn world(n_pictures: usize) -> World {
    let world = World::new();
    world.pipeline(FOLDER);
    for i in 0..n_pictures {
        world.picture(&format!("p{i:04}"), i as u8, "some words\nand more");
    }
    world.write("pictures/bad.png", b"no picture");
    world.write("pictures/bad.txt", "words");
    world
}

/// How far the ingest is: committed units, then shards.
fn progress(world: &World) -> usize {
    let count = |folder: &Path| fs::read_dir(folder).map_or(0, Iterator::count);
    let staging = world.out().join(".staging");
    let works: Vec<_> =
        fs::read_dir(&staging).map_or_else(|_| Vec::new(), |works| works.flatten().collect());
    works.iter().map(|work| count(&work.path())).sum::<usize>() + count(&world.out().join("data"))
}

#[test]
fn a_killed_ingest_ends_with_the_same_bytes() {
    let n_kills = if std::env::var_os("IDIOM_SOAK").is_some() {
        100
    } else {
        10
    };
    let world = world(n_kills * 16);
    world.run(2).unwrap();
    let unbroken = world.files();
    fs::remove_dir_all(world.out()).unwrap();

    let mut kills = 0;
    for _ in 0..n_kills {
        let before = progress(&world);
        let mut child = child(&world, Path::new("/nowhere"));
        while progress(&world) < before + 3 && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        kills += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(world.out().join("manifest.json").exists() || kills > 0);
    }
    assert!(
        kills > n_kills / 2,
        "only {kills} of {n_kills} kills met a running ingest"
    );
    world.run(1).unwrap();
    let files = world.files();
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        unbroken.keys().collect::<Vec<_>>()
    );
    assert!(files == unbroken, "the bytes differ after {kills} kills");
}

#[test]
fn a_kill_in_the_seal_leaves_no_half_dataset() {
    let world = world(200);
    world.run(2).unwrap();
    let unbroken = world.files();
    fs::remove_dir_all(world.out()).unwrap();
    let mut child = child(&world, Path::new("/nowhere"));
    while !world.out().join("data").exists() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.run(1).unwrap();
    assert!(world.files() == unbroken, "the bytes differ");
}
