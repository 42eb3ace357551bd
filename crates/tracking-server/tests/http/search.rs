//! Searching runs: filters, orderings, pages.

use serde_json::{Value, json};

use crate::served::Served;

/// Four runs: `a` and `b` are whole, `nan` has NaN for its loss, `bare` says nothing.
async fn four_runs() -> Served {
    let served = Served::start().await;
    for (start, name, loss, seed, note) in [
        (1, "a", Some(json!(0.5)), "1", "50% done"),
        (2, "b", Some(json!(0.25)), "2", "50_done"),
        (3, "nan", Some(json!("NaN")), "10", "Nothing"),
        (4, "bare", None, "", ""),
    ] {
        let new =
            json!({"experiment_id": "0", "run_name": name, "start_time": start, "user_id": "me"});
        let run = served.post("runs/create", new).await.ok();
        let id = run["run"]["info"]["run_id"].clone();
        let Some(loss) = loss else { continue };
        let metrics = json!([{"key": "loss/g", "value": loss, "timestamp": 1, "step": 1}]);
        let params = json!([{"key": "seed", "value": seed}]);
        let tags = json!([{"key": "note", "value": note}]);
        let batch = json!({"run_id": id, "metrics": metrics, "params": params, "tags": tags});
        served.post("runs/log-batch", batch).await.ok();
    }
    served
}

async fn search(served: &Served, mut body: Value) -> Value {
    body["experiment_ids"] = json!(["0"]);
    served.post("runs/search", body).await.ok()
}

fn names_of(found: &Value) -> Vec<String> {
    let runs = found["runs"].as_array().cloned().unwrap_or_default();
    runs.iter()
        .map(|run| run["info"]["run_name"].as_str().unwrap().to_owned())
        .collect()
}

async fn names(served: &Served, body: Value) -> Vec<String> {
    names_of(&search(served, body).await)
}

#[tokio::test]
async fn runs_come_newest_first_with_what_they_said() {
    let served = four_runs().await;
    let found = search(&served, json!({})).await;
    assert_eq!(names_of(&found), ["bare", "nan", "b", "a"]);
    assert_eq!(found["runs"][1]["data"]["metrics"][0]["value"], "NaN");
    assert_eq!(
        found["runs"][2]["data"]["params"][0],
        json!({"key": "seed", "value": "2"})
    );
}

