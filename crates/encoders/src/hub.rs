//! Gets a model's files from the hub or from its cache on disk, by the hub's own library.
//!
//! The endpoint, the cache and the token are passed in by the caller. The weights come last, so that a cache which has them
//! has all the rest too.

use crate::{EncoderError, Locations, sentence};
use hf_hub::{HFClient, HFError, HFRepositorySync, RepoTypeModel};
use std::path::{Path, PathBuf};

/// Read first. Its place in the cache tells the commit, and the other files are asked for at that commit.
const CONFIG: &str = "config.json";
const MODULES: &str = "modules.json";
const WHERE_THERE: [&str; 5] = [
    MODULES,
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "tokenizer_config.json",
    "preprocessor_config.json",
];
const NEEDED: [&str; 2] = ["tokenizer.json", "model.safetensors"];

/// The model's folder in the hub's cache, where all that is needed is there.
pub(crate) fn cached(id: &str, locations: &Locations) -> Result<Option<PathBuf>, EncoderError> {
    let repository = repository(id, locations)?;
    let find = |name: &str| {
        repository
            .download_file()
            .filename(name)
            .local_files_only(true)
            .send()
    };
    let Ok(config) = find(CONFIG) else {
        return Ok(None);
    };
    Ok(NEEDED
        .iter()
        .all(|name| find(name).is_ok())
        .then(|| folder_of(&config)))
}

/// The model's folder in the hub's cache, after what is missing was downloaded.
pub(crate) fn fetched(id: &str, locations: &Locations) -> Result<PathBuf, EncoderError> {
    let failed = |name: &str, reason: HFError| EncoderError::Hub {
        id: id.into(),
        reason: format!("`{name}`: {reason}"),
    };
    let repository = repository(id, locations)?;
    tracing::info!("fetching `{id}` from the hub");
    let config = repository
        .download_file()
        .filename(CONFIG)
        .send()
        .map_err(|reason| failed(CONFIG, reason))?;
    let folder = folder_of(&config);
    let commit = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("main")
        .to_owned();
    let fetch = |name: &str| {
        repository
            .download_file()
            .filename(name)
            .revision(commit.as_str())
            .send()
    };
    let fetch_where_there = |name: &str| match fetch(name) {
        Ok(_) | Err(HFError::EntryNotFound { .. }) => Ok(()),
        Err(reason) => Err(failed(name, reason)),
    };
    for name in WHERE_THERE {
        fetch_where_there(name)?;
    }
    for name in of_modules(&folder)? {
        fetch_where_there(&name)?;
    }
    for name in NEEDED {
        fetch(name).map_err(|reason| failed(name, reason))?;
    }
    Ok(folder)
}

/// The files of the modules that say how to pool and project.
fn of_modules(folder: &Path) -> Result<Vec<String>, EncoderError> {
    let Some(modules) = sentence::json_of(&folder.join(MODULES))? else {
        return Ok(vec!["1_Pooling/config.json".into()]);
    };
    let mut files = Vec::new();
    for (kind, name) in sentence::named(&modules) {
        let is_inside = sentence::below(folder, &name).is_some();
        if name.is_empty() || !is_inside {
            continue;
        }
        files.push(format!("{name}/config.json"));
        if kind == "Dense" {
            files.push(format!("{name}/model.safetensors"));
        }
    }
    Ok(files)
}

/// One file of a repository on the hub: from the cache, else, unless the network must not be used, fetched.
///
/// # Errors
/// [`EncoderError::Hub`]: it is not there, or the hub cannot be reached.
pub fn hub_file(id: &str, name: &str, locations: &Locations) -> Result<PathBuf, EncoderError> {
    let repository = repository(id, locations)?;
    let cached = repository
        .download_file()
        .filename(name)
        .local_files_only(true)
        .send();
    if cached.is_ok() || locations.offline {
        return cached.map_err(|reason| EncoderError::Hub {
            id: id.into(),
            reason: format!("`{name}`: {reason}"),
        });
    }
    let fetched = repository.download_file().filename(name).send();
    fetched.map_err(|reason| EncoderError::Hub {
        id: id.into(),
        reason: format!("`{name}`: {reason}"),
    })
}

fn repository(
    id: &str,
    locations: &Locations,
) -> Result<HFRepositorySync<RepoTypeModel>, EncoderError> {
    let mut builder = HFClient::builder();
    if let Some(endpoint) = &locations.hub_endpoint {
        builder = builder.endpoint(endpoint);
    }
    if let Some(cache) = &locations.hub_cache {
        builder = builder.cache_dir(cache);
    }
    if let Some(token) = &locations.hub_token {
        builder = builder.token(token);
    }
    let client = builder.build_sync().map_err(|reason| EncoderError::Hub {
        id: id.into(),
        reason: reason.to_string(),
    })?;
    let (owner, name) = id.split_once('/').unwrap_or(("", id));
    Ok(client.model(owner, name))
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().map(Path::to_path_buf).unwrap_or_default()
}
