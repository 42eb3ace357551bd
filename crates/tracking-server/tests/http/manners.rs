//! How the server behaves towards strangers, nonsense and greed.

use reqwest::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::served::{Reply, Served};

#[tokio::test]
async fn it_says_who_it_is() {
    let served = Served::start().await;
    let text = async |path: &str| {
        served
            .client
            .get(served.url(path))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    assert_eq!(
        text("/version").await,
        format!("idiom {}", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(text("/health").await, "OK");
    let info = Reply::of(served.client.get(served.url("/api/3.0/mlflow/server-info")))
        .await
        .ok();
    assert_eq!(info["store_type"], "SqlStore");
    // Which database, not where: by this another process knows that it may serve on.
    let mark = info["idiom_database"].as_str().unwrap();
    assert!(
        mark.len() == 16 && mark.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{mark}"
    );
}

#[tokio::test]
async fn both_prefixes_answer_alike() {
    let served = Served::start().await;
    for prefix in ["/api", "/ajax-api"] {
        let url = served.url(&format!(
            "{prefix}/2.0/mlflow/experiments/get?experiment_id=0"
        ));
        assert_eq!(
            Reply::of(served.client.get(url)).await.ok()["experiment"]["name"],
            "Default"
        );
    }
}

#[tokio::test]
async fn a_foreign_host_is_turned_away_and_told_which_setting() {
    let served = Served::start().await;
    let url = served.url("/api/2.0/mlflow/experiments/get?experiment_id=0");
    let reply = Reply::of(served.client.get(&url).header("host", "evil.example")).await;
    assert!(
        reply
            .refused(403, "PERMISSION_DENIED")
            .contains("--allowed-hosts")
    );
    let page = Reply::of(
        served
            .client
            .get(served.url("/"))
            .header("host", "evil.example"),
    )
    .await;
    page.refused(403, "PERMISSION_DENIED");
    let forwarded = Reply::of(served.client.get(&url).header("host", "localhost:9999")).await;
    forwarded.ok();
}

#[tokio::test]
async fn a_foreign_origin_is_turned_away_and_told_which_setting() {
    let served =
        Served::start_with(|config| config.allowed_origins = vec!["https://lab.example".into()])
            .await;
    let url = served.url("/api/2.0/mlflow/runs/create");
    let ask = |origin: &str| {
        Reply::of(
            served
                .client
                .post(&url)
                .header("origin", origin)
                .json(&json!({"experiment_id": "0"})),
        )
    };
    for origin in ["http://evil.example", "http://localhost:3000", "null"] {
        assert!(
            ask(origin)
                .await
                .refused(403, "PERMISSION_DENIED")
                .contains("--allowed-origins")
        );
    }
    ask(&served.base).await.ok();
    ask("https://lab.example").await.ok();
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let served = Served::start().await;
    for path in ["/version", "/no/such/route", "/api/2.0/mlflow/runs/get"] {
        let headers = served
            .client
            .get(served.url(path))
            .send()
            .await
            .unwrap()
            .headers()
            .clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("script-src 'self'") && policy.contains("img-src 'self' blob: data:"),
            "{policy}"
        );
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn whatever_is_wrong_is_said_in_json() {
    let served = Served::start().await;
    let create = served.url("/api/2.0/mlflow/runs/create");
    let json_header = ("content-type", "application/json");
    let post = |body: &str| {
        Reply::of(
            served
                .client
                .post(&create)
                .header(json_header.0, json_header.1)
                .body(body.to_owned()),
        )
    };
    for body in [
        "{",
        "[]",
        "null",
        "\"text\"",
        "{\"experiment_id\": 3}",
        "\u{0}",
        "",
    ] {
        post(body).await.refused(400, "INVALID_PARAMETER_VALUE");
    }
    let form = served
        .client
        .post(&create)
        .header("content-type", "text/plain")
        .body("{\"experiment_id\": \"0\"}");
    Reply::of(form)
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
    Reply::of(served.client.get(served.url("/api/2.0/mlflow/no/such")))
        .await
        .refused(404, "ENDPOINT_NOT_FOUND");
    Reply::of(served.client.get(served.url("/api/2.0/mlflow/traces")))
        .await
        .refused(404, "ENDPOINT_NOT_FOUND");
    let reader = served
        .client
        .get(served.url("/no/such"))
        .header("accept", "text/html,*/*");
    let page = reader.send().await.unwrap();
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    let page = page.text().await.unwrap();
    assert!(
        page.contains("<h1>Not found</h1>") && page.contains("href=\"/\""),
        "{page}"
    );
    let wrong_method = Reply::of(served.client.get(&create)).await;
    assert_eq!(
        (wrong_method.status, &wrong_method.body["error_code"]),
        (StatusCode::METHOD_NOT_ALLOWED, &json!("BAD_REQUEST"))
    );
}

#[tokio::test]
async fn a_body_of_two_gigabytes_is_refused_unread() {
    let served = Served::start().await;
    for target in [
        "POST /api/2.0/mlflow/runs/create",
        "PUT /api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/a",
    ] {
        let answer = raw(&served, &format!("{target} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2147483648\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{target}: {answer}");
        assert!(
            answer.contains("INVALID_PARAMETER_VALUE"),
            "{target}: {answer}"
        );
    }
}

#[tokio::test]
async fn ten_thousand_headers_are_too_many() {
    let served = Served::start().await;
    let headers: String = (0..10_000).map(|i| format!("x-{i}: 1\r\n")).collect();
    let answer = raw(
        &served,
        &format!("GET /version HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

/// Sends a request by hand and reads what comes back first.
async fn raw(served: &Served, request: &str) -> String {
    let mut stream = TcpStream::connect(served.base.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    // The server may hang up before it has read everything.
    let _cut_short = stream.write_all(request.as_bytes()).await;
    let mut answer = vec![0; 64 << 10];
    let length = stream.read(&mut answer).await.unwrap_or_default();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn slow_connections_do_not_slow_others() {
    let served = Served::start().await;
    let address = served.base.strip_prefix("http://").unwrap();
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nhost: loc")
            .await
            .unwrap();
        slow.push(stream);
    }
    let begun = std::time::Instant::now();
    for _ in 0..20 {
        served.run().await;
    }
    // 20 runs take some tens of milliseconds; waiting for a slow client would take a minute.
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn names_are_text_whatever_they_hold() {
    let served = Served::start().await;
    let name = "<script>alert(1)</script>";
    let run = served
        .post(
            "runs/create",
            json!({"experiment_id": "0", "run_name": name}),
        )
        .await
        .ok();
    assert_eq!(run["run"]["info"]["run_name"], name);
    let id = run["run"]["info"]["run_id"].as_str().unwrap();
    let page = served
        .client
        .get(served.url(&format!("/runs/{id}")))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(!page.contains("<script>alert"), "{page}");
}
