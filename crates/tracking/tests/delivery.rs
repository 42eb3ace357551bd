//! What is logged reaches the server, each row once, whatever the server does.

#![allow(clippy::unwrap_used, reason = "tests")]

mod fake_server;

use std::path::Path;
use std::time::{Duration, Instant};

use fake_server::{Answer, FakeServer, Request};
use idiom_tracking::{ClientConfig, Ledger, Run, RunSpec, RunStatus, Timing, TrackingError, sync};

/// Long enough for a busy machine; a run that can finish does so at once.
const DEADLINE: Duration = Duration::from_secs(60);

fn timing() -> Timing {
    Timing {
        flush_interval: Duration::from_millis(5),
        shortest_backoff: Duration::from_millis(1),
        longest_backoff: Duration::from_millis(20),
        sync_patience: Duration::from_secs(20),
        ..Timing::default()
    }
}

fn config(server: &FakeServer) -> ClientConfig {
    ClientConfig {
        timing: timing(),
        ..ClientConfig::new(server.uri())
    }
}

fn spec() -> RunSpec {
    RunSpec {
        experiment: "looks".into(),
        run_name: "first".into(),
        tags: vec![("note".into(), "粵語".into())],
        params: vec![("rate".into(), "0.002".into())],
    }
}

fn start(spool: &Path, server: &FakeServer) -> Run {
    Run::start(spool, config(server), &spec()).unwrap()
}

fn log_points(run: &Run, count: i64) {
    (0..count).for_each(|step| run.log_metric("loss", step as f64, step));
}

/// Logs to a server that answers by `plan` and checks that all of it is there once.
fn check_all_arrives(plan: impl FnMut(&Request) -> Answer + Send + 'static) -> FakeServer {
    check_all_arrives_in(timing(), plan)
}

fn check_all_arrives_in(
    timing: Timing,
    plan: impl FnMut(&Request) -> Answer + Send + 'static,
) -> FakeServer {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start_with(plan);
    let config = ClientConfig {
        timing,
        ..config(&server)
    };
    let run = Run::start(spool.path(), config, &spec()).unwrap();
    log_points(&run, 2500);
    let ledger = run.finish(RunStatus::Finished, DEADLINE);
    // 2500 points, a param, a tag, a status.
    assert_eq!(
        ledger,
        Ledger {
            produced: 2503,
            delivered: 2503,
            ..Ledger::default()
        }
    );
    let stored = server.only_run();
    let steps: Vec<i64> = stored.rows.iter().map(|row| row.2).collect();
    assert_eq!(steps.len(), 2500);
    assert_eq!(
        (stored.name.as_str(), stored.status.as_str()),
        ("first", "FINISHED")
    );
    assert_eq!(stored.params["rate"], "0.002");
    assert_eq!(stored.tags["note"], "粵語");
    server
}

/// Gives up on an answer soon; only for servers that never give one.
fn impatient() -> Timing {
    Timing {
        request_timeout: Duration::from_millis(500),
        ..timing()
    }
}

/// The first answer to each route is `answer`, later ones are proper.
fn first_of_each_route(answer: Answer) -> impl FnMut(&Request) -> Answer {
    let mut seen = std::collections::HashSet::new();
    move |request| {
        if seen.insert(request.route.clone()) {
            answer.clone()
        } else {
            Answer::Properly
        }
    }
}

#[test]
fn a_server_that_behaves_gets_all_in_few_requests() {
    let server = check_all_arrives(|_| Answer::Properly);
    assert_eq!(server.only_run().arrivals, 2500);
    assert!(server.only_run().end_time.is_some());
    let batches = server
        .requests()
        .iter()
        .filter(|(_, route)| route == "runs/log-batch")
        .count();
    assert!((3..=20).contains(&batches), "{batches} batches");
}

#[test]
fn answers_that_pass_are_tried_again() {
    const BUSY: &str = r#"{"error_code":"BAD_REQUEST","message":"database is locked"}"#;
    for (status, body) in [
        (500, "{}"),
        (502, "<html>"),
        (503, ""),
        (429, ""),
        (408, ""),
        (400, BUSY),
    ] {
        check_all_arrives(first_of_each_route(Answer::Status(status, body)));
    }
}

#[test]
fn connections_that_end_are_tried_again() {
    check_all_arrives(first_of_each_route(Answer::HangUp));
}

#[test]
fn an_answer_that_is_lost_makes_no_second_run_and_no_second_row() {
    check_all_arrives(first_of_each_route(Answer::StoreAndHangUp));
}

#[test]
fn a_server_that_hangs_is_left_and_asked_again() {
    check_all_arrives_in(impatient(), first_of_each_route(Answer::Hang));
}

#[test]
fn a_server_that_drips_is_left_and_asked_again() {
    check_all_arrives_in(impatient(), first_of_each_route(Answer::Drip));
}

