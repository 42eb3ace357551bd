//! `idiom-tracking-server`: the tracking server and its UI alone, without libtorch.

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use idiom_tracking_server::{
    AccountError, Accounts, ArtifactsPlace, DatabasePlace, Role, ServerConfig, ServerError, Upkeep,
    UpkeepError, UpstreamConfig, bind,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

/// Tracks experiments in MLflow's protocol and shows them in a browser.
#[derive(Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = false,
    after_help = "Examples:\n  idiom-tracking-server\n  idiom-tracking-server --db postgresql://idiom@db.lab/idiom --artifacts s3://lab-artifacts/idiom\n  idiom-tracking-server gc --older-than-days 7"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Address to listen on; others than this machine's own need accounts.
    #[arg(long, env = "IDIOM_HOST", default_value = idiom_tracking_api::DEFAULT_HOST)]
    host: String,
    /// Port to listen on; 0 lets the system choose.
    #[arg(long, env = "IDIOM_PORT", default_value_t = idiom_tracking_api::DEFAULT_PORT)]
    port: u16,
    /// The database: a SQLite file, or `postgresql://USER@HOST/DATABASE` (a password may stand in PGPASSWORD or ~/.pgpass).
    #[arg(
        long,
        alias = "store",
        global = true,
        value_name = "FILE|URI",
        env = "IDIOM_DB",
        hide_env_values = true,
        default_value = "data/tracking/idiom.db"
    )]
    db: DatabasePlace,
    /// The store of artifacts: a folder, or `s3://BUCKET/PREFIX` with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION
    /// and, for a store other than Amazon's, AWS_ENDPOINT_URL in the environment.
    #[arg(
        long,
        global = true,
        value_name = "FOLDER|URI",
        env = "IDIOM_ARTIFACTS",
        default_value = "data/tracking/artifacts"
    )]
    artifacts: ArtifactsPlace,
    /// Further host names that browsers may use, e.g. a reverse proxy's.
    #[arg(long, value_delimiter = ',')]
    allowed_hosts: Vec<String>,
    /// Further web origins that may send requests, e.g. https://lab.example.
    #[arg(long, value_delimiter = ',')]
    allowed_origins: Vec<String>,
    /// The largest artifact, in bytes.
    #[arg(long)]
    max_artifact_bytes: Option<u64>,
    /// Put these pages before a real MLflow server, e.g. http://127.0.0.1:5000; its credentials come from
    /// MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
    #[arg(long, value_name = "URI")]
    upstream: Option<String>,
    #[arg(long, env = "MLFLOW_TRACKING_TOKEN", hide = true)]
    upstream_token: Option<String>,
    #[arg(long, env = "MLFLOW_TRACKING_USERNAME", hide = true)]
    upstream_user: Option<String>,
    #[arg(long, env = "MLFLOW_TRACKING_PASSWORD", hide = true)]
    upstream_password: Option<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// Accounts: once there is one, everybody must sign in.
    #[command(subcommand)]
    Account(AccountVerb),
    #[command(flatten)]
    Upkeep(Upkeep),
}

#[derive(Subcommand)]
enum AccountVerb {
    /// Make an account, or give it a new password and role; prints its secrets once.
    #[command(after_help = "Example:\n  idiom-tracking-server account add ada --role admin")]
    Add {
        /// Letters, digits, `_`, `-`, `@`.
        name: String,
        /// What it may do.
        #[arg(long, value_enum, default_value = "write")]
        role: RoleWord,
    },
    /// List the accounts.
    List,
    /// Remove an account.
    Remove {
        /// Its name.
        name: String,
    },
}

/// A role as it is typed.
#[derive(Clone, Copy, ValueEnum)]
enum RoleWord {
    /// Look at everything.
    Read,
    /// Log runs, change and delete them.
    Write,
    /// Make and remove accounts, too.
    Admin,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Read => Self::Read,
            RoleWord::Write => Self::Write,
            RoleWord::Admin => Self::Admin,
        }
    }
}

impl Arguments {
    fn config(self) -> ServerConfig {
        let account = self
            .upstream_user
            .as_deref()
            .zip(self.upstream_password.as_deref());
        let token = self.upstream_token.as_deref();
        let upstream = self.upstream.as_deref();
        let upstream = upstream.map(|uri| UpstreamConfig::new(uri, token, account));
        let defaults = ServerConfig::new(self.db, self.artifacts);
        ServerConfig {
            host: self.host,
            port: self.port,
            allowed_hosts: self.allowed_hosts,
            allowed_origins: self.allowed_origins,
            max_artifact_bytes: self
                .max_artifact_bytes
                .unwrap_or(defaults.max_artifact_bytes),
            upstream,
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
    let arguments = Arguments::parse();
    let done = match arguments.verb {
        Some(Verb::Account(verb)) => account(&arguments.db, verb).await.map_err(|error| {
            complain(&error, None);
        }),
        Some(Verb::Upkeep(verb)) => upkeep(&arguments.db, &arguments.artifacts, verb)
            .await
            .map_err(|error| complain(&error, error.hint())),
        None => serve(arguments.config()).await.map_err(|error| {
            complain(&error, error.hint());
        }),
    };
    done.map_or_else(|()| ExitCode::from(2), |()| ExitCode::SUCCESS)
}

#[allow(
    clippy::print_stdout,
    reason = "a secret is shown once, to whoever asked for it"
)]
async fn account(db: &DatabasePlace, verb: AccountVerb) -> Result<(), AccountError> {
    let accounts = Accounts::open(db).await?;
    match verb {
        AccountVerb::Add { name, role } => {
            let new = accounts.put(&name, role.into()).await?;
            println!("MLFLOW_TRACKING_USERNAME={}", new.account.name);
            println!("MLFLOW_TRACKING_PASSWORD={}", new.password);
            println!("MLFLOW_TRACKING_TOKEN={}", new.token());
        }
        AccountVerb::List => {
            for account in accounts.list().await? {
                println!("{}\t{}", account.name, account.role.as_str());
            }
        }
        AccountVerb::Remove { name } => accounts.remove(&name).await?,
    }
    accounts.close().await;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "what was done is what was asked for")]
async fn upkeep(
    db: &DatabasePlace,
    artifacts: &ArtifactsPlace,
    verb: Upkeep,
) -> Result<(), UpkeepError> {
    verb.carry_out(db, artifacts, |line| println!("{line}"))
        .await
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
fn complain(error: &dyn Error, hint: Option<String>) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    if let Some(hint) = hint {
        eprintln!("hint: {hint}");
    }
}
