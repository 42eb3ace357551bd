//! Pages and routes that plug in: they stand in our frame and behind our checks.

use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use idiom_tracking_server::{Extension, ExtensionLimits, Page, ServerError, Shell, bind};
use reqwest::StatusCode;

use crate::served::{Served, config};

/// A page, an upload, and an answer that never comes.
struct Hello(&'static str);

impl Extension for Hello {
    fn prefix(&self) -> &'static str {
        self.0
    }

    fn entry(&self) -> Option<&'static str> {
        Some("hello.title")
    }

    fn words(&self) -> &'static str {
        r#"{ "hello.title": ["Hello", "你好"] }"#
    }

    fn files(&self) -> &'static [(&'static str, &'static [u8])] {
        &[("hello.js", b"export const hello = 1;")]
    }

    fn limits(&self) -> ExtensionLimits {
        ExtensionLimits {
            answer_within: Duration::from_millis(200),
            max_body_bytes: 1000,
        }
    }

    fn router(&self, shell: Shell) -> Router {
        let current = self.0;
        let page = move |headers: HeaderMap| async move {
            let page = Page {
                title: "hello.title",
                current,
                scripts: &["hello.js"],
                body: "<p id=hello></p>",
                ..Page::default()
            };
            shell.page(&headers, &page)
        };
        Router::new()
            .route("/", get(page))
            .route(
                "/size",
                post(|body: String| async move { body.len().to_string() }),
            )
            .route("/never", get(std::future::pending::<()>))
    }
}

async fn served() -> Served {
    Served::start_plugged(|server| server.plug(Hello("/hello")).unwrap()).await
}

#[tokio::test]
async fn its_page_stands_in_our_frame_in_the_readers_language_and_in_the_navigation() {
    let server = served().await;
    let ask = |path: &str| {
        server
            .client
            .get(server.url(path))
            .header("accept-language", "zh")
    };
    let page = ask("/hello").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<title>你好 · Idiom</title>"), "{page}");
    assert!(page.contains("<p id=hello></p>"), "{page}");
    assert!(
        page.contains(r#"<a href="/hello" aria-current="true">你好</a>"#),
        "{page}"
    );
    let runs = ask("/").send().await.unwrap().text().await.unwrap();
    assert!(runs.contains(r#"<a href="/hello">你好</a>"#), "{runs}");
    let script = page
        .split("src=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let script = ask(script).send().await.unwrap();
    assert_eq!(
        script.headers()["content-type"],
        "text/javascript; charset=utf-8"
    );
    assert_eq!(script.text().await.unwrap(), "export const hello = 1;");
}

#[tokio::test]
async fn its_routes_stand_behind_our_checks_and_its_own_limits() {
    let server = served().await;
    let url = |path: &str| server.url(path);
    let foreign = server
        .client
        .get(url("/hello"))
        .header("host", "evil.example");
    assert_eq!(
        foreign.send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    let origin = server
        .client
        .post(url("/hello/size"))
        .header("origin", "http://evil.example");
    assert_eq!(origin.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let ask = async |bytes: usize| {
        let request = server
            .client
            .post(url("/hello/size"))
            .body("x".repeat(bytes));
        request.send().await.unwrap().status()
    };
    assert_eq!(ask(1000).await, StatusCode::OK);
    assert_eq!(ask(1001).await, StatusCode::PAYLOAD_TOO_LARGE);
    let late = server.client.get(url("/hello/never")).send().await.unwrap();
    assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
    let answer = server
        .client
        .get(url("/hello/nothing"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(answer.headers().contains_key("content-security-policy"));
}

#[tokio::test]
async fn what_is_ours_or_taken_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for prefix in ["/api", "/runs", "hello", "/", "/a/b", "/Hello"] {
        let server = bind(&config(folder.path())).await.unwrap();
        let refused = server.plug(Hello(prefix));
        assert!(
            matches!(refused, Err(ServerError::Extension { .. })),
            "{prefix}"
        );
    }
    let server = bind(&config(folder.path())).await.unwrap();
    let twice = server.plug(Hello("/hello")).unwrap().plug(Hello("/again"));
    let Err(ServerError::Extension {
        prefix: "/again",
        reason,
    }) = twice
    else {
        panic!("two extensions with the same words were let in");
    };
    assert!(reason.contains("hello.title"), "{reason}");
}
