//! `idiom serve`: the tracking server and its pages until a signal comes.

use super::Session;
use crate::arguments::Serve;
use crate::failure::Failure;
use crate::tracker::{Occupant, occupant, runtime};
use idiom_tracking_server::ServerConfig;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Session {
    pub(super) fn serve(&self, arguments: &Serve) -> Result<String, Failure> {
        let local = format!("http://127.0.0.1:{}", arguments.port);
        if arguments.port != 0 && occupant(&local) == Occupant::Idiom {
            let hint = format!("open {local} in a browser, or choose another `--port`");
            return Err(Failure::new(
                format!("an Idiom server already runs at {local}"),
                hint,
            ));
        }
        let config = ServerConfig {
            host: arguments.host.clone(),
            port: arguments.port,
            ..ServerConfig::new(
                arguments
                    .db
                    .clone()
                    .unwrap_or_else(|| self.home.tracking_db()),
                arguments
                    .artifacts
                    .clone()
                    .unwrap_or_else(|| self.home.tracking_artifacts()),
            )
        };
        let runtime = runtime()?;
        let server = runtime.block_on(idiom_tracking_server::bind(&config))?;
        self.screen.say(&format!(
            "compare runs at http://{}   (Ctrl-C ends the server)",
            server.address()
        ));
        let stop = self.stop.clone();
        runtime.block_on(server.run(async move {
            while !stop.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }))?;
        Ok(String::new())
    }
}
