//! The spool on disk: one writer, one sender, a torn tail cut off, a damaged record left out, a run taken up.

#![allow(clippy::unwrap_used, reason = "tests")]

mod fake_server;

use std::fs;
use std::path::Path;
use std::time::Duration;

use fake_server::{Answer, FakeServer};
use idiom_tracking::{ClientConfig, Run, RunSpec, RunStatus, Timing, TrackingError, sync};

const DEADLINE: Duration = Duration::from_secs(60);

fn config(server: &FakeServer) -> ClientConfig {
    let timing = Timing {
        flush_interval: Duration::from_millis(2),
        shortest_backoff: Duration::from_millis(1),
        longest_backoff: Duration::from_millis(20),
        ..Timing::default()
    };
    ClientConfig {
        timing,
        ..ClientConfig::new(server.uri())
    }
}

fn spec() -> RunSpec {
    RunSpec {
        experiment: "e".into(),
        run_name: "r".into(),
        ..RunSpec::default()
    }
}

/// A finished spool of three points that no server has, and its log.
fn left_behind(spool: &Path) -> String {
    let away = FakeServer::start_with(|_| Answer::Status(401, ""));
    let run = Run::start(spool, config(&away), &spec()).unwrap();
    (0..3).for_each(|step| run.log_metric("loss", 0.5, step));
    assert_eq!(run.finish(RunStatus::Finished, DEADLINE).pending, 4);
    fs::read_to_string(spool.join("log")).unwrap()
}

fn steps(server: &FakeServer) -> Vec<i64> {
    server.only_run().rows.iter().map(|row| row.2).collect()
}

#[test]
fn a_last_record_torn_at_any_byte_is_cut_off_and_the_run_goes_on() {
    let spool = tempfile::tempdir().unwrap();
    let log = left_behind(spool.path());
    let whole: Vec<&str> = log.split_inclusive('\n').collect();
    let (last, before) = whole.split_last().unwrap();
    for bytes in (0..last.len()).step_by(7) {
        fs::write(
            spool.path().join("log"),
            format!("{}{}", before.concat(), &last[..bytes]),
        )
        .unwrap();
        let server = FakeServer::start();
        let run = Run::start(spool.path(), config(&server), &spec()).unwrap();
        run.log_metric("loss", 0.5, 3);
        assert_eq!(
            run.finish(RunStatus::Finished, DEADLINE).dead,
            0,
            "torn after {bytes} bytes"
        );
        assert_eq!(steps(&server), [0, 1, 2, 3]);
    }
}

#[test]
fn a_damaged_record_costs_itself_alone() {
    let spool = tempfile::tempdir().unwrap();
    let log = left_behind(spool.path()).replacen("\"step\":1", "\"step\":7", 1);
    fs::write(spool.path().join("log"), log).unwrap();
    let server = FakeServer::start();
    let ledger = sync(spool.path(), config(&server)).unwrap();
    assert_eq!((ledger.delivered, ledger.dead), (3, 1));
    assert_eq!(steps(&server), [0, 2]);
}

#[test]
fn a_log_that_ends_before_the_cursor_is_sent_anew() {
    let spool = tempfile::tempdir().unwrap();
    let log = left_behind(spool.path());
    let server = FakeServer::start();
    sync(spool.path(), config(&server)).unwrap();
    // As after a power cut: the server has more than the disk.
    let kept: Vec<&str> = log.split_inclusive('\n').take(2).collect();
    fs::write(spool.path().join("log"), kept.concat()).unwrap();
    let run = Run::start(spool.path(), config(&server), &spec()).unwrap();
    (10..20).for_each(|step| run.log_metric("loss", 0.5, step));
    assert_eq!(run.finish(RunStatus::Finished, DEADLINE).pending, 0);
    assert_eq!(steps(&server).len(), 3 + 10);
}

