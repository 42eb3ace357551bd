//! Data sets from the hub, by the hub's own library, into the hub's own cache.

use std::fs;
use std::path::{Path, PathBuf};

use hf_hub::HFClient;

use super::Places;
use crate::IngestError;

/// The `.parquet` files of a data set whose paths begin with `prefix`, after those that are missing were fetched: the
/// folder of this revision in the cache, and their names below it.
pub(super) fn fetched(
    repo: &str,
    revision: &str,
    prefix: &str,
    places: &Places<'_>,
) -> Result<(PathBuf, Vec<String>), IngestError> {
    let refuse = |reason: String| IngestError::Hub {
        repo: repo.to_owned(),
        reason,
    };
    let hub = places.hub;
    let mut builder = HFClient::builder();
    if let Some(endpoint) = &hub.endpoint {
        builder = builder.endpoint(endpoint);
    }
    if let Some(cache) = &hub.cache {
        builder = builder.cache_dir(cache);
    }
    if let Some(token) = &hub.token {
        builder = builder.token(token);
    }
    let client = builder
        .build_sync()
        .map_err(|error| refuse(error.to_string()))?;
    let (owner, name) = repo.split_once('/').unwrap_or(("", repo));
    let patterns = vec![
        format!("{prefix}*.parquet"),
        format!("{prefix}**/*.parquet"),
    ];
    let folder = client
        .dataset(owner, name)
        .snapshot_download()
        .revision(revision)
        .allow_patterns(patterns)
        .local_files_only(hub.offline)
        .send()
        .map_err(|error| refuse(error.to_string()))?;
    let mut names = Vec::new();
    collect(&folder, "", &mut names)?;
    Ok((folder, names))
}

/// Names of the Parquet files below a folder of the cache, whose files are links by design.
fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), IngestError> {
    for entry in fs::read_dir(folder).map_err(IngestError::io(folder))? {
        let path = entry.map_err(IngestError::io(folder))?.path();
        let own = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{own}");
        if path.is_dir() {
            collect(&path, &format!("{name}/"), names)?;
        } else if own.ends_with(".parquet") {
            names.push(name);
        }
    }
    Ok(())
}
