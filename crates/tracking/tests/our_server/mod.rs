//! A tracking server of ours, over SQLite or PostgreSQL, as a process that a test starts and kills.
//!
//! The server is the binary `idiom-tracking-server` of the same build.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stdout,
    reason = "each test file is its own crate and uses what it needs; a skipped test says so"
)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use idiom_tests::postgres::Postgres;
use idiom_tracking::Timing;
use serde_json::Value;

/// Where the server keeps what it is told.
pub struct Store {
    /// For people.
    pub name: &'static str,
    folder: tempfile::TempDir,
    /// The database's address, and its server, which lives as long as this.
    postgres: Option<(String, Postgres)>,
}

impl Store {
    pub fn sqlite() -> Self {
        Self {
            name: "SQLite",
            folder: tempfile::tempdir().unwrap(),
            postgres: None,
        }
    }

    /// None where PostgreSQL is not installed, which is said.
    pub fn postgres(test: &str) -> Option<Self> {
        let server = Postgres::start(test)?;
        let database = server.create("kills");
        Some(Self {
            name: "PostgreSQL",
            folder: tempfile::tempdir().unwrap(),
            postgres: Some((database, server)),
        })
    }

    /// A folder of the test's own.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a server over this store.
    pub fn serve(&self, port: u16) -> Server {
        let database = match &self.postgres {
            Some((uri, _)) => uri.into(),
            None => self.folder().join("tracking.db").into_os_string(),
        };
        let server = Command::new(server_binary())
            .args(["--port", &port.to_string(), "--db"])
            .arg(database)
            .arg("--artifacts")
            .arg(self.folder().join("artifacts"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Server(server.unwrap())
    }
}

/// Killed, by SIGKILL, when dropped: at will, and when the test fails.
pub struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
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

/// Whether the binary is there; where it is not, that is said.
pub fn is_built(test: &str) -> bool {
    idiom_tests::project::has(&server_binary(), test, "idiom-tracking-server")
}

pub fn is_soak() -> bool {
    std::env::var("IDIOM_SOAK").as_deref() == Ok("1")
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A client that tries again soon, so that many kills fit into a minute.
pub fn impatient() -> Timing {
    Timing {
        flush_interval: Duration::from_millis(2),
        shortest_backoff: Duration::from_millis(5),
        longest_backoff: Duration::from_millis(50),
        ..Timing::default()
    }
}

/// A small generator of numbers, so that each kill comes at another moment, and at the same ones each time.
pub fn draw(seed: u64) -> u64 {
    seed.wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
        >> 33
}

/// An answer of one of MLflow's routes.
pub fn get(uri: &str, route: &str, query: &[(&str, &str)]) -> Value {
    let client = reqwest::blocking::Client::builder().no_proxy().build();
    let request = client
        .unwrap()
        .get(format!("{uri}/api/2.0/mlflow/{route}"))
        .query(query);
    serde_json::from_str(&request.send().unwrap().text().unwrap()).unwrap()
}

/// The steps of the curve `loss` on the server, sorted.
pub fn steps(uri: &str, run_id: &str) -> Vec<i64> {
    let query = [("run_id", run_id), ("metric_key", "loss")];
    let answer = get(uri, "metrics/get-history", &query);
    assert_eq!(answer["next_page_token"].as_str().unwrap_or_default(), "");
    let metrics = answer["metrics"].as_array().cloned().unwrap_or_default();
    let step = |point: &Value| point["step"].as_i64().unwrap();
    let mut steps: Vec<i64> = metrics.iter().map(step).collect();
    steps.sort_unstable();
    steps
}
