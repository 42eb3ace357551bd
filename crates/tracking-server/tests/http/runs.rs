//! Runs: their life, params, tags and inputs.

use serde_json::json;

use crate::served::{Served, pairs};

#[tokio::test]
async fn a_run_begins_running_with_a_name_and_a_place_for_artifacts() {
    let served = Served::start().await;
    let asked = json!({"experiment_id": "0", "start_time": 1234, "user_id": "me", "tags": [{"key": "a", "value": "b"}]});
    let run = served.post("runs/create", asked).await.ok()["run"].clone();
    let id = run["info"]["run_id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    assert_eq!(run["info"]["run_uuid"], run["info"]["run_id"]);
    assert_eq!(run["info"]["status"], "RUNNING");
    assert_eq!(run["info"]["start_time"], 1234);
    assert_eq!(run["info"]["lifecycle_stage"], "active");
    assert_eq!(
        run["info"]["artifact_uri"],
        format!("mlflow-artifacts:/0/{id}/artifacts")
    );
    let name = run["info"]["run_name"].as_str().unwrap();
    assert_eq!(name.split('-').count(), 3, "{name}");
    let tags = pairs(&served.read_run(id).await["data"]["tags"]);
    assert_eq!(
        tags,
        [
            ("a".to_owned(), json!("b")),
            ("mlflow.runName".to_owned(), json!(name))
        ]
    );
}

#[tokio::test]
async fn a_runs_name_and_its_name_tag_are_one() {
    let served = Served::start().await;
    let tags = json!([{"key": "mlflow.runName", "value": "tagged"}]);
    let run = served
        .post("runs/create", json!({"experiment_id": "0", "tags": tags}))
        .await
        .ok();
    assert_eq!(run["run"]["info"]["run_name"], "tagged");
    let id = run["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    served
        .post("runs/update", json!({"run_id": id, "run_name": "updated"}))
        .await
        .ok();
    assert!(
        pairs(&served.read_run(&id).await["data"]["tags"])
            .contains(&("mlflow.runName".into(), json!("updated")))
    );
    served
        .post(
            "runs/set-tag",
            json!({"run_id": id, "key": "mlflow.runName", "value": "set"}),
        )
        .await
        .ok();
    assert_eq!(served.read_run(&id).await["info"]["run_name"], "set");
    let clash = json!({"experiment_id": "0", "run_name": "other", "tags": tags});
    served
        .post("runs/create", clash)
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn a_run_ends_with_a_status_and_a_time() {
    let served = Served::start().await;
    let id = served.run().await;
    let update = json!({"run_id": id, "status": "FINISHED", "end_time": "5678"});
    let info = served.post("runs/update", update).await.ok()["run_info"].clone();
    assert_eq!(
        (&info["status"], &info["end_time"]),
        (&json!("FINISHED"), &json!(5678))
    );
    let unknown = json!({"run_id": id, "status": "SLEEPING"});
    served
        .post("runs/update", unknown)
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn a_deleted_run_takes_nothing_until_it_is_restored() {
    let served = Served::start().await;
    let id = served.run().await;
    let metric = json!({"run_id": id, "key": "a", "value": 1.0, "timestamp": 1});
    served.post("runs/delete", json!({"run_id": id})).await.ok();
    let message = served
        .post("runs/log-metric", metric.clone())
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(
        message,
        format!("The run {id} must be in the 'active' state. Current state is deleted.")
    );
    for (route, body) in [
        (
            "runs/set-tag",
            json!({"run_id": id, "key": "a", "value": "b"}),
        ),
        (
            "runs/log-parameter",
            json!({"run_id": id, "key": "a", "value": "b"}),
        ),
        ("runs/log-batch", json!({"run_id": id})),
        ("runs/update", json!({"run_id": id, "status": "FAILED"})),
    ] {
        served
            .post(route, body)
            .await
            .refused(400, "INVALID_PARAMETER_VALUE");
    }
    served
        .post("runs/restore", json!({"run_id": id}))
        .await
        .ok();
    served.post("runs/log-metric", metric).await.ok();
}

#[tokio::test]
async fn a_param_never_changes() {
    let served = Served::start().await;
    let id = served.run().await;
    let param = |value: &str| json!({"run_id": id, "key": "seed", "value": value});
    served.post("runs/log-parameter", param("1")).await.ok();
    served.post("runs/log-parameter", param("1")).await.ok();
    let message = served
        .post("runs/log-parameter", param("2"))
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
    assert!(message.starts_with(
        "Changing param values is not allowed. Param with key='seed' was already logged"
    ));
    assert_eq!(
        pairs(&served.read_run(&id).await["data"]["params"]),
        [("seed".to_owned(), json!("1"))]
    );
}

#[tokio::test]
async fn a_tag_changes_and_goes() {
    let served = Served::start().await;
    let id = served.run().await;
    for value in ["1", "2"] {
        served
            .post(
                "runs/set-tag",
                json!({"run_id": id, "key": "note", "value": value}),
            )
            .await
            .ok();
    }
    assert!(
        pairs(&served.read_run(&id).await["data"]["tags"]).contains(&("note".into(), json!("2")))
    );
    served
        .post("runs/delete-tag", json!({"run_id": id, "key": "note"}))
        .await
        .ok();
    let gone = served
        .post("runs/delete-tag", json!({"run_id": id, "key": "note"}))
        .await;
    assert_eq!(
        gone.refused(404, "RESOURCE_DOES_NOT_EXIST"),
        format!("No tag with name: note in run with id {id}")
    );
}

#[tokio::test]
async fn long_texts_are_cut_as_mlflow_cuts_them() {
    let served = Served::start().await;
    let id = served.run().await;
    let long = "字".repeat(9000);
    served
        .post(
            "runs/log-parameter",
            json!({"run_id": id, "key": "p", "value": long}),
        )
        .await
        .ok();
    served
        .post(
            "runs/log-parameter",
            json!({"run_id": id, "key": "p", "value": long}),
        )
        .await
        .ok();
    served
        .post(
            "runs/set-tag",
            json!({"run_id": id, "key": "t", "value": long}),
        )
        .await
        .ok();
    let run = served.read_run(&id).await;
    assert_eq!(
        run["data"]["params"][0]["value"]
            .as_str()
            .unwrap()
            .chars()
            .count(),
        6000
    );
    let tags = pairs(&run["data"]["tags"]);
    let tag = tags.iter().find(|(key, _)| key == "t").unwrap();
    assert_eq!(tag.1.as_str().unwrap().chars().count(), 8000);
}

#[tokio::test]
async fn inputs_come_back_with_their_tags_and_only_once() {
    let served = Served::start().await;
    let id = served.run().await;
    let dataset = json!({"name": "emoji", "digest": "abc", "source_type": "local", "source": "{}", "profile": "{\"rows\": 3}"});
    let tags = json!([{"key": "mlflow.data.context", "value": "training"}]);
    let inputs = json!({"run_id": id, "datasets": [{"dataset": dataset, "tags": tags}]});
    served.post("runs/log-inputs", inputs.clone()).await.ok();
    served.post("runs/log-inputs", inputs).await.ok();
    let stored = served.read_run(&id).await["inputs"]["dataset_inputs"].clone();
    assert_eq!(stored, json!([{"dataset": dataset, "tags": tags}]));
    let nameless = json!({"run_id": id, "datasets": [{"dataset": {"digest": "abc"}}]});
    served
        .post("runs/log-inputs", nameless)
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn a_run_that_is_not_there_is_404_everywhere() {
    let served = Served::start().await;
    let gone = "0123456789abcdef0123456789abcdef";
    let message = served
        .get("runs/get", &[("run_id", gone)])
        .await
        .refused(404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(message, format!("Run with id={gone} not found"));
    served
        .post("runs/log-batch", json!({"run_id": gone}))
        .await
        .refused(404, "RESOURCE_DOES_NOT_EXIST");
    served
        .get("artifacts/list", &[("run_id", gone)])
        .await
        .refused(404, "RESOURCE_DOES_NOT_EXIST");
    let query = [("run_id", gone), ("metric_key", "a")];
    served
        .get("metrics/get-history", &query)
        .await
        .refused(404, "RESOURCE_DOES_NOT_EXIST");
}

#[tokio::test]
async fn the_old_field_run_uuid_still_names_a_run() {
    let served = Served::start().await;
    let id = served.run().await;
    assert_eq!(
        served.get("runs/get", &[("run_uuid", &id)]).await.ok()["run"]["info"]["run_id"],
        json!(id)
    );
    served
        .post(
            "runs/set-tag",
            json!({"run_uuid": id, "key": "a", "value": "b"}),
        )
        .await
        .ok();
}

#[tokio::test]
async fn a_search_of_logged_models_finds_none() {
    let served = Served::start().await;
    let found = served
        .post("logged-models/search", json!({"experiment_ids": ["0"]}))
        .await
        .ok();
    assert_eq!(found, json!({"models": []}));
}
