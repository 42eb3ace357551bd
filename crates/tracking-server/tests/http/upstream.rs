//! Our pages before another server. The other one is of ours here, asked by MLflow's routes only; the real MLflow is tried
//! by hand: `idiom-tracking-server --upstream http://127.0.0.1:5000`.

use idiom_tracking_server::UpstreamConfig;
use serde_json::{Value, json};

use crate::served::{Reply, Served, config, pairs};

async fn before(back: &Served) -> Served {
    let upstream = UpstreamConfig::new(&back.base, None, None);
    Served::start_with(|config| config.upstream = Some(upstream)).await
}

async fn read(served: &Served, route: &str, query: &[(&str, &str)]) -> Value {
    let url = served.url(&format!("/api/idiom/{route}"));
    Reply::of(served.client.get(url).query(query)).await.ok()
}

#[tokio::test]
async fn what_is_logged_in_front_stands_behind_and_is_read_as_from_our_own_store() {
    let back = Served::start().await;
    let front = before(&back).await;
    let run = front.run().await;
    let point = |step: i64| json!({"key": "loss", "value": step * 7919 % 1009, "timestamp": 1000 + step, "step": step});
    for batch in 0..5 {
        let metrics: Vec<Value> = (batch * 1000..(batch + 1) * 1000).map(point).collect();
        front
            .post("runs/log-batch", json!({"run_id": run, "metrics": metrics}))
            .await
            .ok();
    }
    front
        .post(
            "runs/log-metric",
            json!({"run_id": run, "key": "nan", "value": "NaN", "timestamp": 1}),
        )
        .await
        .ok();
    let picture = "images/grid+step+64+timestamp+7+0123456789abcdef0123456789abcdef.png";
    let place = format!(
        "/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{}",
        picture.replace('+', "%2B")
    );
    let put = front
        .client
        .put(front.url(&place))
        .body("a picture")
        .send()
        .await
        .unwrap();
    assert!(put.status().is_success());

    assert_eq!(
        pairs(&back.read_run(&run).await["data"]["metrics"]).len(),
        2
    );
    // What the pages read is the same from both.
    for (route, query) in [
        (
            "metrics",
            vec![("run_ids", run.as_str()), ("max_points", "300")],
        ),
        ("metrics", vec![("run_ids", run.as_str()), ("keys", "nan")]),
        ("images", vec![("run_ids", run.as_str())]),
    ] {
        assert_eq!(
            read(&front, route, &query).await,
            read(&back, route, &query).await,
            "{route} {query:?}"
        );
    }
    let summaries = read(&front, "summaries", &[("run_ids", &run)]).await["summaries"].clone();
    assert_eq!(
        summaries[0]["last"],
        json!({"value": f64::from(4999 * 7919 % 1009), "step": 4999})
    );
    let search = json!({"experiment_ids": ["0"], "filter": "metrics.loss >= 0"});
    let url = front.url("/api/idiom/runs/search");
    let found = Reply::of(front.client.post(url).json(&search)).await.ok();
    assert_eq!(found["runs"][0]["info"]["run_id"], json!(run));
    let file = front
        .client
        .get(front.url("/get-artifact"))
        .query(&[("run_id", run.as_str()), ("path", picture)]);
    assert_eq!(
        file.send().await.unwrap().text().await.unwrap(),
        "a picture"
    );
}

#[tokio::test]
async fn a_page_among_the_other_servers_artifacts_does_not_run_here_and_its_refusals_come_through()
{
    let back = Served::start().await;
    let front = before(&back).await;
    let run = front.run().await;
    let place = format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/page.html");
    front
        .client
        .put(front.url(&place))
        .body("<script>1</script>")
        .send()
        .await
        .unwrap();
    let page = front.client.get(front.url(&place)).send().await.unwrap();
    assert!(
        page.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("attachment")
    );
    assert_eq!(
        page.headers()["content-security-policy"],
        "default-src 'none'; sandbox"
    );
    let message = front
        .get("runs/get", &[("run_id", "nobody")])
        .await
        .refused(404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(message, "Run with id=nobody not found");
    let first = front
        .client
        .get(front.url("/"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        !first.contains("id=\"first\""),
        "rows of our own store would be brought along"
    );
}

#[tokio::test]
async fn a_server_that_is_away_is_said_to_be_so_and_one_that_is_none_is_refused_at_once() {
    let back = Served::start().await;
    let front = before(&back).await;
    back.stop().await;
    let message = front
        .get("runs/get", &[("run_id", "x")])
        .await
        .refused(503, "TEMPORARILY_UNAVAILABLE");
    assert!(message.contains("did not answer"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::served::config(folder.path());
    config.upstream = Some(UpstreamConfig::new("sqlite:///mlflow.db", None, None));
    let error = idiom_tracking_server::bind(&config).await.err().unwrap();
    assert!(error.to_string().contains("sqlite:///mlflow.db"), "{error}");
}

#[tokio::test]
async fn credentials_go_to_the_other_server_and_those_of_our_readers_do_not() {
    let back = Served::start().await;
    let account = idiom_tracking_server::Accounts::open(&config(back.folder.path()).db)
        .await
        .unwrap();
    let ada = account
        .put("ada", idiom_tracking_server::Role::Admin)
        .await
        .unwrap();
    account.close().await;
    let with = async |upstream: UpstreamConfig| {
        let front = Served::start_with(|config| config.upstream = Some(upstream)).await;
        let request = front
            .client
            .post(front.url("/api/2.0/mlflow/experiments/search"))
            .json(&json!({}));
        request
            .basic_auth("ada", Some(&ada.password))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(with(UpstreamConfig::new(&back.base, None, None)).await, 401);
    assert_eq!(
        with(UpstreamConfig::new(&back.base, Some(&ada.token()), None)).await,
        200
    );
    assert_eq!(
        with(UpstreamConfig::new(
            &back.base,
            None,
            Some(("ada", &ada.password))
        ))
        .await,
        200
    );
}
