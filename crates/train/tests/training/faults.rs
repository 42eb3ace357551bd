//! What happens when the machine or another process stands in the way of a run, on the toy.

use std::path::Path;
use std::process::Command;

use crate::toy::{Toy, checkpoint_bytes, finish, run};
use idiom_dataset::DatasetError;
use idiom_dataset::lock::FolderLock;
use idiom_train::TrainError;

#[test]
fn a_second_writer_is_told_who_holds_the_run() {
    let toy = Toy::new();
    finish(&toy.request("run", 16));
    let held = FolderLock::take(&toy.run_folder("run")).unwrap();
    let error = run(&toy.resumed("run", 32)).unwrap_err();
    let TrainError::Dataset(DatasetError::Locked { holder, .. }) = &error else {
        panic!("{error}");
    };
    assert_eq!(*holder, Some(std::process::id()));
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
    drop(held);
    finish(&toy.resumed("run", 32));
}

/// No disk can be filled without rights, but a process may forbid itself to write large files: the same refusal in the
/// middle of a save. It needs a shell, since a process of Rust cannot ignore the signal that comes with it.
#[test]
fn a_save_that_does_not_fit_the_disk_costs_nothing_that_was_saved() {
    let toy = Toy::new();
    finish(&toy.request("whole", 48));
    finish(&toy.request("full", 16));
    let limited = r#"trap '' XFSZ; ulimit -f 16; exec "$0" --ignored --exact "$1""#;
    let output = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .arg("faults::a_process_that_may_not_write_large_files")
        .current_dir(toy.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
    finish(&toy.resumed("full", 48));
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("whole"), 48),
        checkpoint_bytes(&toy.run_folder("full"), 48)
    );
}

#[test]
#[ignore = "the other half of the test above, which starts it under a limit"]
fn a_process_that_may_not_write_large_files() {
    let toy = Toy::at(Path::new("."));
    let error = run(&toy.resumed("full", 48)).unwrap_err();
    assert!(error.to_string().contains("checkpoints"), "{error}");
    assert!(error.hint().unwrap().contains("idiom resume"), "{error}");
    let saves = std::fs::read_dir(toy.run_folder("full").join("checkpoints")).unwrap();
    let names: Vec<_> = saves.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        names
            .iter()
            .all(|name| !name.to_string_lossy().ends_with(".tmp")),
        "half a save was left: {names:?}"
    );
}

/// 2048 pictures at once need far more than the 192 MiB that are allowed, as where a machine has no more. The limit holds for a whole
/// process, so this is done in another.
#[test]
fn a_batch_too_large_is_answered_with_the_one_that_fits() {
    let toy = Toy::new();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("faults::a_process_with_little_memory")
        .current_dir(toy.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "the other half of the test above, which starts it"]
fn a_process_with_little_memory() {
    let toy = Toy::at(Path::new("."));
    let wide = |run: &str, accumulate: u64| {
        let mut request = toy.request(run, 2048);
        request.memory_bytes = Some(192 << 20);
        request.experiment.train.batch_size = 2048;
        request.experiment.train.accumulate = accumulate;
        request.experiment.generator.channels = vec![8, 32, 32];
        request
    };
    let error = run(&wide("at_once", 1)).unwrap_err();
    let TrainError::OutOfMemory {
        at_once: 2048,
        fits: Some(fits),
        in_parts: Some(2048),
    } = error
    else {
        panic!("{error}");
    };
    assert!((4..2048).contains(&fits), "{fits}");
    let accumulate = 2048 / fits;
    let hint = error.hint().unwrap();
    assert!(
        hint.contains(&format!("`train.accumulate={accumulate}`")),
        "{hint}"
    );
    // What the hint says is possible with the same memory, and twice as much at once is not.
    assert!(run(&wide("in_fewer_parts", accumulate / 2)).is_err());
    finish(&wide("in_parts", accumulate));
}
