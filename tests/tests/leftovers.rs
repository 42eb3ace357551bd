//! What a run could not send before its process ended, `idiom serve` takes up by itself.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use idiom_tests::project::{Project, binary};
use idiom_tracking::{ClientConfig, Run, RunSpec, RunStatus};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Lines};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

/// `idiom serve` on a port of its own; it ends with the value.
struct Serving {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    uri: String,
}

impl Serving {
    fn start(project: &Project) -> Self {
        let mut command = Command::new(binary("idiom"));
        command.arg("--home").arg(project.path(""));
        command
            .args(["serve", "--port", "0"])
            .env_remove("MLFLOW_TRACKING_URI");
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut serving = Self {
            child,
            lines,
            uri: String::new(),
        };
        let line = serving.line_with("http://");
        let at = line.find("http://").unwrap();
        serving.uri = line[at..].split_whitespace().next().unwrap().to_owned();
        serving
    }

    /// The next line it says that holds a text.
    fn line_with(&mut self, text: &str) -> String {
        let lines = self.lines.by_ref().map_while(Result::ok);
        lines.into_iter().find(|line| line.contains(text)).unwrap()
    }

    fn post(&self, route: &str, body: &Value) -> Value {
        let address = format!("{}/api/2.0/mlflow/{route}", self.uri);
        let client = reqwest::blocking::Client::builder()
            .no_proxy()
            .build()
            .unwrap();
        client
            .post(address)
            .json(body)
            .send()
            .unwrap()
            .json()
            .unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A server that has ended already needs no ending.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run that ended while nobody listened: port 9 is discard.
fn log_offline(project: &Project, name: &str, status: RunStatus) {
    let spec = RunSpec {
        experiment: "leftovers".into(),
        run_name: name.into(),
        ..RunSpec::default()
    };
    let spool = project.path("data/runs").join(name).join("spool");
    std::fs::create_dir_all(&spool).unwrap();
    let run = Run::start(&spool, ClientConfig::new("http://127.0.0.1:9"), &spec).unwrap();
    (0..50).for_each(|step| run.log_metric("loss", 1.0 / f64::from(step + 1), i64::from(step)));
    let ledger = run.finish(status, Duration::ZERO);
    assert_eq!((ledger.delivered, ledger.dropped), (0, 0));
}

#[test]
fn serve_takes_up_what_runs_have_left() {
    let project = Project::new();
    log_offline(&project, "a", RunStatus::Finished);
    log_offline(&project, "b", RunStatus::Failed);
    let mut server = Serving::start(&project);
    assert!(server.line_with("took up a").contains("0 pending"));
    server.line_with("took up b");
    let experiment = server.post(
        "experiments/search",
        &json!({"max_results": 10, "filter": "name = 'leftovers'"}),
    );
    let id = experiment["experiments"][0]["experiment_id"].clone();
    let runs = server.post(
        "runs/search",
        &json!({"experiment_ids": [id], "order_by": ["attributes.run_name"]}),
    );
    let said = |index: usize| {
        let run = &runs["runs"][index];
        (
            run["info"]["run_name"].clone(),
            run["info"]["status"].clone(),
            run["data"]["metrics"][0]["step"].clone(),
        )
    };
    assert_eq!(said(0), (json!("a"), json!("FINISHED"), json!(49)));
    assert_eq!(said(1), (json!("b"), json!("FAILED"), json!(49)));
    log_offline(&project, "c", RunStatus::Finished);
    server.line_with("took up c");
}

/// Each finds no server and would start one; all but one lose the port to another.
#[test]
fn programs_started_at_once_share_one_server() {
    let project = Project::new();
    let names = ["a", "b", "c", "d"];
    for name in names {
        log_offline(&project, name, RunStatus::Finished);
    }
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    let started = names.map(|name| {
        let mut command = Command::new(binary("idiom"));
        command.arg("--home").arg(project.path(""));
        command.args(["sync", name]);
        command.env_remove("MLFLOW_TRACKING_URI");
        command.env("IDIOM_PORT", port.to_string());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    });
    for child in started {
        let output = child.wait_with_output().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{said}");
        let server = format!("tracking server http://127.0.0.1:{port}, ");
        assert!(
            said.contains(&server) && said.contains("0 pending"),
            "{said}"
        );
    }
    let server = Serving::start(&project);
    let search = json!({"max_results": 10, "filter": "name = 'leftovers'"});
    let experiment = server.post("experiments/search", &search);
    let id = &experiment["experiments"][0]["experiment_id"];
    let search = json!({"experiment_ids": [id], "order_by": ["attributes.run_name"]});
    let found = server.post("runs/search", &search);
    let last_steps: Vec<&Value> = found["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["data"]["metrics"][0]["step"])
        .collect();
    assert_eq!(last_steps, [49, 49, 49, 49]);
}

/// A spool of many points that no server has.
fn log_much(project: &Project, name: &str, points: u64) {
    let spec = RunSpec {
        experiment: "leftovers".into(),
        run_name: name.into(),
        ..RunSpec::default()
    };
    let spool = project.path("data/runs").join(name).join("spool");
    std::fs::create_dir_all(&spool).unwrap();
    let run = Run::start(&spool, ClientConfig::new("http://127.0.0.1:9"), &spec).unwrap();
    for step in 0..points {
        // On a crowded machine the spool's writer may fall behind; nothing is to be dropped here.
        while run.spooled() + 8000 < step {
            std::thread::yield_now();
        }
        run.log_metric("loss", step as f64, step as i64);
    }
    assert_eq!(run.finish(RunStatus::Finished, Duration::ZERO).dropped, 0);
}

fn sync_at(project: &Project, name: &str, port: u16) -> Child {
    let mut command = Command::new(binary("idiom"));
    command.arg("--home").arg(project.path(""));
    command.args(["sync", name]);
    command.env_remove("MLFLOW_TRACKING_URI");
    command.env("IDIOM_PORT", port.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn is_delivered(child: Child) {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(
        output.status.success() && said.contains("0 pending"),
        "{said}"
    );
}

/// Names and ids of the runs that a server has; none while it does not answer.
fn runs_at(uri: &str) -> Vec<(String, String)> {
    let client = reqwest::blocking::Client::builder().no_proxy().build();
    let ask = |route: &str, body: Value| {
        let address = format!("{uri}/api/2.0/mlflow/{route}");
        let answer = client.as_ref().ok()?.post(address).json(&body).send();
        answer.ok()?.json::<Value>().ok()
    };
    let named = json!({"max_results": 10, "filter": "name = 'leftovers'"});
    let found = ask("experiments/search", named).and_then(|found| {
        let id = found["experiments"][0]["experiment_id"]
            .as_str()?
            .to_owned();
        ask("runs/search", json!({"experiment_ids": [id]}))
    });
    let runs = found.and_then(|found| found["runs"].as_array().cloned());
    let field = |run: &Value, name: &str| run["info"][name].as_str().unwrap().to_owned();
    let pair = |run: &Value| (field(run, "run_name"), field(run, "run_id"));
    runs.iter().flatten().map(pair).collect()
}

/// The process that has the server is killed outright in the middle of its own work; one of the others serves on.
#[test]
fn a_host_killed_outright_is_succeeded_and_no_run_loses_a_point() {
    let project = Project::new();
    // The host has so much to send that it is still at it when the others have begun.
    let points = [("host", 300_000), ("a", 40_000), ("b", 40_000)];
    for (name, count) in points {
        log_much(&project, name, count);
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let uri = format!("http://127.0.0.1:{port}");
    let mut host = sync_at(&project, "host", port);
    while runs_at(&uri).is_empty() {
        assert!(host.try_wait().unwrap().is_none(), "it ended too soon");
    }
    let others = ["a", "b"].map(|name| sync_at(&project, name, port));
    while runs_at(&uri).len() < 3 {
        assert!(host.try_wait().unwrap().is_none(), "it ended too soon");
    }
    host.kill().unwrap();
    host.wait().unwrap();
    others.into_iter().for_each(is_delivered);
    is_delivered(sync_at(&project, "host", port));
    let server = Serving::start(&project);
    let runs = runs_at(&server.uri);
    assert_eq!(runs.len(), 3, "{runs:?}");
    for (name, count) in points {
        let (_, id) = runs.iter().find(|(known, _)| known == name).unwrap();
        let address = format!("{}/api/idiom/metrics?run_ids={id}&keys=loss", server.uri);
        let client = reqwest::blocking::Client::builder().no_proxy().build();
        let answer = client.unwrap().get(address).send().unwrap();
        let curves: Value = answer.json().unwrap();
        assert_eq!(curves["curves"][0]["n_points"], json!(count), "{name}");
    }
}

#[test]
fn the_verbs_work_on_the_database_that_the_environment_names() {
    let project = Project::new();
    let complaint = |database: &str| {
        let mut command = Command::new(binary("idiom"));
        command.arg("--home").arg(project.path(""));
        let output = command.arg("check").env("IDIOM_DB", database).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let none = complaint("elsewhere.db");
    assert!(
        none.contains("`elsewhere.db`: there is no such database"),
        "{none}"
    );
    let away = complaint("postgresql://ada:secret@127.0.0.1:1/lab");
    assert!(away.contains("ada@127.0.0.1:1/lab"), "{away}");
    assert!(!away.contains("secret"), "{away}");
    let wrong = complaint("mysql://lab/idiom");
    assert!(wrong.contains("IDIOM_DB: `mysql://`"), "{wrong}");
}

#[test]
fn a_run_that_another_server_has_the_beginning_of_is_left_alone() {
    let project = Project::new();
    log_offline(&project, "elsewhere", RunStatus::Finished);
    let spool = project.path("data/runs/elsewhere/spool");
    let log = std::fs::read_to_string(spool.join("log")).unwrap();
    let header: Value =
        serde_json::from_str(log.lines().next().unwrap().split_once(' ').unwrap().1).unwrap();
    let uid = find(&header, "uid").unwrap();
    let first = log.find('\n').unwrap() + 1;
    let cursor = json!({"uid": uid, "run_id": "0123456789abcdef0123456789abcdef", "offset": first, "delivered": 0, "dead": 0});
    std::fs::write(spool.join("cursor.json"), cursor.to_string()).unwrap();
    let mut server = Serving::start(&project);
    assert!(
        server
            .line_with("elsewhere")
            .contains("another server has its beginning")
    );
    let found = server.post(
        "experiments/search",
        &json!({"max_results": 10, "filter": "name = 'leftovers'"}),
    );
    let experiments = found["experiments"].as_array().map_or(0, Vec::len);
    assert_eq!(experiments, 0, "{found}");
}

/// The text of the first field of this name, however deep it stands.
fn find(value: &Value, name: &str) -> Option<String> {
    let fields = value.as_object()?;
    let here = fields.get(name).and_then(Value::as_str).map(str::to_owned);
    here.or_else(|| fields.values().find_map(|inner| find(inner, name)))
}
