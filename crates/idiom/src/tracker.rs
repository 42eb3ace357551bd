//! Which tracking server a run speaks to: the one that was named, one that already runs here, or one of its own.

use crate::failure::Failure;
use crate::home::{Environment, Home};
use idiom_tracking::ClientConfig;
use idiom_tracking_server::{Server, ServerConfig};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// The port that the server of this machine uses when nothing else is said.
pub(crate) const PORT: u16 = idiom_tracking_api::DEFAULT_PORT;

/// A server to log to; dropping it ends the one that was started here.
pub(crate) struct Tracker {
    /// How to reach it.
    pub(crate) config: ClientConfig,
    /// One line that says which it is.
    pub(crate) described: String,
    embedded: Option<Embedded>,
}

struct Embedded {
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Tracker {
    /// Takes `MLFLOW_TRACKING_URI`, else a server of ours on the default port, else starts one inside this process.
    pub(crate) fn find(home: &Home) -> Result<Self, Failure> {
        let environment = &home.environment;
        if let Some(uri) = &environment.tracking_uri {
            return Ok(Self::at(uri, environment, format!("tracking server {uri}")));
        }
        let local = format!("http://127.0.0.1:{PORT}");
        match occupant(&local) {
            Occupant::Idiom => Ok(Self::at(
                &local,
                environment,
                format!("tracking server {local}, already running"),
            )),
            Occupant::Nobody => Self::embed(home, PORT),
            Occupant::Other => Self::embed(home, 0),
        }
    }

    fn at(uri: &str, environment: &Environment, described: String) -> Self {
        Self {
            config: client_of(uri, environment),
            described,
            embedded: None,
        }
    }

    fn embed(home: &Home, port: u16) -> Result<Self, Failure> {
        let config = ServerConfig {
            port,
            ..ServerConfig::new(home.tracking_db(), home.tracking_artifacts())
        };
        let runtime = runtime()?;
        let server: Server = runtime.block_on(idiom_tracking_server::bind(&config))?;
        let uri = format!("http://{}", server.address());
        let (shutdown, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let until = async {
                // A dropped sender means the same as a sent message: stop.
                let _ = stopped.await;
            };
            if let Err(error) = runtime.block_on(server.run(until)) {
                tracing::error!("the tracking server inside this process ended: {error}");
            }
        });
        let described = format!("tracking server {uri}, inside this process while it runs");
        let mut tracker = Self::at(&uri, &home.environment, described);
        tracker.embedded = Some(Embedded {
            shutdown: Some(shutdown),
            thread: Some(thread),
        });
        Ok(tracker)
    }
}

/// How to reach a server with the credentials of the environment.
pub(crate) fn client_of(uri: &str, environment: &Environment) -> ClientConfig {
    ClientConfig {
        token: environment.token.clone(),
        username: environment.username.clone(),
        password: environment.password.clone(),
        ..ClientConfig::new(uri)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.shutdown.take());
        if let Some(thread) = self.thread.take() {
            // A panic in that thread has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// A runtime for the server.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| {
            Failure::new(
                format!("cannot start the server's threads: {e}"),
                "raise the limit on threads (`ulimit -u`)",
            )
        })
}

/// Who answers at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occupant {
    /// A server of this project.
    Idiom,
    /// Something else.
    Other,
    /// Nothing.
    Nobody,
}

/// Asks the address for its version.
pub(crate) fn occupant(uri: &str) -> Occupant {
    let client = reqwest::blocking::Client::builder()
        .timeout(Duration::from_secs(2))
        .no_proxy()
        .build();
    let Ok(client) = client else {
        return Occupant::Nobody;
    };
    match client.get(format!("{uri}/version")).send() {
        Ok(answer) => match answer.text() {
            Ok(text) if text.starts_with("idiom") => Occupant::Idiom,
            _ => Occupant::Other,
        },
        Err(error) if error.is_connect() => Occupant::Nobody,
        Err(_) => Occupant::Other,
    }
}
