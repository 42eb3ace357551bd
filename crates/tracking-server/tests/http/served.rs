//! A server for one test, in a folder of its own, and a short way to ask it.

use std::path::Path;

use idiom_tracking_server::{DatabasePlace, Server, ServerConfig, bind};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server; it stops when this is dropped.
pub(crate) struct Served {
    pub(crate) folder: TempDir,
    pub(crate) base: String,
    pub(crate) client: Client,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        change(&mut config);
        Self::start_in(folder, &config).await
    }

    pub(crate) async fn start_in(folder: TempDir, config: &ServerConfig) -> Self {
        let server = bind(config).await.unwrap();
        Self::begin(folder, server)
    }

    /// A server that was changed before it begins to answer.
    pub(crate) async fn start_plugged(change: impl FnOnce(Server) -> Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = bind(&config(folder.path())).await.unwrap();
        Self::begin(folder, change(server))
    }

    fn begin(folder: TempDir, server: Server) -> Self {
        let base = format!("http://{}", server.address());
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _dropped_is_stopped_too = stopped.await;
        };
        let task = tokio::spawn(async move { server.run(stopped).await.unwrap() });
        let client = Client::builder().no_proxy().build().unwrap();
        Self {
            folder,
            base,
            client,
            stop: Some(stop),
            task: Some(task),
        }
    }

    /// Stops the server as SIGTERM does, and gives its folder back.
    pub(crate) async fn stop(mut self) -> TempDir {
        self.stop.take().unwrap().send(()).unwrap();
        self.task.take().unwrap().await.unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Posts to one of MLflow's routes.
    pub(crate) async fn post(&self, route: &str, body: Value) -> Reply {
        let url = self.url(&format!("/api/2.0/mlflow/{route}"));
        Reply::of(self.client.post(url).json(&body)).await
    }

    /// Gets one of MLflow's routes.
    pub(crate) async fn get(&self, route: &str, query: &[(&str, &str)]) -> Reply {
        Reply::of(
            self.client
                .get(self.url(&format!("/api/2.0/mlflow/{route}")))
                .query(query),
        )
        .await
    }

    /// A new run in the default experiment.
    pub(crate) async fn run(&self) -> String {
        let reply = self
            .post("runs/create", json!({"experiment_id": "0"}))
            .await
            .ok();
        reply["run"]["info"]["run_id"].as_str().unwrap().to_owned()
    }

    /// The run as it is now.
    pub(crate) async fn read_run(&self, run_id: &str) -> Value {
        self.get("runs/get", &[("run_id", run_id)]).await.ok()["run"].clone()
    }
}

/// A database and a folder of artifacts for one test; the database is PostgreSQL's where the suite runs on top of it.
pub(crate) fn config(folder: &Path) -> ServerConfig {
    let file = || folder.join("idiom.db").into();
    let db: DatabasePlace = crate::postgres::place(folder).unwrap_or_else(file);
    ServerConfig {
        port: 0,
        ..ServerConfig::new(db, folder.join("artifacts"))
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        let body =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: not JSON: {text}"));
        Self { status, body }
    }

    /// The body of an accepted request.
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    /// The message of a refused request, which must have this status and code.
    pub(crate) fn refused(self, status: u16, code: &str) -> String {
        assert_eq!(
            (self.status.as_u16(), &self.body["error_code"]),
            (status, &json!(code)),
            "{}",
            self.body
        );
        self.body["message"].as_str().unwrap().to_owned()
    }
}

/// Says that a test does not run since something is not installed, which must not be where everything is required.
#[allow(clippy::print_stdout, reason = "whoever runs the tests should read it")]
pub(crate) fn skip(test: &str, missing: &str) {
    let line = format!("skipped: {test} needs {missing}");
    let required = std::env::var("IDIOM_REQUIRE_ALL");
    assert_ne!(required.as_deref(), Ok("1"), "{line}");
    println!("{line}");
}

/// Pairs of a list of `{key, value}`.
pub(crate) fn pairs(list: &Value) -> Vec<(String, Value)> {
    let items = list.as_array().cloned().unwrap_or_default();
    items
        .iter()
        .map(|item| {
            (
                item["key"].as_str().unwrap().to_owned(),
                item["value"].clone(),
            )
        })
        .collect()
}
