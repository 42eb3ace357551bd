//! A client that is killed, or whose disk is full, loses nothing that its spool had taken, and nothing arrives twice.
//!
//! The client is this very test binary, started again to run [`client`] alone; it prints how much its spool holds.
//! 10 kills, or 100 where `IDIOM_SOAK` is 1.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests; the child speaks through its output"
)]

mod fake_server;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use fake_server::{Answer, FakeServer, Row};
use idiom_tracking::{ClientConfig, Run, RunSpec, Timing, sync};

const SPOOL: &str = "IDIOM_TEST_SPOOL";
const URI: &str = "IDIOM_TEST_URI";
const GENERATION: &str = "IDIOM_TEST_GENERATION";

fn config(uri: &str) -> ClientConfig {
    let timing = Timing {
        flush_interval: Duration::from_millis(2),
        shortest_backoff: Duration::from_millis(1),
        longest_backoff: Duration::from_millis(20),
        ..Timing::default()
    };
    ClientConfig {
        timing,
        ..ClientConfig::new(uri)
    }
}

/// The child: logs step after step under the key of its generation until it is killed.
#[test]
#[ignore = "is started by the other tests"]
fn client() {
    let variable = |name| std::env::var(name).unwrap();
    let spec = RunSpec {
        experiment: "crash".into(),
        run_name: "r".into(),
        ..RunSpec::default()
    };
    let run = Run::start(Path::new(&variable(SPOOL)), config(&variable(URI)), &spec).unwrap();
    let key = format!("generation/{}", variable(GENERATION));
    let before = run.spooled();
    // The records that a taken-up run begins with, its status and its pause, are no steps.
    let extra = if before > 0 { 2 } else { 0 };
    println!();
    for step in 0.. {
        run.log_metric(&key, 0.5, step);
        if step % 100 == 0 {
            std::thread::sleep(Duration::from_micros(200));
            println!("{step} {}", (run.spooled() - before).saturating_sub(extra));
        }
    }
}

struct Client {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Steps that it said it has logged.
    logged: u64,
    /// Steps that it said are in the spool.
    spooled: u64,
}

impl Client {
    fn start(shell: &str, spool: &Path, uri: &str, generation: u64) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "client", "--ignored", "--nocapture"])
            .env(SPOOL, spool)
            .env(URI, uri)
            .env(GENERATION, generation.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            lines,
            logged: 0,
            spooled: 0,
        }
    }

    /// Reads on until what it says is as wanted.
    fn wait_until(&mut self, wanted: impl Fn(&Self) -> bool) {
        while !wanted(self) {
            assert!(self.read_line(), "the client ended");
        }
    }

    fn read_line(&mut self) -> bool {
        let Some(line) = self.lines.next() else {
            return false;
        };
        if let Some((logged, spooled)) = line.unwrap().split_once(' ')
            && let (Ok(logged), Ok(spooled)) = (logged.parse(), spooled.parse())
        {
            (self.logged, self.spooled) = (logged, spooled);
        }
        true
    }

    /// SIGKILL; returns how many steps it had said to be in the spool.
    fn kill(mut self) -> u64 {
        self.child.kill().unwrap();
        while self.read_line() {}
        self.child.wait().unwrap();
        self.spooled
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // After a `kill` there is nothing to do; when a test fails, nothing may stay behind.
        let _ = self.child.kill();
    }
}

/// The steps of each key, which must be 0, 1, 2, ... without a gap.
fn steps_by_key(rows: &std::collections::BTreeSet<Row>) -> BTreeMap<String, u64> {
    let mut steps: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (key, _, step, _) in rows {
        steps.entry(key.clone()).or_default().push(*step);
    }
    let counted = steps.into_iter().map(|(key, mut steps)| {
        steps.sort_unstable();
        let count = steps.len() as u64;
        assert!(
            steps.iter().copied().eq(0..count as i64),
            "{key}: gaps or repeats in {count} steps"
        );
        (key, count)
    });
    counted.collect()
}

/// A small generator of numbers, so that each kill comes at another moment, and at the same ones each time.
fn draw(seed: u64) -> u64 {
    seed.wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
        >> 33
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_repeats_nothing() {
    let kills = if std::env::var("IDIOM_SOAK").as_deref() == Ok("1") {
        100
    } else {
        10
    };
    let spool = tempfile::tempdir().unwrap();
    let mut asked = 0;
    let server = FakeServer::start_with(move |_| {
        asked += 1;
        match asked % 7 {
            3 => Answer::StoreAndHangUp,
            5 => Answer::HangUp,
            _ => Answer::Properly,
        }
    });
    let mut promised = Vec::new();
    for generation in 0..kills {
        let mut client = Client::start("", spool.path(), &server.uri(), generation);
        client.wait_until(|client| client.logged >= draw(generation) % 5000);
        promised.push((format!("generation/{generation}"), client.kill()));
    }
    let ledger = sync(spool.path(), config(&server.uri())).unwrap();
    assert_eq!((ledger.pending, ledger.dead), (0, 0));
    assert_eq!(server.only_run().status, "KILLED");
    let arrived = steps_by_key(&server.only_run().rows);
    for (key, steps) in promised {
        let arrived = arrived.get(&key).copied().unwrap_or(0);
        assert!(
            arrived >= steps,
            "{key}: {steps} steps were in the spool, {arrived} arrived"
        );
    }
    let log = std::fs::read_to_string(spool.path().join("log")).unwrap();
    let in_spool = log
        .lines()
        .filter(|line| line.contains(r#" {"metric":"#))
        .count();
    assert_eq!(in_spool, server.only_run().rows.len());
}

#[test]
fn a_full_disk_holds_up_nothing_and_loses_nothing_once_there_is_space() {
    // `ulimit` counts blocks of 512 bytes; with the signal ignored, a write beyond it fails as on a full disk.
    if Command::new("prlimit").arg("--version").output().is_err() {
        assert_ne!(
            std::env::var("IDIOM_REQUIRE_ALL").as_deref(),
            Ok("1"),
            "prlimit is missing"
        );
        println!("skipped: a_full_disk_holds_up_nothing needs prlimit");
        return;
    }
    let spool = tempfile::tempdir().unwrap();
    let server = FakeServer::start();
    let mut client = Client::start(
        "trap '' XFSZ; ulimit -S -f 64;",
        spool.path(),
        &server.uri(),
        0,
    );
    // 64 blocks do not hold 20,000 steps: from there on the disk is full for sure.
    client.wait_until(|client| client.logged >= 20_000);
    assert!(
        client.spooled < 1000,
        "{} steps on a full disk",
        client.spooled
    );
    let pid = client.child.id().to_string();
    let freed = Command::new("prlimit")
        .args(["--pid", &pid, "--fsize=unlimited"])
        .status()
        .unwrap();
    assert!(freed.success());
    client.wait_until(|client| client.spooled >= 20_000);
    let promised = client.kill();
    sync(spool.path(), config(&server.uri())).unwrap();
    assert!(steps_by_key(&server.only_run().rows)["generation/0"] >= promised);
}
