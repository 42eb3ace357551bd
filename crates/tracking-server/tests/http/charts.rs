//! Our own reading routes: thinned-out curves, logged pictures, news.

use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::served::{Reply, Served};

async fn curves(served: &Served, query: &[(&str, &str)]) -> Value {
    Reply::of(
        served
            .client
            .get(served.url("/api/idiom/metrics"))
            .query(query),
    )
    .await
    .ok()["curves"]
        .clone()
}

async fn log(served: &Served, run_id: &str, key: &str, values: impl Iterator<Item = Value>) {
    let metrics: Vec<Value> = values
        .enumerate()
        .map(|(step, value)| json!({"key": key, "value": value, "timestamp": 1000 + step, "step": step}))
        .collect();
    for batch in metrics.chunks(1000) {
        served
            .post(
                "runs/log-batch",
                json!({"run_id": run_id, "metrics": batch}),
            )
            .await
            .ok();
    }
}

#[tokio::test]
async fn short_curves_come_whole_and_nan_as_a_word() {
    let served = Served::start().await;
    let (a, b) = (served.run().await, served.run().await);
    log(&served, &a, "loss", [json!(1.5), json!("NaN")].into_iter()).await;
    log(&served, &a, "other", [json!(1)].into_iter()).await;
    log(&served, &b, "loss", [json!("-Infinity")].into_iter()).await;
    let both = format!("{a},{b}");
    let found = curves(&served, &[("run_ids", &both), ("keys", "loss")]).await;
    let expected = json!([
        {"run_id": a, "key": "loss", "n_points": 2, "points": [[0, 1000, 1.5], [1, 1001, "NaN"]]},
        {"run_id": b, "key": "loss", "n_points": 1, "points": [[0, 1000, "-Infinity"]]},
    ]);
    assert_eq!(found, expected);
    assert_eq!(
        curves(&served, &[("run_ids", &a)])
            .await
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_long_curve_is_thinned_but_keeps_its_spike() {
    let served = Served::start().await;
    let run = served.run().await;
    log(
        &served,
        &run,
        "m",
        (0..5000).map(|i| json!(if i == 3210 { 99.0 } else { f64::from(i % 7) })),
    )
    .await;
    let found = curves(&served, &[("run_ids", &run), ("points", "300")]).await;
    let points = found[0]["points"].as_array().unwrap();
    assert_eq!(found[0]["n_points"], 5000);
    assert!(
        (100..=400).contains(&points.len()),
        "{} points",
        points.len()
    );
    assert!(points.contains(&json!([3210, 4210, 99.0])));
    assert_eq!(points.last().unwrap()[0], 4999);
}

/// Of 25 buckets of 1024 points: the least and greatest of each by the formula below, and its last.
fn expected_points() -> Vec<Value> {
    let value = |i: i64| i * 7919 % 1009;
    let of_bucket = |bucket: i64| {
        let all = bucket * 1024..(bucket + 1) * 1024;
        let least = all.clone().min_by_key(|i| (value(*i), *i)).unwrap();
        let greatest = all.clone().min_by_key(|i| (-value(*i), *i)).unwrap();
        let kept = std::collections::BTreeSet::from([least, greatest, all.end - 1]);
        kept.into_iter()
            .map(move |i| json!([i, 1000 + i, value(i) as f64]))
    };
    (0..25).flat_map(of_bucket).collect()
}

#[tokio::test]
async fn a_long_curve_is_thinned_the_same_in_whatever_order_and_however_often_its_points_came() {
    let served = Served::start().await;
    let run = served.run().await;
    let points = |key: &str| -> Vec<Value> {
        let point = |i: i64| json!({"key": key, "value": i * 7919 % 1009, "timestamp": 1000 + i, "step": i});
        (0..25_600).map(point).collect()
    };
    let in_order = points("in_order");
    let backwards: Vec<Value> = points("backwards").into_iter().rev().collect();
    let [mut twice, again] = [points("twice"), points("twice")];
    twice.extend(again.into_iter().skip(700));
    // Every second batch of a thousand first, as two senders would do it.
    let scattered = points("scattered");
    let parts: Vec<&[Value]> = scattered.chunks(1000).collect();
    let (even, odd): (Vec<_>, Vec<_>) =
        parts.into_iter().enumerate().partition(|(i, _)| i % 2 == 0);
    let scattered: Vec<Value> = even
        .into_iter()
        .chain(odd)
        .flat_map(|(_, part)| part.to_vec())
        .collect();
    for curve in [in_order, backwards, twice, scattered] {
        for batch in curve.chunks(1000) {
            let batch = json!({"run_id": run, "metrics": batch});
            served.post("runs/log-batch", batch).await.ok();
        }
    }
    let expected = expected_points();
    // The second time some of them have been sealed by the first reading.
    for _ in 0..2 {
        let found = curves(&served, &[("run_ids", &run), ("points", "75")]).await;
        assert_eq!(found.as_array().unwrap().len(), 4);
        for curve in found.as_array().unwrap() {
            assert_eq!(curve["n_points"], 25_600, "{}", curve["key"]);
            assert_eq!(curve["points"], json!(expected), "{}", curve["key"]);
        }
    }
}

#[tokio::test]
async fn a_table_gets_the_last_least_and_greatest_of_each_curve() {
    let served = Served::start().await;
    let run = served.run().await;
    log(
        &served,
        &run,
        "m",
        [json!(2), json!(-1), json!(5), json!("NaN")].into_iter(),
    )
    .await;
    log(&served, &run, "nan", [json!("NaN")].into_iter()).await;
    let query = [("run_ids", &run)];
    let found = Reply::of(
        served
            .client
            .get(served.url("/api/idiom/summaries"))
            .query(&query),
    )
    .await
    .ok();
    let expected = json!([
        {
            "run_id": run, "key": "m", "last": {"value": "NaN", "step": 3},
            "least": {"value": -1.0, "step": 1}, "greatest": {"value": 5.0, "step": 2},
        },
        {"run_id": run, "key": "nan", "last": {"value": "NaN", "step": 0}},
    ]);
    assert_eq!(found["summaries"], expected);
}

#[tokio::test]
async fn our_own_search_knows_or_and_parentheses() {
    let served = Served::start().await;
    for (seed, kind) in [("1", "a"), ("2", "a"), ("3", "b")] {
        let run = served.run().await;
        let params = json!([{"key": "seed", "value": seed}, {"key": "kind", "value": kind}]);
        served
            .post("runs/log-batch", json!({"run_id": run, "params": params}))
            .await
            .ok();
    }
    let filter = "(params.seed = '1' OR params.seed = '3') AND params.kind != 'b'";
    let body = json!({"experiment_ids": ["0"], "filter": filter});
    let url = served.url("/api/idiom/runs/search");
    let found = Reply::of(served.client.post(url).json(&body)).await.ok();
    assert_eq!(found["runs"].as_array().unwrap().len(), 1);
    served
        .post("runs/search", body)
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn logged_pictures_are_read_from_their_names() {
    let served = Served::start().await;
    let run = served.run().await;
    for name in [
        "samples+step+200+timestamp+5+u1.png",
        "samples+step+100+timestamp+4+u2.png",
        "samples+step+100+timestamp+4+u2+compressed.webp",
        "val~a%25step%2550%25timestamp%253%25u3.png",
        "notes.txt",
    ] {
        let url = served.url(&format!(
            "/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/images/{name}"
        ));
        Reply::of(served.client.put(url).body("png")).await.ok();
    }
    let found = Reply::of(
        served
            .client
            .get(served.url("/api/idiom/images"))
            .query(&[("run_id", &run)]),
    )
    .await
    .ok();
    let image = |key: &str, step: i64, timestamp: i64, file: &str| json!({"run_id": run, "key": key, "step": step, "timestamp": timestamp, "path": format!("images/{file}")});
    let expected = json!([
        image("val/a", 50, 3, "val~a%step%50%timestamp%3%u3.png"),
        image("samples", 100, 4, "samples+step+100+timestamp+4+u2.png"),
        image("samples", 200, 5, "samples+step+200+timestamp+5+u1.png"),
    ]);
    assert_eq!(found["images"], expected);
    for image in found["images"].as_array().unwrap() {
        let query = [
            ("run_id", run.as_str()),
            ("path", image["path"].as_str().unwrap()),
        ];
        let bytes = served
            .client
            .get(served.url("/get-artifact"))
            .query(&query)
            .send()
            .await
            .unwrap();
        assert_eq!(bytes.text().await.unwrap(), "png");
    }
}

#[tokio::test]
async fn news_of_a_run_reaches_a_page_that_listens() {
    let served = Served::start().await;
    let answer = served
        .client
        .get(served.url("/api/idiom/events"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut heard = answer.bytes_stream();
    let run = served.run().await;
    log(&served, &run, "m", [json!(1)].into_iter()).await;
    let url = served.url(&format!(
        "/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/images/a.png"
    ));
    Reply::of(served.client.put(url).body("png")).await.ok();
    served
        .post("runs/update", json!({"run_id": run, "status": "FINISHED"}))
        .await
        .ok();
    let mut text = String::new();
    while !text.contains("\"status\"") {
        text.push_str(&String::from_utf8_lossy(
            &heard.next().await.unwrap().unwrap(),
        ));
    }
    let kinds: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str::<Value>(data).unwrap())
        .filter(|event| event["run_id"] == json!(run))
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["created", "metrics", "images", "status"]);
}

#[tokio::test]
async fn a_page_that_listens_does_not_keep_the_server_from_stopping() {
    let served = Served::start().await;
    let mut heard = served
        .client
        .get(served.url("/api/idiom/events"))
        .send()
        .await
        .unwrap()
        .bytes_stream();
    served.stop().await;
    while let Some(part) = heard.next().await {
        part.unwrap();
    }
}

#[tokio::test]
async fn points_that_come_again_are_counted_apart() {
    let served = Served::start().await;
    let run = served.run().await;
    for last in [300, 500, 100] {
        log(&served, &run, "b", (0..last).map(|i| json!(i))).await;
    }
    log(&served, &run, "a", [json!(1)].into_iter()).await;
    let ask = served.client.get(served.url("/api/idiom/ledger"));
    let found = Reply::of(ask.query(&[("run_id", &run)])).await.ok();
    let expected = json!({"curves": [
        {"key": "a", "received": 1, "repeated": 0},
        {"key": "b", "received": 500, "repeated": 400},
    ]});
    assert_eq!(found, expected);
}
