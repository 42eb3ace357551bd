//! Experiments.

use serde_json::json;

use crate::served::{Served, pairs};

#[tokio::test]
async fn there_is_a_default_experiment_from_the_start() {
    let served = Served::start().await;
    let default = served
        .get("experiments/get", &[("experiment_id", "0")])
        .await
        .ok();
    assert_eq!(default["experiment"]["name"], "Default");
    assert_eq!(
        default["experiment"]["artifact_location"],
        "mlflow-artifacts:/0"
    );
}

#[tokio::test]
async fn a_name_is_taken_once_even_by_a_deleted_experiment() {
    let served = Served::start().await;
    let new = json!({"name": "faces", "tags": [{"key": "a", "value": "b"}]});
    let id = served.post("experiments/create", new.clone()).await.ok()["experiment_id"].clone();
    let message = served
        .post("experiments/create", new.clone())
        .await
        .refused(400, "RESOURCE_ALREADY_EXISTS");
    assert_eq!(message, "Experiment(name=faces) already exists.");
    served
        .post("experiments/delete", json!({"experiment_id": id}))
        .await
        .ok();
    served
        .post("experiments/create", new)
        .await
        .refused(400, "RESOURCE_ALREADY_EXISTS");
    let found = served
        .get("experiments/get-by-name", &[("experiment_name", "faces")])
        .await
        .ok();
    assert_eq!(found["experiment"]["lifecycle_stage"], "deleted");
    assert_eq!(
        pairs(&found["experiment"]["tags"]),
        [("a".to_owned(), json!("b"))]
    );
}

#[tokio::test]
async fn an_experiment_takes_its_runs_with_it_and_brings_them_back() {
    let served = Served::start().await;
    let id = served
        .post("experiments/create", json!({"name": "x"}))
        .await
        .ok()["experiment_id"]
        .clone();
    let run = served
        .post("runs/create", json!({"experiment_id": id}))
        .await
        .ok();
    let run = run["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    served
        .post("experiments/delete", json!({"experiment_id": id}))
        .await
        .ok();
    assert_eq!(
        served.read_run(&run).await["info"]["lifecycle_stage"],
        "deleted"
    );
    served
        .post("runs/create", json!({"experiment_id": id}))
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
    served
        .post("experiments/delete", json!({"experiment_id": id}))
        .await
        .refused(404, "RESOURCE_DOES_NOT_EXIST");
    served
        .post("experiments/restore", json!({"experiment_id": id}))
        .await
        .ok();
    assert_eq!(
        served.read_run(&run).await["info"]["lifecycle_stage"],
        "active"
    );
}

#[tokio::test]
async fn an_experiment_can_be_renamed_and_tagged() {
    let served = Served::start().await;
    let id = served
        .post("experiments/create", json!({"name": "x"}))
        .await
        .ok()["experiment_id"]
        .clone();
    served
        .post(
            "experiments/update",
            json!({"experiment_id": id, "new_name": "y"}),
        )
        .await
        .ok();
    let tag = json!({"experiment_id": id, "key": "k", "value": "v"});
    served
        .post("experiments/set-experiment-tag", tag)
        .await
        .ok();
    let found = served
        .get("experiments/get-by-name", &[("experiment_name", "y")])
        .await
        .ok();
    assert_eq!(
        pairs(&found["experiment"]["tags"]),
        [("k".to_owned(), json!("v"))]
    );
    let key = json!({"experiment_id": id, "key": "k"});
    served
        .post("experiments/delete-experiment-tag", key.clone())
        .await
        .ok();
    served
        .post("experiments/delete-experiment-tag", key)
        .await
        .refused(404, "RESOURCE_DOES_NOT_EXIST");
    let taken = json!({"experiment_id": id, "new_name": "Default"});
    served
        .post("experiments/update", taken)
        .await
        .refused(400, "RESOURCE_ALREADY_EXISTS");
}

#[tokio::test]
async fn experiments_are_searched_by_name_tag_and_stage() {
    let served = Served::start().await;
    for name in ["cats", "Cars", "dogs"] {
        let tags = json!([{"key": "first", "value": &name[..1]}]);
        served
            .post("experiments/create", json!({"name": name, "tags": tags}))
            .await
            .ok();
    }
    let names = async |body: serde_json::Value| {
        let found = served.post("experiments/search", body).await.ok();
        let list = found["experiments"].as_array().cloned().unwrap_or_default();
        list.iter()
            .map(|experiment| experiment["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(json!({"filter": "name LIKE 'c%'"})).await, ["cats"]);
    assert_eq!(
        names(json!({"filter": "name ILIKE 'c%'", "order_by": ["name DESC"]})).await,
        ["cats", "Cars"]
    );
    assert_eq!(names(json!({"filter": "tags.first = 'd'"})).await, ["dogs"]);
    assert_eq!(
        names(json!({"filter": "tags.first IS NULL"})).await,
        ["Default"]
    );
    assert_eq!(
        names(json!({"order_by": ["name"], "max_results": 2})).await,
        ["Cars", "Default"]
    );
    served
        .post("experiments/delete", json!({"experiment_id": "0"}))
        .await
        .ok();
    assert_eq!(
        names(json!({"view_type": "DELETED_ONLY"})).await,
        ["Default"]
    );
    assert_eq!(names(json!({"view_type": "ALL"})).await.len(), 4);
    served
        .post("experiments/search", json!({"filter": "metrics.a > 1"}))
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_missing_is_named() {
    let served = Served::start().await;
    let gone = served
        .get("experiments/get", &[("experiment_id", "77")])
        .await;
    assert_eq!(
        gone.refused(404, "RESOURCE_DOES_NOT_EXIST"),
        "No Experiment with id=77 exists"
    );
    let unnamed = served
        .get("experiments/get-by-name", &[("experiment_name", "nobody")])
        .await;
    unnamed.refused(404, "RESOURCE_DOES_NOT_EXIST");
    let message = served
        .post("experiments/create", json!({}))
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
    assert!(message.contains("'name'"), "{message}");
    served
        .get("experiments/get", &[("experiment_id", "x")])
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
    let long = "n".repeat(501);
    served
        .post("experiments/create", json!({"name": long}))
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
}