#[test]
fn a_lost_cursor_only_repeats_requests() {
    let spool = tempfile::tempdir().unwrap();
    left_behind(spool.path());
    let server = FakeServer::start();
    sync(spool.path(), config(&server)).unwrap();
    for damage in [
        "",
        "{",
        "{\"uid\":\"another\",\"offset\":0,\"delivered\":0,\"dead\":0}",
    ] {
        fs::write(spool.path().join("cursor.json"), damage).unwrap();
        assert_eq!(sync(spool.path(), config(&server)).unwrap().delivered, 4);
        assert_eq!(steps(&server), [0, 1, 2]);
    }
    assert!(server.only_run().arrivals > 3);
}

#[test]
fn a_run_taken_up_is_the_same_run_and_runs_again() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let mut spec = spec();
    spec.params.push(("seed".into(), "1".into()));
    for generation in 0..3 {
        let run = Run::start(spool.path(), config(&server), &spec).unwrap();
        run.log_metric("loss", 0.5, generation);
        server.wait_until(|store| {
            store
                .runs
                .values()
                .any(|run| run.rows.len() as i64 > generation)
        });
        assert_eq!(server.only_run().status, "RUNNING");
        run.finish(RunStatus::Finished, DEADLINE);
        assert_eq!(server.only_run().status, "FINISHED");
        // Another seed later on does not change what the run was started with.
        spec.params[0].1 = "2".into();
    }
    assert_eq!(steps(&server), [0, 1, 2]);
    assert_eq!(server.only_run().params["seed"], "1");
}

/// What the run's tag says of its pauses.
fn pauses(server: &FakeServer) -> Vec<[i64; 2]> {
    serde_json::from_str(&server.only_run().tags["idiom.pauses"]).unwrap()
}

#[test]
fn a_run_taken_up_says_how_long_it_stood_still() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = Run::start(spool.path(), config(&server), &spec()).unwrap();
    run.log_metric("loss", 0.5, 0);
    run.finish(RunStatus::Finished, DEADLINE);
    let ended = server.only_run().end_time.unwrap();
    assert!(!server.only_run().tags.contains_key("idiom.pauses"));
    // What is found out afterwards ends no pause and begins none.
    let found = Run::add_to(spool.path(), config(&server), &spec()).unwrap();
    found.log_metric("evaluation/kid", 0.1, 0);
    found.leave(DEADLINE);
    assert!(!server.only_run().tags.contains_key("idiom.pauses"));
    let run = Run::start(spool.path(), config(&server), &spec()).unwrap();
    run.log_metric("loss", 0.4, 1);
    // Killed: its last word is its last point.
    drop(run);
    while let Err(error) = sync(spool.path(), config(&server)) {
        assert!(matches!(error, TrackingError::Held { .. }), "{error}");
    }
    let first = pauses(&server);
    let points = server.only_run().rows;
    let went_on = points.iter().find(|row| row.2 == 1).unwrap().1;
    assert_eq!(first.len(), 1);
    assert!(first[0][0] == ended && first[0][1] >= ended && first[0][1] <= went_on);
    let run = Run::start(spool.path(), config(&server), &spec()).unwrap();
    run.finish(RunStatus::Finished, DEADLINE);
    let both = pauses(&server);
    assert_eq!((both.len(), both[0], both[1][0]), (2, first[0], went_on));
}

#[test]
fn what_is_added_to_a_run_leaves_its_status_and_when_it_ended() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = Run::start(spool.path(), config(&server), &spec()).unwrap();
    run.log_metric("loss", 0.5, 0);
    run.finish(RunStatus::Failed, DEADLINE);
    let ended = server.only_run().end_time;
    let run = Run::add_to(spool.path(), config(&server), &spec()).unwrap();
    run.log_metric("evaluation/kid", 0.1, 0);
    assert_eq!(run.leave(DEADLINE).pending, 0);
    sync(spool.path(), config(&server)).unwrap();
    let run = server.only_run();
    assert_eq!((run.status.as_str(), run.end_time), ("FAILED", ended));
    assert_eq!(run.rows.len(), 2);
    // A run whose spool is gone is made for it, and does not stay open.
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = Run::add_to(spool.path(), config(&server), &spec()).unwrap();
    run.leave(DEADLINE);
    assert_eq!(server.only_run().status, "FINISHED");
}

