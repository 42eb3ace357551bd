//! The whole path over the binary, on the real sample pictures: ingest, embed, train, resume, server, browser.
//!
//! One test, since each part stands on the one before it; the parts are functions named as claims.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use idiom_tests::browser::Browser;
use idiom_tests::owned::Owned;
use idiom_tests::project::{Project, Server, cache, has};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[test]
fn from_pictures_and_words_to_compared_runs() {
    let encoder = cache().join("encoders/use-multilingual");
    if !has(
        &encoder,
        "from_pictures_and_words_to_compared_runs",
        "the text encoder (just encoders)",
    ) {
        return;
    }
    let project = Project::new();
    let server = Server::start(&project.path("data"));
    let first = a_run_needs_one_command(&project, &server);
    a_second_run_skips_what_is_current_and_equals_the_first(&project, &server, &first);
    an_interrupted_run_goes_on_to_the_same_bytes(&project, &server, &first);
    the_server_knows_every_run(&server);
    the_mlflow_client_reads_them(&server);
    the_pages_show_them(&server);
    a_server_that_is_away_loses_nothing(&project, &server);
    a_dry_run_tells_what_it_would_cost(&project, &server);
    a_run_is_reproduced_to_the_byte(&project, &server, &first);
    idiom_tests::artist::restyles_pictures(&project, &server);
    a_sweep_is_run_once_and_summed_up(&project, &server);
    stages_build_on_one_another(&project, &server);
    runs_are_judged(&project, &server, &first);
}

fn smoke(project: &Project, uri: &str, overrides: &[&str]) -> String {
    let output = project
        .idiom(uri)
        .args(["experiment", "smoke.yaml", "train.device=cpu"])
        .args(overrides)
        .output()
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{text}");
    text
}

fn a_run_needs_one_command(project: &Project, server: &Server) -> PathBuf {
    let text = smoke(project, &server.uri, &[]);
    assert!(
        text.contains("just ui"),
        "it does not say where to look:\n{text}"
    );
    let run = project.newest_run("smoke");
    for file in ["experiment.yaml", "run.json", "model/config.json"] {
        assert!(run.join(file).is_file(), "{file} is missing");
    }
    assert!(
        files(&run.join("samples"))
            .keys()
            .any(|f| f.ends_with(".png")),
        "no sheet was drawn"
    );
    run
}

fn a_second_run_skips_what_is_current_and_equals_the_first(
    project: &Project,
    server: &Server,
    first: &Path,
) {
    let before = kept(&project.path("data/datasets"));
    smoke(project, &server.uri, &[]);
    assert!(
        before == kept(&project.path("data/datasets")),
        "the data set was made again"
    );
    let second = project.newest_run("smoke");
    assert_ne!(first, second);
    assert_same_weights(first, &second);
}

/// The files that a reader sees: not the locks, which name the last process that held them.
fn kept(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(folder);
    files.retain(|name, _| !name.split('/').any(|part| part.starts_with('.')));
    files
}

fn an_interrupted_run_goes_on_to_the_same_bytes(project: &Project, server: &Server, first: &Path) {
    let mut command = std::process::Command::new(idiom_tests::project::binary("idiom"));
    command
        .arg("--home")
        .arg(project.path(""))
        .args([
            "experiment",
            "smoke.yaml",
            "train.device=cpu",
            "name=broken",
        ])
        .env("MLFLOW_TRACKING_URI", &server.uri)
        .stderr(std::process::Stdio::null());
    let mut child = Owned::spawn(&mut command);
    let pid = rustix::process::Pid::from_child(&child);
    wait_until(|| has_checkpoint(project));
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(
        child.wait().unwrap().code(),
        Some(130),
        "Ctrl-C saves and says so"
    );
    let run = project.newest_run("broken");
    assert!(
        !run.join("model/config.json").exists(),
        "it had ended before it was interrupted"
    );
    let name = run.file_name().unwrap().to_str().unwrap();
    project
        .idiom(&server.uri)
        .args(["resume", name])
        .assert()
        .success();
    assert_same_weights(first, &run);
}

fn has_checkpoint(project: &Project) -> bool {
    let runs = std::fs::read_dir(project.path("data/runs"))
        .into_iter()
        .flatten()
        .flatten();
    runs.filter(|r| r.file_name().to_string_lossy().starts_with("broken"))
        .any(|r| {
            files(&r.path().join("checkpoints"))
                .keys()
                .any(|f| f.ends_with("checkpoint.json"))
        })
}