#[test]
fn retry_after_is_honoured() {
    let server = check_all_arrives({
        let mut first = true;
        move |_| {
            if std::mem::take(&mut first) {
                Answer::RetryAfter(429, "1")
            } else {
                Answer::Properly
            }
        }
    });
    let requests = server.requests();
    assert!(requests[1].0 - requests[0].0 >= Duration::from_secs(1));
}

#[test]
fn bad_items_are_left_and_all_others_arrive() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    server.store(|store| {
        store
            .disliked
            .extend(["bad".to_owned(), "worse".to_owned()])
    });
    let run = start(spool.path(), &server);
    log_points(&run, 700);
    run.log_metric("bad", 1.0, 1);
    log_points(&run, 700);
    run.log_param("worse", "x");
    run.log_metric("not a <key>", 1.0, 1);
    let ledger = run.finish(RunStatus::Finished, DEADLINE);
    assert_eq!(
        (ledger.dead, ledger.delivered, ledger.pending),
        (3, 1403, 0)
    );
    assert_eq!(server.only_run().rows.len(), 1400);
    let dead = std::fs::read_to_string(spool.path().join("dead.jsonl")).unwrap();
    assert_eq!(dead.lines().count(), 3);
    assert!(
        dead.contains("`bad` is disliked") && dead.contains("not a <key>"),
        "{dead}"
    );
}

#[test]
fn a_param_given_another_value_keeps_its_first() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = start(spool.path(), &server);
    run.log_param("rate", "0.002");
    run.log_param("rate", "0.1");
    let ledger = run.finish(RunStatus::Finished, DEADLINE);
    assert_eq!(ledger.dead, 1);
    assert_eq!(server.only_run().params["rate"], "0.002");
}

#[test]
fn nan_infinities_and_negative_steps_survive() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = start(spool.path(), &server);
    for (step, value) in [
        (-1, f64::NAN),
        (i64::MAX, f64::INFINITY),
        (i64::MIN, f64::NEG_INFINITY),
        (0, 0.1 + 0.2),
    ] {
        run.log_metric("loss", value, step);
    }
    run.finish(RunStatus::Failed, DEADLINE);
    let stored = server.only_run();
    let mut values: Vec<(i64, &str)> = stored
        .rows
        .iter()
        .map(|row| (row.2, row.3.as_str()))
        .collect();
    values.sort_unstable();
    let expected = [
        (i64::MIN, "\"-Infinity\""),
        (-1, "\"NaN\""),
        (0, "0.30000000000000004"),
        (i64::MAX, "\"Infinity\""),
    ];
    assert_eq!(values, expected);
    assert_eq!(stored.status, "FAILED");
}

#[test]
fn equal_points_are_separate_rows() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = start(spool.path(), &server);
    (0..100).for_each(|_| run.log_metric("loss", 1.0, 0));
    run.finish(RunStatus::Finished, DEADLINE);
    assert_eq!(server.only_run().rows.len(), 100);
}

#[test]
fn values_too_long_for_the_server_are_cut_on_the_wire_only() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = start(spool.path(), &server);
    run.log_param("words", &"語".repeat(7000));
    run.finish(RunStatus::Finished, DEADLINE);
    assert_eq!(server.only_run().params["words"].chars().count(), 6000);
    let log = std::fs::read_to_string(spool.path().join("log")).unwrap();
    assert!(log.contains(&"語".repeat(7000)));
}

#[test]
fn files_folders_and_pictures_arrive_under_mlflows_names() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("model")).unwrap();
    for (name, text) in [
        ("notes.txt", "n"),
        ("model/config.json", "{}"),
        ("grid.png", "png"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let server = FakeServer::start();
    let run = start(&folder.path().join("spool"), &server);
    run.log_artifact(&folder.path().join("notes.txt"), "");
    run.log_artifact(&folder.path().join("model"), "final");
    run.log_artifact(&folder.path().join("gone.txt"), "");
    run.log_image("samples/fixed", -64, &folder.path().join("grid.png"));
    let ledger = run.finish(RunStatus::Finished, DEADLINE);
    assert_eq!((ledger.dead, ledger.pending), (1, 0));
    let files: Vec<String> = server.store(|store| store.files.keys().cloned().collect());
    let root = "0/run1/artifacts";
    assert_eq!(files[0], format!("{root}/final/model/config.json"));
    // The forms of mlflow 3.17.2's `log_image`: the picture, and the thumbnail that its pages ask for.
    let picture = &files[2];
    assert!(
        picture.starts_with(&format!("{root}/images/samples~fixed+step+-64+timestamp+")),
        "{picture}"
    );
    assert_eq!(files[1], picture.replace(".png", "+compressed.png"));
    assert_eq!(files[3], format!("{root}/notes.txt"));
    assert_eq!(server.only_run().tags["mlflow.loggedImages"], "True");
}

#[test]
fn what_an_absent_server_did_not_get_is_synced_later() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start_with(|_| Answer::HangUp);
    let run = start(spool.path(), &server);
    log_points(&run, 5000);
    let ledger = run.finish(RunStatus::Finished, Duration::from_millis(50));
    assert_eq!((ledger.delivered, ledger.pending), (0, 5003));
    server.plan(|_| Answer::Properly);
    let ledger = sync_when_free(spool.path(), &server);
    assert_eq!(
        (ledger.produced, ledger.delivered, ledger.pending),
        (5003, 5003, 0)
    );
    assert_eq!(server.only_run().rows.len(), 5000);
}

