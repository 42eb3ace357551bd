//! A server's life: bind, run, stop.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rustix::process::{Resource, getrlimit};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::accounts::Gate;
use crate::artifacts::Artifacts;
use crate::events::News;
use crate::http::{self, AppState, Guard, Shared, Upstream};
use crate::store::Store;
use crate::ui::Ui;
use crate::{DatabasePlace, Extension, ServerConfig, ServerError, neighbour};

/// Open files that connections may not take: the database, its log, artifacts under way.
const KEPT_FILES: usize = 200;

/// A server that listens; [`Server::run`] makes it answer.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    state: Shared,
    extensions: Vec<Box<dyn Extension>>,
    stopping: watch::Sender<bool>,
    max_connections: usize,
}

/// Opens the store and listens.
///
/// # Errors
/// When the address is not this machine's own or is taken, or when the database or the artifacts cannot be opened.
pub async fn bind(config: &ServerConfig) -> Result<Server, ServerError> {
    // The address first: where another server is at work already, its files stay untouched.
    let listener = listen(config).await?;
    let listening = |source| ServerError::Listen {
        address: address_of(config),
        source,
    };
    let address = listener.local_addr().map_err(listening)?;
    make_parent(&config.db)?;
    let news = News::new();
    let store = Store::open(&config.db, news.clone()).await?;
    let artifacts = Artifacts::open(&config.artifacts, config.max_artifact_bytes)?;
    artifacts.check(&config.artifacts).await?;
    // Others than this machine's own people must say who they are.
    if !address.ip().is_loopback() && !store.has_accounts().await.unwrap_or(false) {
        return Err(ServerError::NoAccounts {
            host: config.host.clone(),
        });
    }
    let (stopping, stopped) = watch::channel(false);
    let state = Shared {
        gate: Gate::new(store.clone()),
        store,
        artifacts,
        // Before another server, the database is not what is served.
        database: config.db.mark().filter(|_| config.upstream.is_none()),
        news,
        guard: Guard::new(config),
        upstream: config.upstream.as_ref().map(Upstream::new).transpose()?,
        ui: ui_with(&[])?,
        stopping: stopped,
    };
    Ok(Server {
        listener,
        address,
        state,
        extensions: Vec::new(),
        stopping,
        max_connections: connection_limit(config.max_connections),
    })
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds somebody else's routes and pages.
    ///
    /// # Errors
    /// When its prefix, a file or a word it brings is taken already.
    pub fn plug(mut self, extension: impl Extension) -> Result<Self, ServerError> {
        let prefix = extension.prefix();
        http::check_prefix(prefix, &self.extensions)
            .map_err(|reason| ServerError::Extension { prefix, reason })?;
        self.extensions.push(Box::new(extension));
        self.state.ui = ui_with(&self.extensions)?;
        Ok(self)
    }

    /// Answers until `shutdown` is done, then finishes what is under way and closes the store.
    ///
    /// # Errors
    /// None yet; kept for stores that can fail to close.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let state = AppState::new(self.state);
        let app = http::app(state.clone(), &self.extensions);
        let stop = async {
            shutdown.await;
            let _nobody_listens = self.stopping.send(true);
        };
        http::serve(self.listener, app, self.max_connections, stop).await;
        state.store.close().await;
        Ok(())
    }
}

fn ui_with(extensions: &[Box<dyn Extension>]) -> Result<Arc<Ui>, ServerError> {
    let ui = Ui::new(extensions);
    ui.map(Arc::new)
        .map_err(|(prefix, reason)| ServerError::Extension { prefix, reason })
}

/// As many connections as asked for, or as open files allow with some left for the store.
fn connection_limit(asked: usize) -> usize {
    let files = getrlimit(Resource::Nofile)
        .current
        .and_then(|files| usize::try_from(files).ok());
    files
        .map_or(asked, |files| asked.min(files.saturating_sub(KEPT_FILES)))
        .max(1)
}

async fn listen(config: &ServerConfig) -> Result<TcpListener, ServerError> {
    let ip = ip_of(&config.host)?;
    match TcpListener::bind((ip, config.port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let neighbour = neighbour::ask(SocketAddr::new(ip, config.port)).await;
            let address = address_of(config);
            Err(ServerError::Busy {
                address,
                holder: neighbour.to_string(),
                is_ours: neighbour.is_ours(),
            })
        }
        Err(source) => Err(ServerError::Listen {
            address: address_of(config),
            source,
        }),
    }
}

/// The address of a host: `localhost`, or the address itself.
fn ip_of(host: &str) -> Result<IpAddr, ServerError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.eq_ignore_ascii_case("localhost") {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    bare.parse().map_err(|_| ServerError::NoAddress {
        host: host.to_owned(),
    })
}

fn address_of(config: &ServerConfig) -> String {
    format!("{}:{}", config.host, config.port)
}

/// Makes the folder of a database that is a file.
pub(crate) fn make_parent(place: &DatabasePlace) -> Result<(), ServerError> {
    let folder = place.file().and_then(Path::parent);
    let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|source| ServerError::Folder {
        path: folder.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_or_localhost() {
        for host in [
            "127.0.0.1",
            "localhost",
            "::1",
            "[::1]",
            "0.0.0.0",
            "192.168.1.4",
        ] {
            assert!(ip_of(host).is_ok(), "{host}");
        }
        for host in ["lab.example", ""] {
            assert!(ip_of(host).is_err(), "{host}");
        }
    }
}