fn wait_until(ready: impl Fn() -> bool) {
    let until = std::time::Instant::now() + Duration::from_secs(300);
    while !ready() {
        assert!(std::time::Instant::now() < until, "it did not come to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn the_server_knows_every_run(server: &Server) {
    let runs = server.post(
        "/api/2.0/mlflow/runs/search",
        &json!({"experiment_ids": experiments(server)}),
    );
    let runs = runs["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    for run in runs {
        assert_eq!(run["info"]["status"], "FINISHED");
        let id = run["info"]["run_id"].as_str().unwrap();
        let history = server.get(&format!(
            "/api/2.0/mlflow/metrics/get-history?run_id={id}&metric_key=loss/generator"
        ));
        assert!(
            !history["metrics"].as_array().unwrap().is_empty(),
            "no losses of {id}"
        );
        let params = run["data"]["params"].as_array().unwrap();
        assert!(
            params.iter().any(|p| p["key"] == "train.seed"),
            "no parameters of {id}"
        );
    }
}

fn experiments(server: &Server) -> Vec<String> {
    let found = server.post(
        "/api/2.0/mlflow/experiments/search",
        &json!({"max_results": 100}),
    );
    let found = found["experiments"].as_array().unwrap();
    found
        .iter()
        .map(|e| e["experiment_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Lists, searches and downloads with MLflow's own client.
const CLIENT: &str = r#"
import sys, mlflow
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
ids = [e.experiment_id for e in client.search_experiments()]
runs = client.search_runs(ids, "attributes.status = 'FINISHED' and params.`train.seed` = '1'")
assert len(runs) == 3, len(runs)
paths = [f.path for f in client.list_artifacts(runs[0].info.run_id, "images")]
assert any(p.endswith(".png") for p in paths), paths
local = client.download_artifacts(runs[0].info.run_id, next(p for p in paths if p.endswith(".png")))
assert open(local, "rb").read(8) == b"\x89PNG\r\n\x1a\n"
assert client.get_metric_history(runs[0].info.run_id, "loss/generator")
print("read", len(runs))
"#;

fn the_mlflow_client_reads_them(server: &Server) {
    let library = cache().join("python/mlflow-client-3.17.2-2");
    if !has(
        &library,
        "the_mlflow_client_reads_them",
        "MLflow's client (just mlflow-client)",
    ) {
        return;
    }
    let output = std::process::Command::new("python3")
        .args(["-c", CLIENT, &server.uri])
        .env("PYTHONPATH", &library)
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What trained runs leave is what the pages draw: curves and pictures side by side, and a run's own page.
fn the_pages_show_them(server: &Server) {
    let Some(browser) = Browser::start("the_pages_show_them") else {
        return;
    };
    let runs = server.post(
        "/api/2.0/mlflow/runs/search",
        &json!({"experiment_ids": experiments(server), "max_results": 2}),
    );
    let id = |index: usize| {
        runs["runs"][index]["info"]["run_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    browser.open(&format!("{}/compare?runs={},{}", server.uri, id(0), id(1)));
    browser.until("document.querySelectorAll('#runs .chip').length === 2");
    let chart = "document.querySelectorAll('[data-key=\"loss/generator\"] .scatterlayer .trace path.js-line')";
    browser.until(&format!("{chart}.length === 2"));
    let drawn = "[...document.querySelectorAll('.stage img')].filter((picture) => picture.naturalWidth >= 64)";
    browser.until(&format!("{drawn}.length === 2"));
    browser.open(&format!("{}/runs/{}?tab=config", server.uri, id(0)));
    browser.until("document.querySelector('#panel').textContent.includes('train.seed')");
    browser.open(&format!("{}/runs/{}?tab=artifacts", server.uri, id(0)));
    browser.until("document.querySelector('#panel').textContent.includes('images')");
}

fn a_server_that_is_away_loses_nothing(project: &Project, server: &Server) {
    // Port 9 is discard: nobody listens there.
    let text = smoke(project, "http://127.0.0.1:9", &["name=offline"]);
    assert!(
        text.contains("idiom sync"),
        "it does not say how to send the rest:\n{text}"
    );
    let run = project.newest_run("offline");
    let name = run.file_name().unwrap().to_str().unwrap();
    project
        .idiom(&server.uri)
        .args(["sync", name])
        .assert()
        .success();
    let filter = format!("tags.`mlflow.runName` = '{name}'");
    let found = server.post(
        "/api/2.0/mlflow/runs/search",
        &json!({"experiment_ids": experiments(server), "filter": filter}),
    );
    assert_eq!(found["runs"][0]["info"]["status"], "FINISHED");
}

/// What a command prints.
fn said(project: &Project, server: &Server, arguments: &[&str]) -> String {
    let output = project.idiom(&server.uri).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}{errors}");
    text
}

fn a_dry_run_tells_what_it_would_cost(project: &Project, server: &Server) {
    let before = files(&project.path("data/runs")).len();
    let text = said(project, server, &["experiment", "smoke.yaml", "--dry-run"]);
    for word in [
        "name: smoke",
        "# weights: contrastive",
        "discriminator",
        "# time:    about",
        "# memory: ",
    ] {
        assert!(text.contains(word), "no {word:?} in\n{text}");
    }
    assert_eq!(
        before,
        files(&project.path("data/runs")).len(),
        "it wrote something"
    );
}

fn a_run_is_reproduced_to_the_byte(project: &Project, server: &Server, first: &Path) {
    let name = first.file_name().unwrap().to_str().unwrap();
    let text = said(project, server, &["reproduce", name]);
    assert!(text.starts_with(&format!("reproduced: {name}")), "{text}");
}

const SWEEP: [&str; 6] = [
    "experiment",
    "smoke.yaml",
    "name=swept",
    "train.device=cpu",
    "train.images=64",
    "sweep={seeds: [1, 2], grid: {objective.mismatch: [0]}}",
];

fn a_sweep_is_run_once_and_summed_up(project: &Project, server: &Server) {
    said(project, server, &SWEEP);
    let runs = || {
        let entries = std::fs::read_dir(project.path("data/runs"))
            .unwrap()
            .flatten();
        let names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("swept")).count()
    };
    assert_eq!(runs(), 2);
    said(project, server, &SWEEP);
    assert_eq!(runs(), 2, "a finished member was run again");
    let csv = said(project, server, &["runs", "--over-seeds", "--csv"]);
    let lines: Vec<&str> = csv
        .lines()
        .filter(|line| line.starts_with("swept"))
        .collect();
    assert_eq!(lines.len(), 1, "{csv}");
    // Nothing differs from the file: an empty text, quoted or not, as polars likes.
    let line = lines[0].replace('"', "");
    assert!(line.starts_with("swept,,2,"), "{csv}");
    assert!(csv.contains("loss/generator +-"), "{csv}");
    let table = said(
        project,
        server,
        &["runs", "swept", "--over-seeds", "--by", "loss/generator"],
    );
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.contains("swept"))
        .collect();
    assert!(
        rows.len() == 1 && rows[0].contains('±') && !table.contains("staged"),
        "{table}"
    );
}

fn stages_build_on_one_another(project: &Project, server: &Server) {
    let stages =
        "stages=[{name: one}, {name: two, set: {init_from: $one, freeze: [generator.text_head]}}]";
    let overrides = ["name=staged", "train.device=cpu", "train.images=32", stages];
    said(
        project,
        server,
        &[&["experiment", "smoke.yaml"], &overrides[..]].concat(),
    );
    let one = project.newest_run("staged-one");
    let two = std::fs::read_to_string(project.newest_run("staged-two").join("experiment.yaml"));
    let name = one.file_name().unwrap().to_str().unwrap();
    assert!(two.unwrap().contains(&format!("init_from: {name}")));
}

/// By a judge that has learnt next to nothing: what is measured, and what is said beside it.
fn runs_are_judged(project: &Project, server: &Server, first: &Path) {
    if !has(
        &cache().join("encoders/mobilenet-v2"),
        "runs_are_judged",
        "MobileNetV2 (just encoders)",
    ) {
        return;
    }
    let judge = [
        "experiment",
        "judge.yaml",
        "train.device=cpu",
        "train.images=256",
        "contrastive.channels=[8,8,8,8]",
    ];
    said(project, server, &judge);
    let judge = project.newest_run("judge");
    smoke(
        project,
        &server.uri,
        &[
            "name=alike",
            "train.images=32",
            "objective.perceptual_weight=1",
        ],
    );
    let evaluated = |run: &Path| {
        let name = |run: &Path| run.file_name().unwrap().to_str().unwrap().to_owned();
        let few = ["--sentences", "40", "--training", "200"];
        let command = ["evaluate", &name(run), "--judge", &name(&judge)];
        said(project, server, &[&command[..], &few].concat());
        let results = std::fs::read_to_string(run.join("results/results.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&results).unwrap()
    };
    let results = evaluated(first);
    let figure = |key: &str| {
        let figures = results["figures"].as_array().unwrap().iter();
        let mut found = figures.filter(|figure| figure["key"] == format!("evaluate/{key}"));
        found.next().unwrap()["value"].as_f64().unwrap()
    };
    for split in ["train", "test"] {
        for share in ["look_accuracy", "r_precision"] {
            let value = figure(&format!("{split}/{share}"));
            assert!((0.0..=1.0).contains(&value), "{split}/{share}: {value}");
        }
        // What 512 pictures taught is far from anything real, in either network.
        for distance in ["kid", "kid_by_judge"] {
            let value = figure(&format!("{split}/{distance}"));
            assert!(value > 0.05, "{split}/{distance}: {value}");
        }
    }
    let flatters = |results: &serde_json::Value| results["remarks"].to_string().contains("flatter");
    assert!(!flatters(&results), "{}", results["remarks"]);
    let alike = evaluated(&project.newest_run("alike"));
    assert!(flatters(&alike), "{}", alike["remarks"]);
}

/// The last checkpoints of two runs hold the same bytes.
fn assert_same_weights(one: &Path, other: &Path) {
    let weights = |run: &Path| {
        let mut files = files(&last_checkpoint(run));
        files.retain(|name, _| name.ends_with(".safetensors"));
        files
    };
    let (one, other) = (weights(one), weights(other));
    assert!(!one.is_empty());
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        other.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &one {
        assert!(bytes == &other[name], "{name} differs");
    }
}

fn last_checkpoint(run: &Path) -> PathBuf {
    let entries = std::fs::read_dir(run.join("checkpoints"))
        .unwrap()
        .flatten();
    entries
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .max()
        .unwrap()
}

/// The files below a folder with their bytes, by path below it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}