/// The sender of a run that ended early may still be in its last request.
fn sync_when_free(spool: &Path, server: &FakeServer) -> Ledger {
    loop {
        match sync(spool, config(server)) {
            Err(TrackingError::Held { .. }) => std::thread::yield_now(),
            done => return done.unwrap(),
        }
    }
}

#[test]
fn an_outage_in_the_middle_loses_nothing() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = start(spool.path(), &server);
    log_points(&run, 1000);
    server.wait_until(|store| store.runs.values().any(|run| run.rows.len() == 1000));
    server.plan(|_| Answer::HangUp);
    (1000..2000).for_each(|step| run.log_metric("loss", 0.5, step));
    let asked = server.requests().len();
    server.wait_until(|_| server.requests().len() > asked + 3);
    server.plan(|_| Answer::Properly);
    let ledger = run.finish(RunStatus::Finished, DEADLINE);
    assert_eq!((ledger.pending, ledger.dead, ledger.dropped), (0, 0, 0));
    assert_eq!(server.only_run().rows.len(), 2000);
}

#[test]
fn a_server_that_hangs_does_not_hold_up_the_end() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start_with(|_| Answer::Hang);
    let patient = Timing {
        request_timeout: Duration::from_secs(600),
        ..timing()
    };
    let config = ClientConfig {
        timing: patient,
        ..config(&server)
    };
    let run = Run::start(spool.path(), config, &spec()).unwrap();
    let begun = Instant::now();
    log_points(&run, 100_000);
    let ledger = run.finish(RunStatus::Finished, Duration::from_millis(200));
    assert_eq!((ledger.pending, ledger.dropped), (100_003, 0));
    // Far less than the request's patience, far more than a busy machine needs.
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn without_rights_the_run_spools_on_and_a_better_token_syncs_it() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start_with(|request| match request.authorization.as_str() {
        "Bearer good" => Answer::Properly,
        _ => Answer::Status(401, r#"{"error_code":"UNAUTHENTICATED","message":"who?"}"#),
    });
    let run = start(spool.path(), &server);
    log_points(&run, 10);
    let ledger = run.finish(RunStatus::Finished, DEADLINE);
    assert_eq!((ledger.delivered, ledger.pending), (0, 13));
    assert!(
        matches!(sync(spool.path(), config(&server)), Err(TrackingError::Refused { ledger, .. }) if ledger.pending == 13)
    );
    let better = ClientConfig {
        token: Some("good".into()),
        ..config(&server)
    };
    assert_eq!(sync(spool.path(), better).unwrap().delivered, 13);
}

#[test]
fn a_username_and_password_win_over_a_token() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start_with(|request| match request.authorization.as_str() {
        // base64 of `ada:secret`.
        "Basic YWRhOnNlY3JldA==" => Answer::Properly,
        _ => Answer::Status(401, ""),
    });
    let config = ClientConfig {
        token: Some("tok".into()),
        username: Some("ada".into()),
        password: Some("secret".into()),
        ..config(&server)
    };
    let run = Run::start(spool.path(), config, &spec()).unwrap();
    assert_eq!(run.finish(RunStatus::Finished, DEADLINE).delivered, 3);
}

#[test]
fn a_deleted_run_buries_nothing() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = start(spool.path(), &server);
    log_points(&run, 10);
    server.wait_until(|store| store.runs.values().any(|run| run.rows.len() == 10));
    server.store(|store| store.runs.values_mut().for_each(|run| run.deleted = true));
    run.log_metric("late", 1.0, 1);
    let ledger = run.finish(RunStatus::Finished, DEADLINE);
    assert_eq!((ledger.dead, ledger.pending), (0, 2));
    server.store(|store| store.runs.values_mut().for_each(|run| run.deleted = false));
    assert_eq!(sync_when_free(spool.path(), &server).pending, 0);
    assert_eq!(server.only_run().rows.len(), 11);
}

#[test]
fn a_server_that_lost_the_run_gets_all_of_it_again() {
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let run = start(spool.path(), &server);
    log_points(&run, 10);
    server.wait_until(|store| store.runs.values().any(|run| run.rows.len() == 10));
    server.store(|store| store.runs.clear());
    run.log_metric("late", 1.0, 1);
    let ledger = run.finish(RunStatus::Finished, DEADLINE);
    assert_eq!((ledger.produced, ledger.delivered), (14, 14));
    assert_eq!(server.only_run().rows.len(), 11);
}