#[tokio::test]
async fn each_kind_of_field_can_be_compared() {
    let served = four_runs().await;
    for (filter, expected) in [
        ("metrics.`loss/g` < 0.5", vec!["b"]),
        ("metrics.`loss/g` <= 0.5", vec!["b", "a"]),
        (
            "metrics.`loss/g` >= 0.25 AND metrics.`loss/g` < 0.3",
            vec!["b"],
        ),
        ("metrics.`loss/g` = 0", vec![]),
        ("metrics.`loss/g` != 0.5", vec!["nan", "b"]),
        ("params.seed = '10'", vec!["nan"]),
        ("params.seed != '1'", vec!["nan", "b"]),
        ("params.seed IN ('1', '2')", vec!["b", "a"]),
        ("params.seed NOT IN ('1', '2')", vec!["nan"]),
        ("params.seed IS NULL", vec!["bare"]),
        ("params.seed IS NOT NULL", vec!["nan", "b", "a"]),
        ("tags.note LIKE '50%'", vec!["b", "a"]),
        ("tags.note LIKE '50_done'", vec!["b"]),
        ("tags.note LIKE 'nothing'", vec![]),
        ("tags.note ILIKE 'nothing'", vec!["nan"]),
        ("tags.note = '50% done'", vec!["a"]),
        ("tags.`mlflow.runName` = 'b'", vec!["b"]),
        ("attributes.run_name = 'b'", vec!["b"]),
        ("run_name LIKE 'b%' AND user_id = 'me'", vec!["bare", "b"]),
        ("start_time > 2", vec!["bare", "nan"]),
        ("attributes.created <= 2", vec!["b", "a"]),
        ("status = 'RUNNING' AND params.seed = '1'", vec!["a"]),
        ("status = 'FINISHED'", vec![]),
        ("params.nobody = 'x'", vec![]),
    ] {
        assert_eq!(
            names(&served, json!({"filter": filter})).await,
            expected,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn a_run_is_found_by_its_id_and_by_its_data() {
    let served = four_runs().await;
    let id =
        search(&served, json!({"filter": "run_name = 'a'"})).await["runs"][0]["info"]["run_id"]
            .clone();
    let filter = format!("run_id IN ('{}', 'other')", id.as_str().unwrap());
    assert_eq!(names(&served, json!({"filter": filter})).await, ["a"]);
    let dataset = json!({"name": "emoji", "digest": "d1", "source_type": "local", "source": "{}"});
    let tags = json!([{"key": "mlflow.data.context", "value": "training"}]);
    served
        .post(
            "runs/log-inputs",
            json!({"run_id": id, "datasets": [{"dataset": dataset, "tags": tags}]}),
        )
        .await
        .ok();
    for filter in [
        "dataset.name = 'emoji'",
        "dataset.digest LIKE 'd%'",
        "datasets.context = 'training'",
    ] {
        assert_eq!(
            names(&served, json!({"filter": filter})).await,
            ["a"],
            "{filter}"
        );
    }
    assert!(
        names(&served, json!({"filter": "dataset.name != 'emoji'"}))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn nan_and_missing_come_last_either_way() {
    let served = four_runs().await;
    for (order, expected) in [
        ("metrics.`loss/g`", ["b", "a", "nan", "bare"]),
        ("metrics.`loss/g` DESC", ["a", "b", "nan", "bare"]),
        ("params.seed ASC", ["a", "nan", "b", "bare"]),
        ("params.seed DESC", ["b", "nan", "a", "bare"]),
        ("start_time ASC", ["a", "b", "nan", "bare"]),
        ("attributes.run_name DESC", ["nan", "bare", "b", "a"]),
    ] {
        assert_eq!(
            names(&served, json!({"order_by": [order]})).await,
            expected,
            "{order}"
        );
    }
    let twice = json!({"experiment_ids": ["0"], "order_by": ["params.seed", "params.seed DESC"]});
    served
        .post("runs/search", twice)
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let served = four_runs().await;
    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let page = search(&served, json!({"max_results": 3, "page_token": token})).await;
        seen.extend(names_of(&page));
        token = page["next_page_token"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, ["bare", "nan", "b", "a"]);
    for bad in [0, -1, 50_001] {
        let body = json!({"experiment_ids": ["0"], "max_results": bad});
        served
            .post("runs/search", body)
            .await
            .refused(400, "INVALID_PARAMETER_VALUE");
    }
    let body = json!({"experiment_ids": ["0"], "page_token": "made up"});
    served
        .post("runs/search", body)
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn deleted_runs_are_shown_when_asked_for() {
    let served = four_runs().await;
    let id =
        search(&served, json!({"filter": "run_name = 'a'"})).await["runs"][0]["info"]["run_id"]
            .clone();
    served.post("runs/delete", json!({"run_id": id})).await.ok();
    assert_eq!(names(&served, json!({})).await.len(), 3);
    assert_eq!(
        names(&served, json!({"run_view_type": "DELETED_ONLY"})).await,
        ["a"]
    );
    assert_eq!(
        names(&served, json!({"run_view_type": "ALL"})).await.len(),
        4
    );
}

#[tokio::test]
async fn a_filter_is_never_sql() {
    let served = four_runs().await;
    for filter in [
        "params.seed = '1'' OR ''1'' = ''1'",
        "params.`x') OR 1=1 --` = 'a'",
        "tags.\"a'b\" = 'it''s'",
    ] {
        assert!(
            names(&served, json!({"filter": filter})).await.is_empty(),
            "{filter}"
        );
    }
    for filter in [
        "1 = 1",
        "params.seed = '1' OR 1 = 1",
        "run_id = 'x'; DROP TABLE runs",
        "metrics.a > 1)",
    ] {
        let body = json!({"experiment_ids": ["0"], "filter": filter});
        let message = served
            .post("runs/search", body)
            .await
            .refused(400, "INVALID_PARAMETER_VALUE");
        assert!(!message.contains("SELECT"), "{message}");
    }
    assert_eq!(names(&served, json!({})).await.len(), 4);
}
