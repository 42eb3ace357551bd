//! MLflow's own Python client at work against the server: `tests/mlflow_client.py`, with the packages that
//! `tests/fetch_python.py mlflow-client` puts into the cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::served::{Served, skip};

const VERSION: &str = "3.17.2";

/// Where `fetch_python.py` puts a set.
pub(crate) fn packages(name: &str) -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    let cache = set("IDIOM_CACHE")
        .unwrap_or_else(|| set("XDG_CACHE_HOME").unwrap_or_else(home).join("idiom"));
    cache.join("python").join(name)
}

#[tokio::test]
async fn mlflows_own_client_finds_all_it_needs() {
    let packages = packages(&format!("mlflow-client-{VERSION}-2"));
    if !packages.is_dir() {
        let what = "mlflow (python3 tests/fetch_python.py mlflow-client)";
        skip("mlflows_own_client_finds_all_it_needs", what);
        return;
    }
    let served = Served::start().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mlflow_client.py");
    let mut python = Command::new("python3");
    python
        .arg(script)
        .env("PYTHONPATH", packages)
        .env("MLFLOW_TRACKING_URI", &served.base);
    python
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(served.folder.path());
    let output = tokio::task::spawn_blocking(move || python.output())
        .await
        .unwrap()
        .unwrap();
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}\n{complained}");
}
