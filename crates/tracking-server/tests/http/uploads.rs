//! Files that come in parts, and small ones from MLflow's pages.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::served::{Reply, Served};

const MPU: &str = "/api/2.0/mlflow-artifacts/mpu";

async fn ask(served: &Served, route: &str, body: Value) -> Reply {
    let url = served.url(&format!("{MPU}/{route}"));
    Reply::of(served.client.post(url).json(&body)).await
}

/// Begins an upload and sends its parts, the last first; what names it, and the parts as `complete` wants them.
async fn sent(served: &Served, folder: &str, parts: &[&str]) -> (String, Value) {
    let begin = json!({"path": "/home/me/model.bin", "num_parts": parts.len()});
    let begun = ask(served, &format!("create/{folder}"), begin).await.ok();
    let addresses = begun["credentials"].as_array().unwrap();
    assert_eq!(addresses.len(), parts.len());
    let mut marks = Vec::new();
    for (address, text) in addresses.iter().zip(parts).rev() {
        let url = address["url"].as_str().unwrap();
        let put = served.client.put(url).body((*text).to_owned());
        let answer = put.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let mark = answer.headers()["etag"].to_str().unwrap();
        marks.push(json!({"part_number": address["part_number"], "etag": mark, "url": url}));
    }
    let upload = begun["upload_id"].as_str().unwrap().to_owned();
    (upload, Value::Array(marks))
}

async fn text_of(served: &Served, path: &str) -> (StatusCode, String) {
    let url = served.url(&format!("/api/2.0/mlflow-artifacts/artifacts/{path}"));
    let answer = served.client.get(url).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_file_sent_in_parts_is_put_together_in_their_order() {
    let served = Served::start().await;
    let folder = format!("0/{}/artifacts/deep", served.run().await);
    let (upload, parts) = sent(&served, &folder, &["one ", "two ", "three"]).await;
    let file = format!("{folder}/model.bin");
    assert_eq!(text_of(&served, &file).await.0, StatusCode::NOT_FOUND);
    let body = json!({"path": "C:\\models\\model.bin", "upload_id": upload, "parts": parts});
    ask(&served, &format!("complete/{folder}"), body).await.ok();
    let expected = (StatusCode::OK, "one two three".to_owned());
    assert_eq!(text_of(&served, &file).await, expected);
    nothing_is_left(&served).await;
}

async fn nothing_is_left(served: &Served) {
    let url = served.url("/api/2.0/mlflow-artifacts/artifacts");
    let listed = Reply::of(served.client.get(url)).await.ok();
    let names = listed["files"].as_array().unwrap().iter();
    assert!(
        names
            .map(|file| &file["path"])
            .all(|path| path != ".uploads")
    );
    let left = std::fs::read_dir(served.folder.path().join("artifacts/.uploads"));
    let files = left.unwrap().flat_map(|folder| {
        let folder = folder.unwrap().path();
        std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
    });
    assert_eq!(files.collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let served = Served::start().await;
    let (upload, parts) = sent(&served, "0/run/artifacts", &["a", "b"]).await;
    let body = json!({"path": "model.bin", "upload_id": upload});
    ask(&served, "abort/0/run/artifacts", body).await.ok();
    nothing_is_left(&served).await;
    let body = json!({"path": "model.bin", "upload_id": upload, "parts": parts});
    let late = ask(&served, "complete/0/run/artifacts", body).await;
    late.refused(400, "INVALID_PARAMETER_VALUE");
    let file = text_of(&served, "0/run/artifacts/model.bin").await;
    assert_eq!(file.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn parts_that_do_not_fit_are_refused() {
    let served = Served::start().await;
    let (upload, parts) = sent(&served, "0/run/artifacts", &["a", "b"]).await;
    let with = |parts: Value| json!({"path": "model.bin", "upload_id": upload, "parts": parts});
    let other = json!([{"part_number": 1, "etag": "other"}]);
    let absent = json!([parts[0], parts[1], {"part_number": 3, "etag": ""}]);
    let twice = json!([parts[0], parts[0]]);
    for (parts, word) in [
        (json!([]), "at least one"),
        (other, "another one"),
        (absent, "part 3"),
        (twice, "twice"),
    ] {
        let reply = ask(&served, "complete/0/run/artifacts", with(parts)).await;
        let message = reply.refused(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains(word), "{message}");
    }
    for count in [0, 10_001] {
        let body = json!({"path": "model.bin", "num_parts": count});
        let reply = ask(&served, "create/0/run/artifacts", body).await;
        reply.refused(400, "INVALID_PARAMETER_VALUE");
    }
    let body = json!({"path": "model.bin", "upload_id": "../..", "parts": parts});
    let reply = ask(&served, "complete/0/run/artifacts", body).await;
    reply.refused(404, "RESOURCE_DOES_NOT_EXIST");
    for folder in ["..%2f..%2fetc", ".uploads/x"] {
        let body = json!({"path": "model.bin", "num_parts": 1});
        let reply = ask(&served, &format!("create/{folder}"), body).await;
        reply.refused(400, "INVALID_PARAMETER_VALUE");
    }
    let hidden = text_of(&served, &format!(".uploads/{upload}/00001")).await;
    assert_eq!(hidden.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn mlflows_pages_send_small_files_with_their_run_in_the_query() {
    let served = Served::start().await;
    let run = served.run().await;
    let send = |query: Vec<(&'static str, String)>, bytes: Vec<u8>| {
        let url = served.url("/ajax-api/2.0/mlflow/upload-artifact");
        Reply::of(served.client.post(url).query(&query).body(bytes))
    };
    let place = |path: &str| vec![("run_uuid", run.clone()), ("path", path.to_owned())];
    send(place("notes/a.txt"), b"hello".to_vec()).await.ok();
    let file = text_of(&served, &format!("0/{run}/artifacts/notes/a.txt")).await;
    assert_eq!(file, (StatusCode::OK, "hello".to_owned()));
    // The words are those of MLflow's `upload_artifact_handler`.
    for (query, bytes, words) in [
        (vec![], b"x".to_vec(), "Request must specify run_uuid."),
        (
            vec![("run_uuid", run.clone())],
            b"x".to_vec(),
            "Request must specify path.",
        ),
        (place("a.txt"), vec![], "Request must specify data."),
        (
            place("a.txt"),
            vec![0; (10 << 20) + 1],
            "Artifact size is too large. Max size is 10MB.",
        ),
    ] {
        let reply = send(query, bytes).await;
        assert_eq!(reply.refused(400, "INVALID_PARAMETER_VALUE"), words);
    }
    let outside = send(place("../a.txt"), b"x".to_vec()).await;
    outside.refused(400, "INVALID_PARAMETER_VALUE");
}
