//! The workspace as `cargo metadata` and the file system tell it.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder that holds the workspace's `Cargo.toml`.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Packages and how they depend on one another.
pub struct Graph {
    packages: Vec<Value>,
    /// Package id -> ids of its normal and build dependencies.
    edges: BTreeMap<String, BTreeSet<String>>,
    names: BTreeMap<String, String>,
}

impl Graph {
    /// Asks cargo, without the network.
    ///
    /// # Panics
    /// Where `cargo metadata` fails: then nothing can be checked.
    #[must_use]
    pub fn load() -> Self {
        let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
            .args(["metadata", "--format-version", "1", "--offline", "--locked"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(root())
            .output();
        let output = output.unwrap_or_else(|e| panic!("cannot run cargo metadata: {e}"));
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
        let names = packages
            .iter()
            .map(|p| (text(&p["id"]), text(&p["name"])))
            .collect();
        let nodes = metadata["resolve"]["nodes"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let edges = nodes.iter().map(|n| (text(&n["id"]), used(n))).collect();
        Self {
            packages,
            edges,
            names,
        }
    }

    /// Every package: the workspace's own and those it builds upon.
    #[must_use]
    pub fn packages(&self) -> &[Value] {
        &self.packages
    }

    /// Names of the packages that `package` names itself.
    #[must_use]
    pub fn direct(&self, package: &str) -> BTreeSet<String> {
        let ids = self
            .edges
            .get(&self.id(package))
            .cloned()
            .unwrap_or_default();
        ids.iter()
            .filter_map(|id| self.names.get(id))
            .cloned()
            .collect()
    }

    /// Names of all packages that end up in a build of `package`.
    #[must_use]
    pub fn transitive(&self, package: &str) -> BTreeSet<String> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![self.id(package)]);
        while let Some(id) = open.pop() {
            for next in self.edges.get(&id).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen.iter()
            .filter_map(|id| self.names.get(id))
            .cloned()
            .collect()
    }

    fn id(&self, package: &str) -> String {
        let found = self.packages.iter().find(|p| p["name"] == package);
        text(&found.unwrap_or_else(|| panic!("no package is called {package}"))["id"])
    }
}

/// Dependencies that reach the build: normal and build ones, not those of tests.
fn used(node: &Value) -> BTreeSet<String> {
    let dependencies = node["deps"].as_array().cloned().unwrap_or_default();
    let reaches = |d: &Value| {
        d["dep_kinds"]
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(|k| k["kind"] != "dev"))
    };
    dependencies
        .iter()
        .filter(|d| reaches(d))
        .map(|d| text(&d["pkg"]))
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A Rust file of the workspace.
pub struct Source {
    /// Path below the root.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The Rust files of `crates/*/src`, in order.
#[must_use]
pub fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join("crates"))
        .into_iter()
        .flatten()
        .flatten()
    {
        collect(&entry.path().join("src"), &mut found);
    }
    found.sort_by(|a: &Source, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let path = path
                .strip_prefix(root())
                .unwrap_or(&path)
                .display()
                .to_string();
            found.push(Source { path, text });
        }
    }
}

impl Source {
    /// Lines of code, numbered from 1: without comments, and without what follows `#[cfg(test)]`.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(i, line)| (i + 1, line));
        lines
            .take_while(|(_, l)| l.trim() != "#[cfg(test)]")
            .filter(|(_, l)| !l.trim_start().starts_with("//"))
    }

    /// Whether this is a test's file inside `src`.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }
}
