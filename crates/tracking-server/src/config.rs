//! What a server is told at its start. Defaults stand here and nowhere else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use idiom_tracking_api::{DEFAULT_HOST, DEFAULT_PORT};

use crate::place::{ArtifactsPlace, DatabasePlace};

/// What a server is told at its start.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The address to listen on; others than this machine's own are refused while there are no accounts.
    pub host: String,
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// The database: a SQLite file, or PostgreSQL.
    pub db: DatabasePlace,
    /// The store of artifacts: a folder, or S3.
    pub artifacts: ArtifactsPlace,
    /// Host names beyond this machine's own that browsers may use, e.g. those of a reverse proxy.
    pub allowed_hosts: Vec<String>,
    /// Web origins beyond the server's own that may send requests, e.g. `https://lab.example`.
    pub allowed_origins: Vec<String>,
    /// The largest artifact, in bytes.
    pub max_artifact_bytes: u64,
    /// Connections at one time; more wait.
    pub max_connections: usize,
    /// A real MLflow server that stands behind our pages, instead of our own store of runs.
    pub upstream: Option<UpstreamConfig>,
}

/// A server behind our pages.
#[derive(Clone)]
pub struct UpstreamConfig {
    /// Its address, e.g. `http://127.0.0.1:5000`.
    pub uri: String,
    /// What is sent as `Authorization`, e.g. `Bearer TOKEN`.
    pub authorization: Option<String>,
}

impl UpstreamConfig {
    /// A server with the credentials that MLflow's client would send: the token before name and password.
    pub fn new(uri: &str, token: Option<&str>, account: Option<(&str, &str)>) -> Self {
        let basic =
            |(name, password)| format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        let bearer = token.map(|token| format!("Bearer {token}"));
        Self {
            uri: uri.to_owned(),
            authorization: bearer.or_else(|| account.map(basic)),
        }
    }
}

impl std::fmt::Debug for UpstreamConfig {
    /// Without the credentials.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("UpstreamConfig")
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

impl ServerConfig {
    /// The defaults, over a database and a store of artifacts.
    pub fn new(db: impl Into<DatabasePlace>, artifacts: impl Into<ArtifactsPlace>) -> Self {
        Self {
            host: DEFAULT_HOST.to_owned(),
            port: DEFAULT_PORT,
            db: db.into(),
            artifacts: artifacts.into(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            max_artifact_bytes: 1 << 30,
            max_connections: 2048,
            upstream: None,
        }
    }
}
