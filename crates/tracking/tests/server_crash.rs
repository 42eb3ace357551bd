//! A server of ours that is killed again and again has every row in the end, each once.
//!
//! The server is the binary `idiom-tracking-server` of the same build. 10 kills, or 100 where `IDIOM_SOAK` is 1.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use idiom_tracking::{ClientConfig, Run, RunSpec, RunStatus, Timing};
use serde_json::Value;

const STEPS_BETWEEN_KILLS: u64 = 3000;
const PATIENCE: Duration = Duration::from_secs(120);

fn variable_is_1(name: &str) -> bool {
    std::env::var(name).as_deref() == Ok("1")
}

/// Beside the folder of the test binaries.
fn server_binary() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests
        .ancestors()
        .nth(2)
        .unwrap()
        .join("idiom-tracking-server")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn serve(folder: &Path, port: u16) -> Server {
    let server = Command::new(server_binary())
        .args(["--port", &port.to_string(), "--db"])
        .arg(folder.join("tracking.db"))
        .arg("--artifacts")
        .arg(folder.join("artifacts"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Server(server.unwrap())
}

/// Killed, by SIGKILL, when dropped: at will, and when the test fails.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A small generator of numbers, so that each kill comes at another moment, and at the same ones each time.
fn draw(seed: u64) -> u64 {
    seed.wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
        >> 33
}

fn wait_until_delivered(run: &Run, items: u64) {
    let deadline = Instant::now() + PATIENCE;
    while run.ledger().delivered < items {
        assert!(Instant::now() < deadline, "stuck: {}", run.ledger());
        std::thread::yield_now();
    }
}

/// The steps of the curve on the server, sorted.
fn steps(uri: &str, run_id: &str) -> Vec<i64> {
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .build()
        .unwrap();
    let query = [("run_id", run_id), ("metric_key", "loss")];
    let request = client
        .get(format!("{uri}/api/2.0/mlflow/metrics/get-history"))
        .query(&query);
    let text = request.send().unwrap().text().unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["next_page_token"].as_str().unwrap_or_default(), "");
    let mut steps: Vec<i64> = answer["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["step"].as_i64().unwrap())
        .collect();
    steps.sort_unstable();
    steps
}

#[test]
fn a_server_killed_at_any_moment_has_every_row_once_in_the_end() {
    if !server_binary().exists() {
        println!(
            "skipped: a_server_killed_at_any_moment needs {}",
            server_binary().display()
        );
        assert!(
            !variable_is_1("IDIOM_REQUIRE_ALL"),
            "idiom-tracking-server is not built"
        );
        return;
    }
    let kills = if variable_is_1("IDIOM_SOAK") { 100 } else { 10 };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let uri = format!("http://127.0.0.1:{port}");
    let timing = Timing {
        flush_interval: Duration::from_millis(2),
        shortest_backoff: Duration::from_millis(5),
        longest_backoff: Duration::from_millis(50),
        ..Timing::default()
    };
    let config = ClientConfig {
        timing,
        ..ClientConfig::new(&uri)
    };
    let spec = RunSpec {
        experiment: "crash".into(),
        run_name: "r".into(),
        ..RunSpec::default()
    };
    let run = Run::start(&folder.path().join("spool"), config, &spec).unwrap();

    let mut server = serve(folder.path(), port);
    for round in 0..kills {
        let first = round * STEPS_BETWEEN_KILLS;
        (first..first + STEPS_BETWEEN_KILLS)
            .for_each(|step| run.log_metric("loss", 0.5, step as i64));
        wait_until_delivered(&run, first + draw(round) % STEPS_BETWEEN_KILLS);
        drop(server);
        server = serve(folder.path(), port);
    }
    let total = kills * STEPS_BETWEEN_KILLS;
    wait_until_delivered(&run, total);
    let run_id = run.run_id().unwrap();
    let ledger = run.finish(RunStatus::Finished, PATIENCE);
    let arrived = steps(&uri, &run_id);
    drop(server);
    assert_eq!((ledger.pending, ledger.dead, ledger.dropped), (0, 0, 0));
    assert!(
        arrived.iter().copied().eq(0..total as i64),
        "{} of {total} rows",
        arrived.len()
    );
}
