//! Metrics and batches: what is stored, and that nothing is stored by half.

use serde_json::{Value, json};

use crate::served::{Served, pairs};

fn point(key: &str, value: impl Into<Value>, step: i64) -> Value {
    json!({"key": key, "value": value.into(), "timestamp": 1000 + step, "step": step})
}

async fn history(served: &Served, run_id: &str, key: &str) -> Vec<Value> {
    let query = [("run_id", run_id), ("metric_key", key)];
    let history = served.get("metrics/get-history", &query).await.ok();
    history["metrics"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_batch_is_stored_whole() {
    let served = Served::start().await;
    let id = served.run().await;
    let batch = json!({
        "run_id": id,
        "metrics": [point("loss", 0.5, 1), point("loss", 0.25, 2), point("other", 7, 1)],
        "params": [{"key": "lr", "value": "0.1"}],
        "tags": [{"key": "note", "value": "n"}],
    });
    served.post("runs/log-batch", batch).await.ok();
    let data = served.read_run(&id).await["data"].clone();
    assert_eq!(
        pairs(&data["metrics"]),
        [
            ("loss".to_owned(), json!(0.25)),
            ("other".to_owned(), json!(7.0))
        ]
    );
    assert_eq!(pairs(&data["params"]), [("lr".to_owned(), json!("0.1"))]);
    assert_eq!(
        history(&served, &id, "loss").await,
        [point("loss", 0.5, 1), point("loss", 0.25, 2)]
    );
}

#[tokio::test]
async fn one_bad_item_and_nothing_is_stored() {
    let served = Served::start().await;
    let id = served.run().await;
    served
        .post(
            "runs/log-parameter",
            json!({"run_id": id, "key": "seed", "value": "1"}),
        )
        .await
        .ok();
    let good = point("good", 1.0, 1);
    let bad_batches = [
        (
            json!({"metrics": [good, point("bad;key", 1.0, 1)]}),
            "metrics[1].name",
        ),
        (
            json!({"metrics": [good], "params": [{"key": "a//b", "value": "x"}]}),
            "params[0].key",
        ),
        (
            json!({"metrics": [good], "params": [{"key": "seed", "value": "2"}]}),
            "Changing param values",
        ),
        (
            json!({"metrics": [good], "params": [{"key": "a", "value": "x"}, {"key": "a", "value": "x"}]}),
            "Duplicate",
        ),
        (
            json!({"metrics": [good], "tags": [{"key": "", "value": "x"}]}),
            "tags[0].key",
        ),
        (
            json!({"metrics": [good, {"key": "a", "timestamp": 1, "step": 1}]}),
            "required parameter 'metrics[1].value'",
        ),
        (
            json!({"metrics": [good, {"key": "a", "value": "many", "timestamp": 1}]}),
            "Invalid value \"many\" for parameter 'metrics[1].value' supplied:  Hint: Value was of type 'str'.",
        ),
        (
            json!({"metrics": [good, {"key": "a", "value": 1, "timestamp": -1}]}),
            "metrics[1].timestamp",
        ),
    ];
    for (mut batch, expected) in bad_batches {
        batch["run_id"] = json!(id);
        let message = served
            .post("runs/log-batch", batch)
            .await
            .refused(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(served.read_run(&id).await["data"]["metrics"], Value::Null);
}

#[tokio::test]
async fn a_batch_has_limits_of_count_and_of_bytes() {
    let served = Served::start().await;
    let id = served.run().await;
    let metrics = |count: i64| {
        (0..count)
            .map(|step| point("m", 1.0, step))
            .collect::<Vec<_>>()
    };
    let params = |count: i64| {
        (0..count)
            .map(|i| json!({"key": format!("p{i}"), "value": ""}))
            .collect::<Vec<_>>()
    };
    served
        .post(
            "runs/log-batch",
            json!({"run_id": id, "metrics": metrics(1000)}),
        )
        .await
        .ok();
    served
        .post(
            "runs/log-batch",
            json!({"run_id": id, "metrics": metrics(900), "params": params(100)}),
        )
        .await
        .ok();
    for too_many in [
        json!({"run_id": id, "metrics": metrics(1001)}),
        json!({"run_id": id, "params": params(101)}),
        json!({"run_id": id, "tags": params(101)}),
        json!({"run_id": id, "metrics": metrics(901), "params": params(100)}),
    ] {
        let message = served
            .post("runs/log-batch", too_many)
            .await
            .refused(400, "INVALID_PARAMETER_VALUE");
        assert!(
            message.contains("A batch logging request can contain at most"),
            "{message}"
        );
    }
    let large = json!({"run_id": id, "tags": [{"key": "t", "value": "x".repeat(1_000_000)}]});
    let message = served
        .post("runs/log-batch", large)
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
    assert!(
        message.starts_with("Batched logging API requests must be at most 1000000 bytes"),
        "{message}"
    );
}

#[tokio::test]
async fn the_same_batch_twice_is_stored_once() {
    let served = Served::start().await;
    let id = served.run().await;
    let metrics = [
        point("m", 1.0, 1),
        point("m", 1.0, 1),
        point("m", 2.0, 1),
        point("m", "NaN", 1),
    ];
    let batch = json!({"run_id": id, "metrics": metrics});
    served.post("runs/log-batch", batch.clone()).await.ok();
    served.post("runs/log-batch", batch).await.ok();
    assert_eq!(history(&served, &id, "m").await.len(), 3);
}

#[tokio::test]
async fn nan_infinities_and_64_bits_survive() {
    let served = Served::start().await;
    let id = served.run().await;
    let values = [
        json!("NaN"),
        json!("Infinity"),
        json!("-Infinity"),
        json!(1.7976931348623157e308),
        json!(5e-324),
        json!(0.1),
    ];
    for (step, value) in values.iter().enumerate() {
        let metric =
            json!({"run_id": id, "key": "m", "value": value, "timestamp": 1, "step": step});
        served.post("runs/log-metric", metric).await.ok();
    }
    let stored: Vec<Value> = history(&served, &id, "m")
        .await
        .iter()
        .map(|point| point["value"].clone())
        .collect();
    assert_eq!(stored, values);
    let (least, greatest) = (i64::MIN, i64::MAX);
    for step in [json!(least), json!(greatest), json!("-5")] {
        let metric =
            json!({"run_id": id, "key": "steps", "value": 1, "timestamp": greatest, "step": step});
        served.post("runs/log-metric", metric).await.ok();
    }
    let steps: Vec<Value> = history(&served, &id, "steps")
        .await
        .iter()
        .map(|point| point["step"].clone())
        .collect();
    assert_eq!(steps, [json!(least), json!(-5), json!(greatest)]);
}

#[tokio::test]
async fn the_latest_metric_is_greatest_by_step_then_time_then_value() {
    let served = Served::start().await;
    let id = served.run().await;
    let at = |step: i64, timestamp: i64, value: f64| json!({"key": "m", "value": value, "timestamp": timestamp, "step": step});
    for (metric, latest) in [
        (at(5, 1, 1.0), 1.0),
        (at(4, 9, 2.0), 1.0),
        (at(5, 2, 3.0), 3.0),
        (at(5, 2, 0.0), 3.0),
    ] {
        served
            .post("runs/log-batch", json!({"run_id": id, "metrics": [metric]}))
            .await
            .ok();
        assert_eq!(
            served.read_run(&id).await["data"]["metrics"][0]["value"],
            json!(latest)
        );
    }
}

#[tokio::test]
async fn a_history_comes_by_time_and_in_pages() {
    let served = Served::start().await;
    let id = served.run().await;
    let metrics: Vec<Value> = (0..25)
        .rev()
        .map(|step| point("m", step as f64, step))
        .collect();
    served
        .post("runs/log-batch", json!({"run_id": id, "metrics": metrics}))
        .await
        .ok();
    let mut steps = Vec::new();
    let mut token = String::new();
    loop {
        let query = [
            ("run_id", id.as_str()),
            ("metric_key", "m"),
            ("max_results", "10"),
            ("page_token", &token),
        ];
        let page = served.get("metrics/get-history", &query).await.ok();
        steps.extend(
            page["metrics"]
                .as_array()
                .unwrap()
                .iter()
                .map(|point| point["step"].as_i64().unwrap()),
        );
        match page["next_page_token"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(steps, (0..25).collect::<Vec<_>>());
    assert_eq!(history(&served, &id, "nobody").await, Vec::<Value>::new());
}

#[tokio::test]
async fn writers_at_the_same_time_lose_nothing() {
    let served = Served::start().await;
    let id = served.run().await;
    let send = |writer: i64| {
        let (served, id) = (&served, &id);
        async move {
            for step in 0..20 {
                let metrics = [
                    point(&format!("m{writer}"), 1.0, step),
                    point("shared", 1.0, writer * 100 + step),
                ];
                served
                    .post("runs/log-batch", json!({"run_id": id, "metrics": metrics}))
                    .await
                    .ok();
            }
        }
    };
    futures_util::future::join_all((0..16).map(send)).await;
    assert_eq!(history(&served, &id, "shared").await.len(), 16 * 20);
    assert_eq!(
        served.read_run(&id).await["data"]["metrics"]
            .as_array()
            .unwrap()
            .len(),
        17
    );
}
