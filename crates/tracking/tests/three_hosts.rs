//! Three clients, each a process of its own, log at once to one server of ours; one is killed by SIGKILL at a random
//! moment. The others log on and lose nothing; its spool is sent later; rows on the server = rows produced. How long a call
//! of the others takes before and after the kill is printed, not tested.
//!
//! Over SQLite and over PostgreSQL, 3 kills each, or 100 where `IDIOM_SOAK` is 1. A client is this very test binary,
//! started again to run [`client`] alone; it prints what it has logged, how long that took and how much its spool holds.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests; the child speaks through its output"
)]

mod our_server;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use idiom_tracking::{ClientConfig, Run, RunSpec, RunStatus, sync};
use our_server::{Store, draw, free_port, get, impatient, is_built, is_soak, steps};
use serde_json::Value;

const SPOOL: &str = "IDIOM_TEST_SPOOL";
const URI: &str = "IDIOM_TEST_URI";
/// Points between two lines of output.
const CHUNK: i64 = 100;
/// Chunks that the others log, at least, after the kill.
const CHUNKS_AFTER: usize = 60;
const PATIENCE: Duration = Duration::from_secs(60);

fn config(uri: &str) -> ClientConfig {
    ClientConfig {
        timing: impatient(),
        ..ClientConfig::new(uri)
    }
}

/// The child: logs step after step, as a training loop does, until it is told to end or is killed.
#[test]
#[ignore = "is started by the other tests"]
fn client() {
    let spool = PathBuf::from(std::env::var(SPOOL).unwrap());
    let spec = RunSpec {
        experiment: "three hosts".into(),
        run_name: spool.display().to_string(),
        ..RunSpec::default()
    };
    let run = Run::start(&spool, config(&std::env::var(URI).unwrap()), &spec).unwrap();
    let enough = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&enough);
    thread::spawn(move || {
        let _line_or_end = std::io::stdin().read_line(&mut String::new());
        told.store(true, Ordering::Relaxed);
    });
    println!();
    let mut step = 0;
    while !enough.load(Ordering::Relaxed) {
        let begun = Instant::now();
        (step..step + CHUNK).for_each(|step| run.log_metric("loss", 0.5, step));
        let nanoseconds = begun.elapsed().as_nanos();
        step += CHUNK;
        println!("logged {step} {nanoseconds} {}", run.spooled());
        // The rest of a training step.
        thread::sleep(Duration::from_millis(2));
    }
    let ledger = run.finish(RunStatus::Finished, PATIENCE);
    println!("ended {step} {} {}", ledger.pending, ledger.dropped);
}

/// A line that a client printed, and when it was read.
struct Said {
    at: Instant,
    has_ended: bool,
    /// Steps so far; then nanoseconds and spooled items, or, at the end, pending and dropped items.
    numbers: [u64; 3],
}

struct Client {
    child: Child,
    spool: PathBuf,
    lines: Receiver<Said>,
    said: Vec<Said>,
}

