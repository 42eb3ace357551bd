//! Work on a database from the command line: taking deleted things away, copying, checking, taking over MLflow's stores.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use idiom_tracking_server::{ServerConfig, Upkeep, UpkeepError};
use serde_json::{Value, json};

use crate::served::{Served, config, pairs};

/// Does it and gives the lines it told.
async fn done(work: Upkeep, config: &ServerConfig) -> Result<Vec<String>, UpkeepError> {
    let lines = Mutex::new(Vec::new());
    let say = |line: &str| lines.lock().unwrap().push(line.to_owned());
    work.carry_out(&config.db, &config.artifacts, say).await?;
    Ok(lines.into_inner().unwrap())
}

fn gc(older_than_days: u32, delete: bool) -> Upkeep {
    Upkeep::Gc {
        older_than_days,
        delete,
    }
}

async fn put(served: &Served, place: &str, text: &'static str) {
    let url = served.url(&format!("/api/2.0/mlflow-artifacts/artifacts/{place}"));
    let put = served.client.put(url).body(text).send().await.unwrap();
    assert!(put.status().is_success());
}

async fn log(served: &Served, run: &str, steps: std::ops::Range<i64>) {
    let point = |step| json!({"key": "m", "value": step, "timestamp": 1, "step": step});
    let metrics: Vec<Value> = steps.map(point).collect();
    let batch = json!({"run_id": run, "metrics": metrics});
    served.post("runs/log-batch", batch).await.ok();
}

