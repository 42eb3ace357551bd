//! `idiom-tracking-server`: the tracking server and its UI alone, without libtorch.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use idiom_tracking_server::{ServerConfig, ServerError, bind};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

/// Tracks experiments in MLflow's protocol and shows them in a browser.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; only this machine's own.
    #[arg(long, default_value = idiom_tracking_api::DEFAULT_HOST)]
    host: String,
    /// Port to listen on; 0 lets the system choose.
    #[arg(long, default_value_t = idiom_tracking_api::DEFAULT_PORT)]
    port: u16,
    /// The database file.
    #[arg(long, default_value = "data/tracking/idiom.db")]
    db: PathBuf,
    /// The folder of artifacts.
    #[arg(long, default_value = "data/tracking/artifacts")]
    artifacts: PathBuf,
    /// Further host names that browsers may use, e.g. a reverse proxy's.
    #[arg(long, value_delimiter = ',')]
    allowed_hosts: Vec<String>,
    /// Further web origins that may send requests, e.g. https://lab.example.
    #[arg(long, value_delimiter = ',')]
    allowed_origins: Vec<String>,
    /// The largest artifact, in bytes.
    #[arg(long)]
    max_artifact_bytes: Option<u64>,
}

impl Arguments {
    fn config(self) -> ServerConfig {
        let defaults = ServerConfig::new(self.db, self.artifacts);
        ServerConfig {
            host: self.host,
            port: self.port,
            allowed_hosts: self.allowed_hosts,
            allowed_origins: self.allowed_origins,
            max_artifact_bytes: self
                .max_artifact_bytes
                .unwrap_or(defaults.max_artifact_bytes),
            ..defaults
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    raise_file_limit();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    match serve(Arguments::parse().config()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(2)
        }
    }
}

#[allow(
    clippy::print_stdout,
    reason = "the address is what whoever starts a server waits for"
)]
async fn serve(config: ServerConfig) -> Result<(), ServerError> {
    let server = bind(&config).await?;
    println!("http://{}", server.address());
    server.run(interrupted()).await
}

/// Each connection is an open file, and the usual limit of 1024 is soon reached; what cannot be raised stays.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _stays_as_it_was = setrlimit(Resource::Nofile, raised);
}

/// Done on Ctrl-C or SIGTERM; where signals cannot be had, never.
async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[allow(
    clippy::print_stderr,
    reason = "this is where a person reads why the server did not start"
)]
fn complain(error: &ServerError) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    if let Some(hint) = error.hint() {
        eprintln!("hint: {hint}");
    }
}
