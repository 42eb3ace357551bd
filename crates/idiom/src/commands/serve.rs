//! `idiom serve`: the tracking server and its pages until a signal comes; it takes up what runs have left to send. And work on
//! its database from the command line.

use super::Session;
use crate::arguments::Serve;
use crate::failure::Failure;
use crate::leftovers::Leftovers;
use crate::tracker::{Occupant, client_of, occupant, runtime};
use idiom_model::Described as _;
use idiom_model::restyle::RestyleConfig;
use idiom_playground::Playground;
use idiom_tracking_server::{Server, ServerConfig, Upkeep, UpstreamConfig};
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
        let db = match &arguments.db {
            Some(db) => db.clone(),
            None => self.home.tracking_db()?,
        };
        let artifacts = match &arguments.artifacts {
            Some(artifacts) => artifacts.clone(),
            None => self.home.tracking_artifacts()?,
        };
        let config = ServerConfig {
            host: arguments.host.clone(),
            port: arguments.port,
            upstream: self.upstream(arguments),
            ..ServerConfig::new(db, artifacts)
        };
        let runtime = runtime()?;
        let server = runtime.block_on(idiom_tracking_server::bind(&config))?;
        self.screen.say(&format!(
            "compare runs at http://{}   (Ctrl-C ends the server)",
            server.address()
        ));
        let server = match &arguments.studio {
            Some(run) => self.with_studio(server, run)?,
            None => server,
        };
        let own = format!("http://{}", server.address());
        let mut leftovers = self.leftovers_for(own);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                if let Some(leftovers) = &mut leftovers {
                    leftovers.send_until(&self.stop, &|line| self.screen.say(line));
                }
            });
            let ended = runtime.block_on(server.run(async {
                while !self.stop.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }));
            self.stop.store(true, Ordering::Relaxed);
            ended
        })?;
        Ok(String::new())
    }

    /// Cleaning, copying, checking, filling the tracking database, whether its server runs or not.
    pub(super) fn upkeep(&self, work: Upkeep) -> Result<String, Failure> {
        let db = self.home.tracking_db()?;
        let artifacts = self.home.tracking_artifacts()?;
        let work = work.carry_out(&db, &artifacts, |line| self.screen.say(line));
        runtime()?.block_on(work)?;
        Ok(String::new())
    }

    fn upstream(&self, arguments: &Serve) -> Option<UpstreamConfig> {
        let environment = &self.home.environment;
        let account = environment.username.as_deref();
        let account = account.zip(environment.password.as_deref());
        let uri = arguments.upstream.as_deref()?;
        Some(UpstreamConfig::new(
            uri,
            environment.token.as_deref(),
            account,
        ))
    }

    /// The server with the playground of a run's model.
    fn with_studio(&self, server: Server, run: &str) -> Result<Server, Failure> {
        let folder = self.model_of(Some(run), RestyleConfig::TASK)?;
        let studio = self.studio(&folder)?;
        let address = server.address();
        self.screen
            .say(&format!("restyle pictures at http://{address}/playground"));
        Ok(server.plug(Playground::new(studio))?)
    }

    /// What runs have left is ours to take, unless the environment names another server for that.
    fn leftovers_for(&self, own: String) -> Option<Leftovers> {
        let named = self.home.environment.tracking_uri.as_deref();
        let is_ours = named.is_none_or(|uri| uri.trim_end_matches('/') == own);
        is_ours.then(|| Leftovers::new(self.home.runs(), client_of(&own, &self.home.environment)))
    }
}
