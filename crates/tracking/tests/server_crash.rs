//! A server of ours that is killed again and again has every row in the end, each once: over SQLite and PostgreSQL.
//!
//! 10 kills a store, or 100 where `IDIOM_SOAK` is 1.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod our_server;

use std::time::{Duration, Instant};

use idiom_tracking::{ClientConfig, Run, RunSpec, RunStatus};
use our_server::{Store, draw, free_port, impatient, is_built, is_soak, steps};

const STEPS_BETWEEN_KILLS: u64 = 3000;
const PATIENCE: Duration = Duration::from_secs(120);

fn wait_until_delivered(run: &Run, items: u64) {
    let deadline = Instant::now() + PATIENCE;
    while run.ledger().delivered < items {
        assert!(Instant::now() < deadline, "stuck: {}", run.ledger());
        std::thread::yield_now();
    }
}

/// Kills the server over `store` while a run logs to it; every row must be there once.
fn kill_the_server(store: &Store) {
    let kills = if is_soak() { 100 } else { 10 };
    let port = free_port();
    let uri = format!("http://127.0.0.1:{port}");
    let config = ClientConfig {
        timing: impatient(),
        ..ClientConfig::new(&uri)
    };
    let spec = RunSpec {
        experiment: "crash".into(),
        run_name: "r".into(),
        ..RunSpec::default()
    };
    let begun = Instant::now();
    let run = Run::start(&store.folder().join("spool"), config, &spec).unwrap();
    let mut server = store.serve(port);
    for round in 0..kills {
        let first = round * STEPS_BETWEEN_KILLS;
        (first..first + STEPS_BETWEEN_KILLS)
            .for_each(|step| run.log_metric("loss", 0.5, step as i64));
        wait_until_delivered(&run, first + draw(round) % STEPS_BETWEEN_KILLS);
        drop(server);
        server = store.serve(port);
    }
    let total = kills * STEPS_BETWEEN_KILLS;
    wait_until_delivered(&run, total);
    let run_id = run.run_id().unwrap();
    let ledger = run.finish(RunStatus::Finished, PATIENCE);
    let arrived = steps(&uri, &run_id);
    drop(server);
    println!(
        "{}: server killed {kills} times; {total} rows produced, {} on the server; {ledger}; {:.0} s",
        store.name,
        arrived.len(),
        begun.elapsed().as_secs_f64()
    );
    assert_eq!((ledger.pending, ledger.dead, ledger.dropped), (0, 0, 0));
    assert!(
        arrived.iter().copied().eq(0..total as i64),
        "{} of {total} rows",
        arrived.len()
    );
}

#[test]
fn a_server_killed_at_any_moment_has_every_row_once_in_the_end() {
    if is_built("a_server_killed_at_any_moment") {
        kill_the_server(&Store::sqlite());
    }
}

#[test]
fn so_has_one_that_keeps_its_rows_in_postgresql() {
    let test = "so_has_one_that_keeps_its_rows_in_postgresql";
    if is_built(test)
        && let Some(store) = Store::postgres(test)
    {
        kill_the_server(&store);
    }
}
