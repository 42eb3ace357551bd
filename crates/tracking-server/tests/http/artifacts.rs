//! Artifacts: written whole, read back whole or in part, listed, deleted; and never outside the store.

use reqwest::StatusCode;
use serde_json::json;

use crate::served::{Reply, Served};

const PREFIX: &str = "/api/2.0/mlflow-artifacts/artifacts";

async fn put(served: &Served, path: &str, body: impl Into<reqwest::Body>) -> Reply {
    Reply::of(
        served
            .client
            .put(served.url(&format!("{PREFIX}/{path}")))
            .body(body),
    )
    .await
}

async fn run_with(files: &[(&str, &str)]) -> (Served, String) {
    let served = Served::start().await;
    let id = served.run().await;
    for (path, text) in files {
        put(
            &served,
            &format!("0/{id}/artifacts/{path}"),
            (*text).to_owned(),
        )
        .await
        .ok();
    }
    (served, id)
}

#[tokio::test]
async fn a_file_comes_back_as_it_went() {
    let served = Served::start().await;
    let bytes: Vec<u8> = (0..20_000_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    put(
        &served,
        "0/run/artifacts/model/a%20b%23c%25d.bin",
        bytes.clone(),
    )
    .await
    .ok();
    let url = served.url(&format!("{PREFIX}/0/run/artifacts/model/a%20b%23c%25d.bin"));
    let back = served.client.get(url).send().await.unwrap();
    assert_eq!(back.headers()["content-length"], "20000000");
    assert_eq!(back.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn a_run_lists_its_files_and_folders() {
    let (served, id) = run_with(&[
        ("a.txt", "12345"),
        ("images/x.png", "png"),
        ("images/deep/y.png", "png"),
    ])
    .await;
    let root = served.get("artifacts/list", &[("run_id", &id)]).await.ok();
    assert_eq!(
        root["root_uri"],
        format!("mlflow-artifacts:/0/{id}/artifacts")
    );
    let expected = json!([
        {"path": "a.txt", "is_dir": false, "file_size": 5},
        {"path": "images", "is_dir": true},
    ]);
    assert_eq!(root["files"], expected);
    let images = served
        .get("artifacts/list", &[("run_id", &id), ("path", "images")])
        .await
        .ok();
    let expected = json!([
        {"path": "images/deep", "is_dir": true},
        {"path": "images/x.png", "is_dir": false, "file_size": 3},
    ]);
    assert_eq!(images["files"], expected);
    let folder = format!("0/{id}/artifacts/images");
    let relative = Reply::of(
        served
            .client
            .get(served.url(PREFIX))
            .query(&[("path", folder)]),
    )
    .await
    .ok();
    assert_eq!(relative["files"][1]["path"], "x.png");
}

#[tokio::test]
async fn a_part_of_a_file_can_be_asked_for() {
    let (served, id) = run_with(&[("a.txt", "0123456789")]).await;
    let url = served.url(&format!("{PREFIX}/0/{id}/artifacts/a.txt"));
    for (range, expected, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=5-99", "56789", "bytes 5-9/10"),
    ] {
        let part = served
            .client
            .get(&url)
            .header("range", range)
            .send()
            .await
            .unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(part.headers()["content-range"], content_range, "{range}");
        assert_eq!(part.text().await.unwrap(), expected, "{range}");
    }
    let outside = served
        .client
        .get(&url)
        .header("range", "bytes=10-")
        .send()
        .await
        .unwrap();
    assert_eq!(outside.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(outside.headers()["content-range"], "bytes */10");
    let several = served
        .client
        .get(&url)
        .header("range", "bytes=0-1,4-5")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (several.status(), several.text().await.unwrap().as_str()),
        (StatusCode::OK, "0123456789")
    );
}

#[tokio::test]
async fn a_file_that_did_not_change_is_not_sent_again() {
    let (served, id) = run_with(&[("a.txt", "0123456789")]).await;
    let url = served.url(&format!("/get-artifact?run_id={id}&path=a.txt"));
    let first = served.client.get(&url).send().await.unwrap();
    let etag = first.headers()["etag"].clone();
    assert_eq!(first.text().await.unwrap(), "0123456789");
    let again = served
        .client
        .get(&url)
        .header("if-none-match", etag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_file_or_a_folder_can_be_deleted() {
    let (served, id) = run_with(&[("a.txt", "1"), ("d/x", "2"), ("d/e/y", "3")]).await;
    let delete = |path: &str| {
        Reply::of(
            served
                .client
                .delete(served.url(&format!("{PREFIX}/0/{id}/artifacts/{path}"))),
        )
    };
    delete("d").await.ok();
    delete("a.txt").await.ok();
    delete("a.txt")
        .await
        .refused(404, "RESOURCE_DOES_NOT_EXIST");
    let left = served.get("artifacts/list", &[("run_id", &id)]).await.ok();
    let files = left["files"].as_array().cloned().unwrap_or_default();
    assert!(files.iter().all(|file| file["is_dir"] == true), "{files:?}");
}

#[tokio::test]
async fn a_missing_file_is_404_and_a_folder_is_no_file() {
    let (served, id) = run_with(&[("d/x", "2")]).await;
    let get = |path: &str| {
        Reply::of(
            served
                .client
                .get(served.url(&format!("{PREFIX}/0/{id}/artifacts/{path}"))),
        )
    };
    get("nobody.txt")
        .await
        .refused(404, "RESOURCE_DOES_NOT_EXIST");
    let folder = get("d").await;
    assert!([400, 404].contains(&folder.status.as_u16()), "{folder:?}");
    put(
        &served,
        &format!("0/{id}/artifacts/d/x/below"),
        "a file inside a file",
    )
    .await
    .refused(400, "INVALID_PARAMETER_VALUE");
    put(
        &served,
        &format!("0/{id}/artifacts/d"),
        "a file where a folder is",
    )
    .await
    .refused(400, "INVALID_PARAMETER_VALUE");
}

#[tokio::test]
async fn no_path_leaves_the_store() {
    let (served, id) = run_with(&[("a.txt", "1")]).await;
    let secret = served.folder.path().join("secret.txt");
    std::fs::write(&secret, "secret").unwrap();
    for path in [
        "..%2fsecret.txt",
        "%2e%2e%2fsecret.txt",
        "%252e%252e%252fsecret.txt",
        "0%2f..%2f..%2fsecret.txt",
        "0/%2e%2e/%2e%2e/secret.txt",
        "%2fetc%2fpasswd",
        "a%00b",
        "a%5cb",
        "..%5csecret.txt",
        "C:%2fx",
        "%252fetc",
        "%ff",
    ] {
        for method in [
            reqwest::Method::GET,
            reqwest::Method::PUT,
            reqwest::Method::DELETE,
        ] {
            // The path is sent as it stands here: `Url` would tidy it up first.
            let reply = raw(&served, &method, &format!("{PREFIX}/{path}")).await;
            assert!(
                reply.starts_with("HTTP/1.1 400"),
                "{method} {path}: {reply}"
            );
            assert!(
                reply.contains("INVALID_PARAMETER_VALUE"),
                "{method} {path}: {reply}"
            );
        }
    }
    for path in [
        "../secret.txt",
        "/etc/passwd",
        "a\\b",
        "..\\secret.txt",
        "%2e%2e/secret.txt",
    ] {
        let of_run = Reply::of(
            served
                .client
                .get(served.url("/get-artifact"))
                .query(&[("run_id", id.as_str()), ("path", path)]),
        );
        of_run.await.refused(400, "INVALID_PARAMETER_VALUE");
        let list = served
            .get("artifacts/list", &[("run_id", &id), ("path", path)])
            .await;
        list.refused(400, "INVALID_PARAMETER_VALUE");
    }
    assert_eq!(std::fs::read_to_string(secret).unwrap(), "secret");
}

async fn raw(served: &Served, method: &reqwest::Method, target: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = served.base.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn what_could_run_a_script_is_downloaded_not_shown() {
    let (served, id) = run_with(&[
        ("a.svg", "<svg/>"),
        ("a.html", "<script>"),
        ("a.png", "png"),
    ])
    .await;
    for (name, way) in [
        ("a.svg", "attachment"),
        ("a.html", "attachment"),
        ("a.png", "inline"),
    ] {
        let url = served.url(&format!("/get-artifact?run_id={id}&path={name}"));
        let headers = served
            .client
            .get(url)
            .send()
            .await
            .unwrap()
            .headers()
            .clone();
        let disposition = headers["content-disposition"].to_str().unwrap();
        assert!(disposition.starts_with(way), "{name}: {disposition}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(
            headers["content-security-policy"],
            "default-src 'none'; sandbox"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_leaves_nothing_behind() {
    let served = Served::start_with(|config| config.max_artifact_bytes = 1000).await;
    let told = put(&served, "0/r/artifacts/a", vec![0_u8; 2000]).await;
    told.refused(413, "INVALID_PARAMETER_VALUE");
    let parts =
        futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 100])));
    let counted = put(
        &served,
        "0/r/artifacts/a",
        reqwest::Body::wrap_stream(parts),
    )
    .await;
    counted.refused(413, "INVALID_PARAMETER_VALUE");
    put(&served, "0/r/artifacts/b", vec![0_u8; 1000]).await.ok();
    let files = Reply::of(
        served
            .client
            .get(served.url(PREFIX))
            .query(&[("path", "0/r/artifacts")]),
    )
    .await
    .ok();
    assert_eq!(
        files["files"],
        json!([{"path": "b", "is_dir": false, "file_size": 1000}])
    );
}

#[tokio::test]
async fn artifacts_kept_elsewhere_are_not_ours_to_list() {
    let served = Served::start().await;
    let new = json!({"name": "s3", "artifact_location": "s3://bucket/x"});
    let experiment = served.post("experiments/create", new).await.ok()["experiment_id"].clone();
    let run = served
        .post("runs/create", json!({"experiment_id": experiment}))
        .await
        .ok();
    let id = run["run"]["info"]["run_id"].as_str().unwrap();
    let message = served
        .get("artifacts/list", &[("run_id", id)])
        .await
        .refused(400, "INVALID_PARAMETER_VALUE");
    assert!(message.contains("s3://bucket/x"), "{message}");
}
