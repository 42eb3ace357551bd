//! A run that is killed again and again, in the middle of steps and saves, ends with the bytes of one that was not.
//!
//! The child is this very program: it trains the toy with a save at every step and prints a line at every event; the parent
//! counts lines and kills. Ten kills by default, a hundred where `IDIOM_SOAK=1`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use crate::toy::{Toy, checkpoint_bytes, finish};
use idiom_train::{Event, NoSink, TrainRequest, train};

const STEPS_A_LIFE: u64 = 6;

fn saving_always(mut request: TrainRequest) -> TrainRequest {
    request.experiment.checkpoint.every_images = 4;
    request.experiment.checkpoint.keep = 2;
    request
}

#[test]
fn no_kill_ever_leaves_an_unusable_run() {
    let n_kills: u64 = if std::env::var("IDIOM_SOAK").is_ok_and(|v| v == "1") {
        100
    } else {
        10
    };
    // Long enough that no life reaches the end.
    let images = 4 * STEPS_A_LIFE * (n_kills + 2);
    let toy = Toy::new();
    finish(&saving_always(toy.request("whole", images)));
    for kill in 0..n_kills {
        // Events of a step are three: advanced, saved, and a message now and then; odd counts hit saves.
        live_and_be_killed(&toy, images, 1 + (kill * 7) % (2 * STEPS_A_LIFE));
    }
    let resumed = saving_always(toy.resumed("killed", images));
    finish(&resumed);
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("whole"), images),
        checkpoint_bytes(&toy.run_folder("killed"), images)
    );
}

/// Lets a child train until it has told so many events, then kills it.
fn live_and_be_killed(toy: &Toy, images: u64, n_events: u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "kills::a_life"])
        .current_dir(toy.path())
        .env("TOY_IMAGES", images.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let events = lines
        .map_while(Result::ok)
        .filter(|line| line.contains("event"));
    let n_seen = events.take(n_events as usize).count() as u64;
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(n_seen, n_events, "the child ended by itself: {status}");
}

#[test]
#[ignore = "the child of the test above"]
fn a_life() {
    let images: u64 = std::env::var("TOY_IMAGES").unwrap().parse().unwrap();
    let toy = Toy::at(Path::new("."));
    let has_begun = toy
        .run_folder("killed")
        .join("checkpoints/images-000000000")
        .exists()
        || idiom_train::checkpoint::list(&toy.run_folder("killed").join("checkpoints"))
            .is_ok_and(|saves| !saves.is_empty());
    let request = if has_begun {
        toy.resumed("killed", images)
    } else {
        toy.request("killed", images)
    };
    let tell = |_: Event| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "event").unwrap();
        out.flush().unwrap();
    };
    let stop = AtomicBool::new(false);
    train(&saving_always(request), &NoSink, &tell, &stop).unwrap();
}
