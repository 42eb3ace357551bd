//! A tracking server inside this process, on threads of its own.

use super::runtime;
use crate::failure::Failure;
use crate::home::Home;
use idiom_tracking_server::{ServerConfig, ServerError};
use std::net::SocketAddr;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// It ends with the value, after it has answered what was asked.
pub(super) struct Embedded {
    address: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Serves the project's database; none where somebody else has the port.
    pub(super) fn start(home: &Home, port: u16) -> Result<Option<Self>, Failure> {
        let config = ServerConfig {
            port,
            ..ServerConfig::new(home.tracking_db()?, home.tracking_artifacts()?)
        };
        let runtime = runtime()?;
        let server = match runtime.block_on(idiom_tracking_server::bind(&config)) {
            Ok(server) => server,
            Err(ServerError::Busy { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let address = server.address();
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
        Ok(Some(Self {
            address,
            shutdown: Some(shutdown),
            thread: Some(thread),
        }))
    }

    pub(super) fn uri(&self) -> String {
        format!("http://{}", self.address)
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
