//! Against a server that is not ours to tell what to do: a real `mlflow server`, or a real one of ours. By hand, with its
//! address in `IDIOM_TEST_TRACKING_URI`:
//!
//! `IDIOM_TEST_TRACKING_URI=http://127.0.0.1:5000 cargo test -p idiom-tracking --test real_server -- --ignored`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests; run by hand for what they print"
)]

use std::time::{Duration, Instant};

use idiom_tracking::{ClientConfig, Run, RunSpec, RunStatus, sync};
use serde_json::Value;

fn uri() -> String {
    std::env::var("IDIOM_TEST_TRACKING_URI").unwrap()
}

fn get(route: &str, query: &[(&str, &str)]) -> Value {
    let url = format!("{}/api/2.0/mlflow/{route}", uri());
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .build()
        .unwrap();
    let answer = client.get(url).query(query).send().unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().unwrap());
    serde_json::from_str(&answer.text().unwrap()).unwrap()
}

/// All points of a curve, by pages.
fn history(run_id: &str, key: &str) -> Vec<Value> {
    let mut points = Vec::new();
    let mut token = String::new();
    loop {
        let mut query = vec![
            ("run_id", run_id),
            ("metric_key", key),
            ("max_results", "5000"),
        ];
        if !token.is_empty() {
            query.push(("page_token", &token));
        }
        let page = get("metrics/get-history", &query);
        points.extend(page["metrics"].as_array().cloned().unwrap_or_default());
        match page["next_page_token"].as_str() {
            Some(next) if !next.is_empty() => token = next.to_owned(),
            _ => return points,
        }
    }
}

#[test]
#[ignore = "needs a server at IDIOM_TEST_TRACKING_URI"]
fn a_real_server_has_all_that_was_logged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("grid +ü.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    std::fs::write(folder.path().join("big.bin"), vec![7; 5_000_000]).unwrap();
    let spec = RunSpec {
        experiment: "idiom client test".into(),
        run_name: "real".into(),
        tags: vec![("note".into(), "粵語".into())],
        params: (0..250)
            .map(|index| (format!("p/{index}"), "1".into()))
            .collect(),
    };
    let spool = folder.path().join("spool");
    let run = Run::start(&spool, ClientConfig::new(uri()), &spec).unwrap();
    (0..20_000).for_each(|step| run.log_metric("loss/生成", 1.0 / step as f64, step));
    for (step, value) in [
        (-5, f64::NAN),
        (i64::MAX, f64::NEG_INFINITY),
        (7, 0.1 + 0.2),
    ] {
        run.log_metric("odd", value, step);
    }
    (0..5).for_each(|_| run.log_metric("equal", 1.0, 1));
    run.log_param("p/0", "another value");
    run.log_param("long", &"語".repeat(7000));
    run.log_metric("not <a> key", 1.0, 1);
    run.log_image("samples/fixed", 64, &folder.path().join("grid +ü.png"));
    run.log_artifact(&folder.path().join("grid +ü.png"), "odd names");
    run.log_artifact(&folder.path().join("big.bin"), "");
    let begun = Instant::now();
    let waiting = run.ledger();
    let ledger = run.finish(RunStatus::Finished, Duration::from_secs(120));
    println!(
        "at finish: {waiting}\nafter {:?}: {ledger}",
        begun.elapsed()
    );
    println!(
        "dead:\n{}",
        std::fs::read_to_string(spool.join("dead.jsonl")).unwrap()
    );
    assert_eq!((ledger.pending, ledger.dead, ledger.dropped), (0, 2, 0));

    let cursor: Value =
        serde_json::from_slice(&std::fs::read(spool.join("cursor.json")).unwrap()).unwrap();
    let run_id = cursor["run_id"].as_str().unwrap();
    check(run_id);
    // All of it once more: nothing changes.
    std::fs::remove_file(spool.join("cursor.json")).unwrap();
    let again = sync(&spool, ClientConfig::new(uri())).unwrap();
    assert_eq!((again.delivered, again.dead), (ledger.delivered, 2));
    check(run_id);
    println!("run {run_id}");
}

fn check(run_id: &str) {
    let run = &get("runs/get", &[("run_id", run_id)])["run"];
    assert_eq!(run["info"]["status"], "FINISHED");
    assert_eq!(run["info"]["run_name"], "real");
    let params = run["data"]["params"].as_array().unwrap();
    assert_eq!(params.len(), 251);
    let value = |key: &str| {
        params.iter().find(|param| param["key"] == key).unwrap()["value"]
            .as_str()
            .unwrap()
    };
    assert_eq!((value("p/0"), value("long").chars().count()), ("1", 6000));
    let steps: Vec<i64> = history(run_id, "loss/生成")
        .iter()
        .map(|point| point["step"].as_i64().unwrap())
        .collect();
    assert_eq!(steps.len(), 20_000);
    assert_eq!(history(run_id, "equal").len(), 5);
    let odd = history(run_id, "odd");
    assert_eq!(odd.len(), 3);
    for (step, value) in [
        (-5, "\"NaN\""),
        (i64::MAX, "\"-Infinity\""),
        (7, "0.30000000000000004"),
    ] {
        let point = odd.iter().find(|point| point["step"] == step).unwrap();
        println!("odd: step {step} is {}, logged {value}", point["value"]);
    }
    for (folder, files) in [("images", 1..=2), ("odd names", 1..=1)] {
        let listed = get("artifacts/list", &[("run_id", run_id), ("path", folder)]);
        println!("{}", listed["files"]);
        assert!(files.contains(&listed["files"].as_array().unwrap().len()));
    }
}
