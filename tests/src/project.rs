//! A project folder of its own for end-to-end tests, and the binaries to run in it.
//!
//! The pipelines and experiments are the real ones; data, runs and the tracking server are the test's alone. The
//! user's cache of downloads is shared, as it would be for a user.

use crate::owned::Owned;
use crate::workspace;
use assert_cmd::Command;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// A project folder that goes away with the value.
pub struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// An empty project with the repository's pipelines and experiments.
    ///
    /// # Panics
    /// Where the folder cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
        for name in ["pipelines", "experiments"] {
            let link =
                std::os::unix::fs::symlink(workspace::root().join(name), folder.path().join(name));
            link.unwrap_or_else(|e| panic!("no link: {e}"));
        }
        std::fs::create_dir(folder.path().join("data"))
            .unwrap_or_else(|e| panic!("no data folder: {e}"));
        Self { folder }
    }

    /// A path in the project.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `idiom` in this project, which logs to the server at `uri`.
    #[must_use]
    pub fn idiom(&self, uri: &str) -> Command {
        let mut command = Command::new(binary("idiom"));
        command
            .arg("--home")
            .arg(self.folder.path())
            .env("MLFLOW_TRACKING_URI", uri)
            .timeout(Duration::from_secs(900));
        command
    }

    /// The newest run whose name begins with `name`.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn newest_run(&self, name: &str) -> PathBuf {
        let entries = std::fs::read_dir(self.path("data/runs"))
            .into_iter()
            .flatten()
            .flatten();
        let runs = entries.map(|e| e.path()).filter(|p| {
            p.file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with(name))
        });
        runs.max()
            .unwrap_or_else(|| panic!("no run is called {name}..."))
    }
}

impl Default for Project {
    fn default() -> Self {
        Self::new()
    }
}

/// A binary of the workspace: beside `IDIOM_BIN`, else in the target folder that this test was built into.
///
/// # Panics
/// Where it was not built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let named = std::env::var_os("IDIOM_BIN").map(PathBuf::from);
    let beside = named.or_else(|| {
        std::env::current_exe()
            .ok()?
            .parent()?
            .parent()
            .map(|p| p.join("idiom"))
    });
    let path = beside.unwrap_or_default().with_file_name(name);
    assert!(
        path.is_file(),
        "{}: not built; run `just test`, or set IDIOM_BIN",
        path.display()
    );
    path
}

/// A tracking server of the test's own; it ends with the value.
pub struct Server {
    _child: Owned,
    /// `http://127.0.0.1:PORT`.
    pub uri: String,
}

impl Server {
    /// Starts the torch-free server on a free port, with its store in `folder`.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        let mut command = std::process::Command::new(binary("idiom-tracking-server"));
        command
            .args(["--port", "0", "--db"])
            .arg(folder.join("tracking.db"))
            .arg("--artifacts")
            .arg(folder.join("artifacts"))
            .stdout(Stdio::piped());
        let mut child = Owned::spawn(&mut command);
        let lines =
            BufReader::new(child.stdout.take().unwrap_or_else(|| panic!("no output"))).lines();
        let line = lines
            .map_while(Result::ok)
            .find(|l| l.contains("http://"))
            .unwrap_or_default();
        let at = line
            .find("http://")
            .unwrap_or_else(|| panic!("the server names no address: {line}"));
        let uri = line[at..]
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .trim_end_matches('/')
            .to_owned();
        Self { _child: child, uri }
    }

    /// The JSON that `POST` of `body` to `path` gives.
    ///
    /// # Panics
    /// Where the server does not answer with JSON.
    #[must_use]
    pub fn post(&self, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let request = reqwest::blocking::Client::new()
            .post(format!("{}{path}", self.uri))
            .json(body);
        request
            .send()
            .and_then(|a| a.json())
            .unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// The JSON that `GET` of `path` gives.
    ///
    /// # Panics
    /// Where the server does not answer with JSON.
    #[must_use]
    pub fn get(&self, path: &str) -> serde_json::Value {
        let answer = reqwest::blocking::get(format!("{}{path}", self.uri)).and_then(|a| a.json());
        answer.unwrap_or_else(|e| panic!("{path}: {e}"))
    }
}

/// Whether `path` is there; where it is not, prints the one line that says what is skipped, or fails where
/// `IDIOM_REQUIRE_ALL` is set.
///
/// # Panics
/// Where it is missing and everything is required.
#[must_use]
#[allow(clippy::print_stdout, reason = "a skipped test says so in one line")]
pub fn has(path: &Path, test: &str, what: &str) -> bool {
    if path.exists() {
        return true;
    }
    assert!(
        std::env::var_os("IDIOM_REQUIRE_ALL").is_none(),
        "{test} needs {what} ({})",
        path.display()
    );
    println!("skipped: {test} needs {what}");
    false
}

/// The user's cache of downloads.
#[must_use]
pub fn cache() -> PathBuf {
    let xdg = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || {
        std::env::var_os("HOME")
            .map(PathBuf::from)
            .unwrap_or_default()
            .join(".cache")
    };
    std::env::var_os("IDIOM_CACHE")
        .map_or_else(|| xdg.unwrap_or_else(home).join("idiom"), PathBuf::from)
}
