//! Which tracking server a run speaks to: the one that was named, one that already runs here, or one of its own.
//!
//! Runs that are started at the same moment all find nobody; one of them gets the port, the others take its server. When that
//! run ends before they do, one of them serves on ([`heir`]).

mod embedded;
mod heir;

use crate::failure::Failure;
use crate::home::{Environment, Home};
use embedded::Embedded;
use heir::Heir;
use idiom_tracking::ClientConfig;
use std::time::{Duration, Instant};

/// How long a server that holds the port may take to open its store before it counts as somebody else.
const OPENING: Duration = Duration::from_secs(10);
/// Between two looks at such a server.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A server to log to; dropping it ends the one that was started here.
pub(crate) struct Tracker {
    /// How to reach it.
    pub(crate) config: ClientConfig,
    /// One line that says which it is.
    pub(crate) described: String,
    _embedded: Option<Embedded>,
    _heir: Option<Heir>,
}

impl Tracker {
    /// Takes `MLFLOW_TRACKING_URI`, else a server of ours on the default port, else starts one inside this process.
    pub(crate) fn find(home: &Home) -> Result<Self, Failure> {
        let environment = &home.environment;
        if let Some(uri) = &environment.tracking_uri {
            return Ok(Self::at(uri, environment, format!("tracking server {uri}")));
        }
        let local = environment.local_server();
        let deadline = Instant::now() + OPENING;
        loop {
            let occupant = occupant(&local);
            let is_late = Instant::now() > deadline;
            match occupant {
                Occupant::Idiom => {
                    // None where it has ended since: then we look again.
                    match Self::join(home, &local)? {
                        Some(tracker) => return Ok(tracker),
                        None if is_late => return Self::apart(home),
                        None => {}
                    }
                }
                Occupant::Nobody if !is_late => {
                    // None where another was quicker: its server is ours to use.
                    if let Some(embedded) = Embedded::start(home, environment.port)? {
                        return Ok(Self::inside(home, embedded));
                    }
                }
                Occupant::Silent if !is_late => {}
                Occupant::Other | Occupant::Silent | Occupant::Nobody => return Self::apart(home),
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    fn at(uri: &str, environment: &Environment, described: String) -> Self {
        Self {
            config: client_of(uri, environment),
            described,
            _embedded: None,
            _heir: None,
        }
    }

    /// A server that runs already; where it serves this project's database, this process serves on when it goes.
    fn join(home: &Home, local: &str) -> Result<Option<Self>, Failure> {
        let mut described = format!("tracking server {local}, already running");
        let Some(theirs) = mark_of(local, &home.environment) else {
            return Ok(None);
        };
        let ours = home.tracking_db()?.mark();
        let is_ours = theirs.is_some() && theirs == ours;
        if theirs.is_some() && !is_ours {
            described += " over another database than this project's";
        }
        let mut tracker = Self::at(local, &home.environment, described);
        if is_ours {
            tracker._heir = Some(Heir::wait(home.clone()));
        }
        Ok(Some(tracker))
    }

    /// Another program has the port: a server of our own on any other.
    fn apart(home: &Home) -> Result<Self, Failure> {
        match Embedded::start(home, 0)? {
            Some(embedded) => Ok(Self::inside(home, embedded)),
            None => Err(Failure::new(
                "the system has no free port for the tracking server",
                "name a server in MLFLOW_TRACKING_URI",
            )),
        }
    }

    fn inside(home: &Home, embedded: Embedded) -> Self {
        let uri = embedded.uri();
        let described = format!("tracking server {uri}, inside this process while it runs");
        Self {
            _embedded: Some(embedded),
            ..Self::at(&uri, &home.environment, described)
        }
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
    /// Something that takes the connection and says nothing: perhaps a server that still opens its store.
    Silent,
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
        Err(_) => Occupant::Silent,
    }
}

/// Which database a server of ours says it serves, if it says so to us; none where nobody answers any more.
fn mark_of(uri: &str, environment: &Environment) -> Option<Option<String>> {
    let client = reqwest::blocking::Client::builder()
        .timeout(Duration::from_secs(10))
        .no_proxy()
        .build()
        .ok()?;
    let request = client.get(format!("{uri}/api/3.0/mlflow/server-info"));
    let request = match (&environment.username, &environment.token) {
        (Some(name), _) => request.basic_auth(name, environment.password.as_ref()),
        (None, Some(token)) => request.bearer_auth(token),
        (None, None) => request,
    };
    let answer = request.send().ok()?.json::<serde_json::Value>();
    let said = answer.unwrap_or_default();
    let mark = said.get("idiom_database").and_then(|mark| mark.as_str());
    Some(mark.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use idiom_tracking::{Run, RunSpec, RunStatus, Timing};
    use std::net::TcpListener;
    use std::sync::Barrier;

    fn home_on_a_free_port(folder: &std::path::Path) -> Home {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap_or_else(|e| panic!("{e}"))
            .port();
        let environment = Environment {
            port,
            ..Environment::default()
        };
        Home::new(folder.to_owned(), environment)
    }

    fn begin(tracker: &Tracker, spool: &std::path::Path) -> Run {
        let config = ClientConfig {
            timing: Timing {
                flush_interval: Duration::from_millis(2),
                shortest_backoff: Duration::from_millis(5),
                longest_backoff: Duration::from_millis(50),
                ..Timing::default()
            },
            ..tracker.config.clone()
        };
        let spec = RunSpec {
            experiment: "together".into(),
            ..RunSpec::default()
        };
        Run::start(spool, config, &spec).unwrap_or_else(|e| panic!("{e}"))
    }

    fn finish(run: Run) {
        let ledger = run.finish(RunStatus::Finished, Duration::from_secs(60));
        assert!(ledger.is_delivered(), "{ledger}");
    }

    #[test]
    fn those_who_start_at_once_share_one_server_and_outlive_who_has_it() {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        let home = home_on_a_free_port(folder.path());
        let together = Barrier::new(6);
        let trackers: Vec<Tracker> = std::thread::scope(|scope| {
            let find = || {
                together.wait();
                Tracker::find(&home)
            };
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(find)).collect();
            let found = threads.into_iter().map(|thread| thread.join());
            found
                .map(|found| found.unwrap_or_else(|_| panic!("a panic")))
                .map(|found| found.unwrap_or_else(|e| panic!("{e:?}")))
                .collect()
        });
        let local = home.environment.local_server();
        assert!(trackers.iter().all(|t| t.config.uri == local));
        let (hosts, mut guests): (Vec<_>, Vec<_>) =
            trackers.into_iter().partition(|t| t._embedded.is_some());
        assert_eq!(hosts.len(), 1, "one of them has the server");
        assert!(guests.iter().all(|t| t._heir.is_some()));

        let runs: Vec<Run> = guests
            .iter()
            .enumerate()
            .map(|(n, tracker)| begin(tracker, &folder.path().join(n.to_string())))
            .collect();
        let log = |steps: std::ops::Range<i64>| {
            for run in &runs {
                steps
                    .clone()
                    .for_each(|step| run.log_metric("loss", 0.5, step));
            }
        };
        log(0..500);
        // The host ends; what is logged from now on needs an heir, and then the heir's heir.
        drop(hosts);
        log(500..1000);
        let mut runs = runs.into_iter();
        let first = runs.next().unwrap_or_else(|| panic!("no run"));
        finish(first);
        drop(guests.remove(0));
        runs.for_each(finish);
    }

    #[test]
    fn a_server_of_another_project_is_used_but_not_inherited() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap_or_else(|e| panic!("{e}")));
        let theirs = home_on_a_free_port(folders[0].path());
        let host = Tracker::find(&theirs).unwrap_or_else(|e| panic!("{e:?}"));
        let ours = Home::new(folders[1].path().to_owned(), theirs.environment.clone());
        let guest = Tracker::find(&ours).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(guest.config.uri, host.config.uri);
        assert!(guest._heir.is_none());
        assert!(
            guest.described.contains("another database"),
            "{}",
            guest.described
        );
    }

    #[test]
    fn a_stranger_on_the_port_is_left_alone() {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
        let other = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|e| panic!("{e}"));
        let port = other.local_addr().unwrap_or_else(|e| panic!("{e}")).port();
        std::thread::spawn(move || {
            use std::io::{Read, Write};
            for stream in other.incoming() {
                let mut stream = stream.unwrap_or_else(|e| panic!("{e}"));
                // Whatever was asked: a short page, and the end.
                let _asked = stream.read(&mut [0; 1024]);
                let page = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
                let _gone = stream.write_all(page.as_bytes());
            }
        });
        let environment = Environment {
            port,
            ..Environment::default()
        };
        let home = Home::new(folder.path().to_owned(), environment);
        let tracker = Tracker::find(&home).unwrap_or_else(|e| panic!("{e:?}"));
        assert_ne!(tracker.config.uri, home.environment.local_server());
        assert!(tracker._embedded.is_some());
    }
}