impl Client {
    fn start(spool: PathBuf, uri: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "client", "--ignored", "--nocapture"])
            .env(SPOOL, &spool)
            .env(URI, uri)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for said in output
                .lines()
                .map_while(Result::ok)
                .filter_map(|l| parsed(&l))
            {
                if sender.send(said).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            spool,
            lines,
            said: Vec::new(),
        }
    }

    /// Reads on until it has logged so many chunks since `since`.
    fn wait_for(&mut self, chunks: usize, since: Instant) {
        while self.said.iter().filter(|said| said.at >= since).count() < chunks {
            self.said.push(self.lines.recv_timeout(PATIENCE).unwrap());
        }
    }

    /// SIGKILL; how many items it had said to be in the spool.
    fn kill(mut self) -> (PathBuf, u64) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let last = self.lines.iter().last().or_else(|| self.said.pop());
        (std::mem::take(&mut self.spool), last.unwrap().numbers[2])
    }

    /// Tells it to end, and waits for that; how many steps it logged.
    fn end(&mut self) -> u64 {
        drop(self.child.stdin.take());
        loop {
            let said = self.lines.recv_timeout(2 * PATIENCE).unwrap();
            if said.has_ended {
                self.child.wait().unwrap();
                assert_eq!(said.numbers[1..], [0, 0], "pending, dropped");
                return said.numbers[0];
            }
            self.said.push(said);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Ended already, unless a test fails; then nothing may stay behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parsed(line: &str) -> Option<Said> {
    let mut words = line.split(' ');
    let has_ended = match words.next()? {
        "logged" => false,
        "ended" => true,
        _ => return None,
    };
    let mut number = || words.next()?.parse().ok();
    Some(Said {
        at: Instant::now(),
        has_ended,
        numbers: [number()?, number()?, number()?],
    })
}

/// The curve on the server of the run whose spool this is, and the run's status.
fn on_server(uri: &str, spool: &Path) -> (u64, String) {
    let cursor = std::fs::read(spool.join("cursor.json")).unwrap();
    let cursor: Value = serde_json::from_slice(&cursor).unwrap();
    let run_id = cursor["run_id"].as_str().unwrap();
    let steps = steps(uri, run_id);
    assert!(
        steps.iter().copied().eq(0..steps.len() as i64),
        "gaps or repeats in {} steps",
        steps.len()
    );
    let run = &get(uri, "runs/get", &[("run_id", run_id)])["run"]["info"];
    (
        steps.len() as u64,
        run["status"].as_str().unwrap().to_owned(),
    )
}

fn in_spool(spool: &Path) -> u64 {
    let log = std::fs::read_to_string(spool.join("log")).unwrap();
    // A line that the kill tore off has no line feed, and was never in the spool.
    let whole = log
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    whole.filter(|line| line.contains(r#" {"metric":"#)).count() as u64
}

/// Microseconds a call of what the others logged before and after the kill.
#[derive(Default)]
struct Pace {
    before: Vec<f64>,
    after: Vec<f64>,
}

impl Pace {
    fn add(&mut self, said: &[Said], killed: Instant) {
        for line in said {
            let microseconds = line.numbers[1] as f64 / 1e3 / CHUNK as f64;
            if line.at < killed {
                self.before.push(microseconds);
            } else {
                self.after.push(microseconds);
            }
        }
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One kill; rows that were produced and rows that are on the server.
fn kill_one_of_three(folder: &Path, uri: &str, round: u64, pace: &mut Pace) -> (u64, u64) {
    let start = |host| Client::start(folder.join(format!("{round}-{host}")), uri);
    let [mut victim, mut second, mut third] = ["a", "b", "c"].map(start);
    let begun = Instant::now();
    for client in [&mut victim, &mut second, &mut third] {
        client.wait_for(20, begun);
    }
    victim.wait_for(20 + (draw(round) % 60) as usize, begun);
    let killed = Instant::now();
    let (left, promised) = victim.kill();
    let (mut produced, mut arrived) = (0, 0);
    for client in [&mut second, &mut third] {
        client.wait_for(CHUNKS_AFTER, killed);
    }
    for client in [&mut second, &mut third] {
        let logged = client.end();
        pace.add(&client.said, killed);
        let (rows, status) = on_server(uri, &client.spool);
        assert_eq!((rows, status.as_str()), (logged, "FINISHED"));
        (produced, arrived) = (produced + logged, arrived + rows);
    }
    let ledger = sync(&left, config(uri)).unwrap();
    assert_eq!((ledger.pending, ledger.dead), (0, 0));
    let spooled = in_spool(&left);
    assert!(
        spooled >= promised,
        "{promised} were in the spool, {spooled} are"
    );
    let (rows, status) = on_server(uri, &left);
    assert_eq!((rows, status.as_str()), (spooled, "KILLED"));
    (produced + spooled, arrived + rows)
}

fn kill_clients(store: &Store) {
    let kills = if is_soak() { 100 } else { 3 };
    let port = free_port();
    let uri = format!("http://127.0.0.1:{port}");
    let _server = store.serve(port);
    let begun = Instant::now();
    let mut pace = Pace::default();
    let (mut produced, mut arrived) = (0, 0);
    for round in 0..kills {
        let (logged, rows) = kill_one_of_three(store.folder(), &uri, round, &mut pace);
        (produced, arrived) = (produced + logged, arrived + rows);
    }
    let (before, after) = (median(&mut pace.before), median(&mut pace.after));
    println!(
        "{}: one of three clients killed {kills} times; {produced} rows produced, {arrived} on the server; the others took \
         {before:.2} us a call before and {after:.2} us after; {:.0} s",
        store.name,
        begun.elapsed().as_secs_f64()
    );
    assert_eq!(produced, arrived);
}

#[test]
fn a_host_killed_while_others_log_costs_nobody_a_row() {
    if is_built("a_host_killed_while_others_log") {
        kill_clients(&Store::sqlite());
    }
}

#[test]
fn nor_does_it_over_postgresql() {
    let test = "nor_does_it_over_postgresql";
    if is_built(test)
        && let Some(store) = Store::postgres(test)
    {
        kill_clients(&store);
    }
}