#[test]
fn a_run_without_a_last_word_is_said_to_be_killed_and_can_be_taken_up() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = Run::start(spool.path(), config(&server), &spec()).unwrap();
    (0..100).for_each(|step| run.log_metric("loss", 0.5, step));
    drop(run);
    while let Err(error) = sync(spool.path(), config(&server)) {
        // The dropped run's sender may still be in its last request.
        assert!(matches!(error, TrackingError::Held { .. }), "{error}");
    }
    assert_eq!(steps(&server).len(), 100);
    assert_eq!(server.only_run().status, "KILLED");
    let run = Run::start(spool.path(), config(&server), &spec()).unwrap();
    run.finish(RunStatus::Finished, DEADLINE);
    sync(spool.path(), config(&server)).unwrap();
    assert_eq!(server.only_run().status, "FINISHED");
}

#[test]
fn a_second_writer_is_told_who_the_first_is() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let _run = Run::start(spool.path(), config(&server), &spec()).unwrap();
    let Err(error) = Run::start(spool.path(), config(&server), &spec()) else {
        panic!("a second writer")
    };
    assert!(
        error
            .to_string()
            .ends_with(&format!("written by process {}", std::process::id())),
        "{error}"
    );
}

#[test]
fn a_live_runs_own_sender_keeps_others_out_but_not_while_it_rests() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = Run::start(spool.path(), config(&server), &spec()).unwrap();
    run.log_metric("loss", 0.5, 0);
    server.wait_until(|store| store.runs.values().any(|run| run.rows.len() == 1));
    assert!(matches!(
        sync(spool.path(), config(&server)),
        Err(TrackingError::Held { .. })
    ));
    drop(run);

    // One without rights rests for long, and leaves the spool to a sender with a better token.
    server.plan(|request| match request.authorization.as_str() {
        "Bearer good" => Answer::Properly,
        _ => Answer::Status(403, ""),
    });
    let long = Timing {
        longest_backoff: Duration::from_secs(60),
        ..config(&server).timing
    };
    let run = Run::start(
        spool.path(),
        ClientConfig {
            timing: long,
            ..config(&server)
        },
        &spec(),
    )
    .unwrap();
    run.log_metric("loss", 0.5, 1);
    let better = ClientConfig {
        token: Some("good".into()),
        ..config(&server)
    };
    while steps(&server).len() < 2 {
        match sync(spool.path(), better.clone()) {
            Ok(_) | Err(TrackingError::Held { .. }) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(run.finish(RunStatus::Finished, DEADLINE).dead, 0);
}

#[test]
fn what_is_no_spool_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let check = |expected: &str| {
        let error = sync(folder.path(), config(&server))
            .unwrap_err()
            .to_string();
        assert!(error.ends_with(expected), "{error}");
    };
    check("holds no spool");
    fs::write(folder.path().join("log"), "").unwrap();
    check("the first record is damaged: it is not whole");
    fs::write(folder.path().join("log"), "12345678 {}\n").unwrap();
    check("the first record is damaged: its checksum does not match");
}

#[test]
fn a_process_that_died_before_its_header_left_nothing() {
    let spool = tempfile::tempdir().unwrap();
    fs::write(spool.path().join("log"), "1234").unwrap();
    let server = FakeServer::start();
    let run = Run::start(spool.path(), config(&server), &spec()).unwrap();
    run.log_metric("loss", 0.5, 0);
    assert_eq!(run.finish(RunStatus::Finished, DEADLINE).delivered, 2);
}