#[tokio::test]
async fn what_was_deleted_goes_for_good_with_its_files_and_nothing_else_does() {
    let served = Served::start().await;
    let create = json!({"name": "old"});
    let created = served.post("experiments/create", create).await.ok();
    let id = created["experiment_id"].as_str().unwrap().to_owned();
    let create = json!({"experiment_id": id, "run_name": "gone"});
    let created = served.post("runs/create", create).await.ok();
    let gone = created["run"]["info"]["run_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let kept = served.run().await;
    for (experiment, run) in [(id.as_str(), &gone), ("0", &kept)] {
        log(&served, run, 0..300).await;
        put(&served, &format!("{experiment}/{run}/artifacts/a.txt"), "x").await;
    }
    served
        .post("experiments/delete", json!({"experiment_id": id}))
        .await
        .ok();
    // The server goes on running all the while.
    let config = config(served.folder.path());
    let files = served.folder.path().join("artifacts");
    assert_eq!(
        done(gc(1, true), &config).await.unwrap(),
        ["nothing was deleted that long ago"],
        "it was deleted just now"
    );
    let listed = done(gc(0, false), &config).await.unwrap();
    let expected = [
        format!("would go\trun\t{gone}\tgone"),
        format!("would go\texperiment\t{id}\told"),
    ];
    assert_eq!(listed[..2], expected);
    assert_eq!(
        done(gc(0, false), &config).await.unwrap(),
        listed,
        "looking takes nothing away"
    );
    let went = done(gc(0, true), &config).await.unwrap();
    assert_eq!(went, expected.map(|line| line.replace("would go", "gone")));
    assert_eq!(
        done(gc(0, true), &config).await.unwrap(),
        ["nothing was deleted that long ago"]
    );
    assert!(!files.join(format!("{id}/{gone}/artifacts/a.txt")).exists());
    assert!(files.join(format!("0/{kept}/artifacts/a.txt")).exists());
    assert_eq!(
        pairs(&served.read_run(&kept).await["data"]["metrics"]),
        [("m".to_owned(), json!(299.0))]
    );
    served
        .get("runs/get", &[("run_id", &gone)])
        .await
        .refused(404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(done(Upkeep::Check, &config).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_backup_of_a_running_server_opens_and_the_next_copies_only_what_is_new() {
    let served = Served::start().await;
    let run = served.run().await;
    log(&served, &run, 0..1000).await;
    put(&served, &format!("0/{run}/artifacts/字/a.txt"), "first").await;
    let config = config(served.folder.path());
    let copy = tempfile::tempdir().unwrap();
    let backup = || Upkeep::Backup {
        folder: copy.path().join("kept"),
    };
    // Points arrive while it is copied; the copy holds whole batches.
    let writing = async {
        for batch in 1..6 {
            log(&served, &run, batch * 1000..(batch + 1) * 1000).await;
        }
    };
    let (told, ()) = tokio::join!(done(backup(), &config), writing);
    assert!(
        told.unwrap()[0].ends_with("the database and 1 artifacts copied, 0 were there already")
    );
    put(&served, &format!("0/{run}/artifacts/b.txt"), "second").await;
    let again = done(backup(), &config).await.unwrap();
    assert!(
        again[0].ends_with("the database and 1 artifacts copied, 1 were there already"),
        "{again:?}"
    );
    drop(served);
    let copied = ServerConfig {
        port: 0,
        ..ServerConfig::new(
            copy.path().join("kept/idiom.db"),
            copy.path().join("kept/artifacts"),
        )
    };
    assert!(
        done(Upkeep::Check, &copied).await.unwrap()[0]
            .contains("in order, 1 curves with 6000 points")
    );
    let served = Served::start_in(copy, &copied).await;
    let history = served
        .get(
            "metrics/get-history",
            &[("run_id", &run), ("metric_key", "m")],
        )
        .await
        .ok();
    assert_eq!(history["metrics"].as_array().unwrap().len(), 6000);
    let text = served
        .client
        .get(served.url("/get-artifact"))
        .query(&[("run_id", run.as_str()), ("path", "字/a.txt")]);
    assert_eq!(text.send().await.unwrap().text().await.unwrap(), "first");
}

#[tokio::test]
async fn a_database_that_is_not_there_or_not_in_order_is_said_to_be_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let error = done(Upkeep::Check, &config).await.unwrap_err();
    assert!(matches!(error, UpkeepError::NoDatabase { .. }), "{error}");
    let served = Served::start_in(folder, &config).await;
    let run = served.run().await;
    log(&served, &run, 0..10).await;
    let folder = served.stop().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(config.db.file().unwrap());
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let cut =
        sqlx::query("UPDATE metric_blocks SET points = substr(points, 1, length(points) - 3)");
    cut.execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let error = done(Upkeep::Check, &config).await.unwrap_err();
    assert!(
        matches!(error, UpkeepError::Damaged { count: 1, .. }),
        "{error}"
    );
    drop(folder);
}

fn oracle() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle")
}

/// What MLflow itself reads from its two stores; see `oracle/mlflow_stores.py`.
fn expected() -> Value {
    let text = std::fs::read_to_string(oracle().join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The same as the script tells it, from our server.
async fn described(served: &Served) -> Value {
    let search = json!({"view_type": "ALL", "max_results": 100, "order_by": ["name"]});
    let experiments = served.post("experiments/search", search).await.ok()["experiments"].clone();
    let mut all = Vec::new();
    for experiment in experiments
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["name"] != "Default")
    {
        let search = json!({"experiment_ids": [experiment["experiment_id"]], "run_view_type": "ALL", "order_by": ["run_name"]});
        let runs = served.post("runs/search", search).await.ok()["runs"].clone();
        let mut listed = Vec::new();
        for run in runs.as_array().cloned().unwrap_or_default() {
            listed.push(described_run(served, &run).await);
        }
        let tags: serde_json::Map<String, Value> = pairs(&experiment["tags"]).into_iter().collect();
        all.push(json!({"name": experiment["name"], "stage": experiment["lifecycle_stage"], "tags": tags, "runs": listed}));
    }
    Value::Array(all)
}

async fn described_run(served: &Served, run: &Value) -> Value {
    let (info, data) = (&run["info"], &run["data"]);
    let mut history = serde_json::Map::new();
    for (key, _) in pairs(&data["metrics"]) {
        let query = [
            ("run_id", info["run_id"].as_str().unwrap()),
            ("metric_key", key.as_str()),
        ];
        let points = served.get("metrics/get-history", &query).await.ok()["metrics"].clone();
        let point = |point: &Value| json!([point["step"], point["timestamp"], point["value"]]);
        history.insert(key, points.as_array().unwrap().iter().map(point).collect());
    }
    let mut tags: serde_json::Map<String, Value> = pairs(&data["tags"]).into_iter().collect();
    let has_parent = tags.remove("mlflow.parentRunId").is_some();
    let params: serde_json::Map<String, Value> = pairs(&data["params"]).into_iter().collect();
    let input = |input: &Value| {
        let tags: serde_json::Map<String, Value> = pairs(&input["tags"]).into_iter().collect();
        json!({"name": input["dataset"]["name"], "digest": input["dataset"]["digest"], "tags": tags})
    };
    let inputs = run["inputs"]["dataset_inputs"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    json!({
        "name": info["run_name"], "status": info["status"], "stage": info["lifecycle_stage"],
        "start": info["start_time"], "end": info["end_time"], "params": params, "tags": tags,
        "has_parent": has_parent, "history": history, "inputs": inputs.iter().map(input).collect::<Vec<_>>(),
    })
}

/// MLflow's SQLite file, made of the text that is kept.
async fn mlflow_database(folder: &Path) -> PathBuf {
    let path = folder.join("mlflow.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .foreign_keys(false);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let text = std::fs::read_to_string(oracle().join("mlflow.sql")).unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("BEGIN; {text} COMMIT;")))
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    path
}

#[tokio::test]
async fn both_of_mlflows_stores_are_taken_over_as_mlflow_reads_them() {
    let foreign = tempfile::tempdir().unwrap();
    let from_database = (
        mlflow_database(foreign.path()).await,
        Some(oracle().join("mlartifacts")),
    );
    for (from, artifacts_from) in [(oracle().join("mlruns"), None), from_database] {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let import = || Upkeep::Import {
            from: from.clone(),
            artifacts_from: artifacts_from.clone(),
        };
        let told = done(import(), &config).await.unwrap();
        assert!(
            told.contains(&"drawing: 3 runs taken over, 0 were there already".to_owned()),
            "{told:?}"
        );
        let again = done(import(), &config).await.unwrap();
        assert!(
            again.contains(&"drawing: 0 runs taken over, 3 were there already".to_owned()),
            "{again:?}"
        );
        assert_eq!(done(Upkeep::Check, &config).await.unwrap().len(), 1);
        let served = Served::start_in(folder, &config).await;
        assert_eq!(described(&served).await, expected(), "{}", from.display());
        let search = json!({"experiment_ids": ["1"], "filter": "run_name = 'first'"});
        let found = served.post("runs/search", search).await.ok();
        let run = found["runs"][0]["info"]["run_id"].as_str().unwrap();
        let query = [("run_id", run), ("path", "samples/sheet 畫.txt")];
        let file = served.client.get(served.url("/get-artifact")).query(&query);
        assert_eq!(
            file.send().await.unwrap().text().await.unwrap(),
            "a picture\n"
        );
    }
}

#[tokio::test]
async fn what_is_no_store_of_mlflows_is_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let place = folder.path().join("mlruns");
    let run = place.join("1/abc");
    std::fs::create_dir_all(run.join("metrics")).unwrap();
    std::fs::write(folder.path().join("text.db"), "no database").unwrap();
    let message = async |from: PathBuf| {
        let import = Upkeep::Import {
            from,
            artifacts_from: None,
        };
        done(import, &config).await.unwrap_err().to_string()
    };
    assert!(
        message(place.clone())
            .await
            .contains("no experiment of MLflow's")
    );
    assert!(
        message(folder.path().join("text.db"))
            .await
            .contains("no folder and no SQLite file")
    );
    assert!(
        message(config.db.file().unwrap().to_owned())
            .await
            .contains("not one of MLflow's")
    );
    std::fs::write(place.join("1/meta.yaml"), "name: one\n").unwrap();
    std::fs::write(
        run.join("meta.yaml"),
        "status: 3\nstart_time: 1\nend_time: 2\n",
    )
    .unwrap();
    std::fs::write(run.join("metrics/loss"), "1 0.5 0\n2 half 1\n").unwrap();
    let wrong = message(place.clone()).await;
    assert!(
        wrong.contains("metrics/loss:2") && wrong.contains("`2 half 1`"),
        "{wrong}"
    );
    std::fs::write(run.join("meta.yaml"), "status: [\n").unwrap();
    assert!(message(place).await.contains("abc/meta.yaml"));
}

#[tokio::test]
async fn a_foreign_database_cannot_name_folders_that_are_none_of_its() {
    let foreign = tempfile::tempdir().unwrap();
    let secret = tempfile::tempdir().unwrap();
    std::fs::write(secret.path().join("key.txt"), "secret").unwrap();
    let database = mlflow_database(foreign.path()).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let place = format!("file://{}", secret.path().display());
    let point = sqlx::query(
        "UPDATE runs SET artifact_uri = CASE name WHEN 'first' THEN $1 ELSE 'mlflow-artifacts:/../..' END",
    );
    point.bind(place).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let import = Upkeep::Import {
        from: database,
        artifacts_from: None,
    };
    let told = done(import, &config).await.unwrap();
    assert!(
        told.iter().any(|line| line.contains("stayed there")),
        "{told:?}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path().join("artifacts"))
            .unwrap()
            .count(),
        0
    );
}
