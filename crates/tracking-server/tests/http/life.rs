//! The binary's life: start, a busy port, a kill, a stop, a start over the same files.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use idiom_tracking_server::{DatabasePlace, ServerError, bind};
use serde_json::{Value, json};

use crate::served::{Served, config};

/// The binary at work; killed when dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) base: String,
}

impl Program {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::of(command(folder, arguments))
    }

    /// Starts it, and waits for the address it prints.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut base = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut base)
            .unwrap();
        Self {
            child,
            base: base.trim().to_owned(),
        }
    }

    pub(crate) fn post(&self, route: &str, body: &Value) -> reqwest::Result<Value> {
        let url = format!("{}/api/2.0/mlflow/{route}", self.base);
        let client = reqwest::blocking::Client::builder().no_proxy().build()?;
        client
            .post(url)
            .json(body)
            .send()?
            .error_for_status()?
            .json()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_idiom-tracking-server"));
    command.arg("--db");
    match crate::postgres::place(folder) {
        Some(DatabasePlace::Postgres(uri)) => command.arg(uri),
        _ => command.arg(folder.join("a/idiom.db")),
    };
    command.arg("--artifacts").arg(folder.join("files"));
    command.args(arguments).stderr(Stdio::piped());
    command
}

fn complaint(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
#[allow(
    clippy::print_stdout,
    reason = "whoever runs the full count should see it"
)]
fn every_acknowledged_metric_survives_kill_9() {
    let rounds = if std::env::var_os("IDIOM_SOAK").is_some() {
        100
    } else {
        3
    };
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(String, i64)> = Vec::new();
    for round in 0..rounds {
        let mut program = Program::start(folder.path(), &["--port", "0"]);
        let run = program
            .post("runs/create", &json!({"experiment_id": "0"}))
            .unwrap();
        let run = run["run"]["info"]["run_id"].as_str().unwrap().to_owned();
        let killer = program.child.id().to_string();
        // Somewhere in the middle of the writes below, a little later each round.
        let (acknowledge, first) = std::sync::mpsc::channel();
        let kill = std::thread::spawn(move || {
            first.iter().take(1 + round as usize % 3).for_each(drop);
            std::thread::park_timeout(Duration::from_millis(17 * (round % 20)));
            Command::new("kill").args(["-9", &killer]).status().unwrap();
        });
        for step in 0.. {
            let metric = json!({"key": "m", "value": 1.0, "timestamp": step, "step": step});
            let batch = json!({"run_id": run, "metrics": [metric]});
            match program.post("runs/log-batch", &batch) {
                Ok(_) => {
                    acknowledged.push((run.clone(), step));
                    let _killed_already = acknowledge.send(());
                }
                Err(_) => break,
            }
        }
        drop(acknowledge);
        kill.join().unwrap();
        program.child.wait().unwrap();
    }
    assert!(
        acknowledged.len() >= 3,
        "too few writes to prove anything: {}",
        acknowledged.len()
    );
    println!("{rounds} kills, {} steps acknowledged", acknowledged.len());
    let program = Program::start(folder.path(), &["--port", "0"]);
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .build()
        .unwrap();
    for run in acknowledged
        .iter()
        .map(|(run, _)| run)
        .collect::<std::collections::BTreeSet<_>>()
    {
        let url = format!(
            "{}/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=m",
            program.base
        );
        let history: Value = client.get(url).send().unwrap().json().unwrap();
        let stored: Vec<i64> = history["metrics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| point["step"].as_i64().unwrap())
            .collect();
        // All that was acknowledged, each once; and at most the one that was under way.
        let promised = acknowledged.iter().filter(|(owner, _)| owner == run);
        let promised = promised.count();
        assert!(
            stored.len() == promised || stored.len() == promised + 1,
            "{} of {promised} steps of {run}",
            stored.len()
        );
        assert!(stored.iter().copied().eq(0..stored.len() as i64), "{run}");
    }
}

#[test]
fn a_port_in_use_is_one_clear_error_that_names_the_holder() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &["--port", "0"]);
    let port = program.base.rsplit(':').next().unwrap();
    let text = complaint(folder.path(), &["--port", port]);
    let expected = format!(
        "error: `127.0.0.1:{port}` is already in use by a tracking server of ours (`idiom {version}`)\n\
         hint: open `http://127.0.0.1:{port}` in a browser, or choose another port with `--port`\n",
        version = env!("CARGO_PKG_VERSION")
    );
    assert_eq!(text, expected);

    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port().to_string();
    assert!(
        complaint(folder.path(), &["--port", &port])
            .contains("is already in use by another program")
    );
}

#[test]
fn an_address_that_others_can_reach_is_refused_without_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let text = complaint(folder.path(), &["--host", "0.0.0.0", "--port", "0"]);
    assert!(
        text.starts_with("error: `0.0.0.0` is reachable from other machines"),
        "{text}"
    );
    assert!(
        text.contains("hint: make one with `idiom-tracking-server account add"),
        "{text}"
    );
}

#[test]
fn sigterm_ends_it_cleanly_with_one_file_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &["--port", "0"]);
    program
        .post("runs/create", &json!({"experiment_id": "0"}))
        .unwrap();
    program.signal("-TERM");
    assert!(program.child.wait().unwrap().success());
    let mut text = String::new();
    program
        .child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(!text.contains("WARN") && !text.contains("ERROR"), "{text}");
    let left: Vec<_> = std::fs::read_dir(folder.path().join("a"))
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(left, ["idiom.db"], "the log was not folded into the file");
}

#[test]
fn a_first_start_takes_a_moment_only() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let _program = Program::start(folder.path(), &["--port", "0"]);
    // The aim is 0.2 s on a quiet machine; a busy one gets ten times as long.
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_server_goes_on_where_the_last_one_stopped() {
    let first = Served::start().await;
    let run = first.run().await;
    let folder = first.stop().await;
    let config = config(folder.path());
    let second = Served::start_in(folder, &config).await;
    assert_eq!(second.read_run(&run).await["info"]["run_id"], json!(run));
}

#[tokio::test]
async fn what_cannot_be_opened_is_named_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    std::fs::write(
        config.db.file().unwrap(),
        "this is no database, and longer than a header would be",
    )
    .unwrap();
    let error = bind(&config).await.err().unwrap();
    assert!(
        matches!(
            error,
            ServerError::Database { .. } | ServerError::Migration { .. }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("idiom.db"), "{error}");

    config.db = folder.path().join("idiom.db/below.db").into();
    let error = bind(&config).await.err().unwrap();
    assert!(matches!(error, ServerError::Folder { .. }), "{error:?}");
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn a_newer_database_is_refused_not_harmed() {
    let served = Served::start().await;
    let folder = served.stop().await;
    let config = config(folder.path());
    {
        use sqlx::Connection;
        let url = format!("sqlite://{}", config.db);
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let future = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)";
        sqlx::query(future).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
    let error = bind(&config).await.err().unwrap();
    assert!(matches!(error, ServerError::Migration { .. }), "{error:?}");
}
