//! What a server is told at its start. Defaults stand here and nowhere else.

use std::path::PathBuf;

use idiom_tracking_api::{DEFAULT_HOST, DEFAULT_PORT};

/// What a server is told at its start.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The address to listen on; others than this machine's own are refused while there are no accounts.
    pub host: String,
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// The SQLite file; made, with its folder, when it is not there.
    pub db: PathBuf,
    /// The folder of artifacts; made when it is not there.
    pub artifacts: PathBuf,
    /// Host names beyond this machine's own that browsers may use, e.g. those of a reverse proxy.
    pub allowed_hosts: Vec<String>,
    /// Web origins beyond the server's own that may send requests, e.g. `https://lab.example`.
    pub allowed_origins: Vec<String>,
    /// The largest artifact, in bytes.
    pub max_artifact_bytes: u64,
    /// Connections at one time; more wait.
    pub max_connections: usize,
}

impl ServerConfig {
    /// The defaults, over a database file and a folder of artifacts.
    pub fn new(db: impl Into<PathBuf>, artifacts: impl Into<PathBuf>) -> Self {
        Self {
            host: DEFAULT_HOST.to_owned(),
            port: DEFAULT_PORT,
            db: db.into(),
            artifacts: artifacts.into(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            max_artifact_bytes: 1 << 30,
            max_connections: 2048,
        }
    }
}
