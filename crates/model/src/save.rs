//! Writing a model: weights first, `config.json` last, everything under a temporary name until it is whole.

use crate::config::{ModelConfig, WORDS};
use crate::digest::sha256_hex;
use crate::document::{CONFIG_FILE, Described, Document, FileEntry};
use crate::{ModelError, tensor_file};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tch::{Tensor, nn::VarStore};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The sha256 of `config.json`, which holds the hashes of all other files: the model's identity.
    pub sha256: String,
    /// All files of the model.
    pub files: Vec<PathBuf>,
}

/// Saves a model that draws from words into `folder`, which is made if need be; an older model there stays whole until the new
/// one is. Of the network `words` the heads that the configuration names are kept.
///
/// # Errors
/// The folder cannot be written, or a weight is of a type that is not stored.
pub fn save(
    folder: &Path,
    config: &ModelConfig,
    generator: &VarStore,
    discriminator: Option<&VarStore>,
    words: Option<&VarStore>,
) -> Result<Saved, ModelError> {
    let is_head = |name: &str| {
        name.split_once('.')
            .is_some_and(|(head, _)| config.words.contains_key(head))
    };
    let heads = words.map(|store| {
        let all = tensors_of(store).into_iter();
        all.filter(|(name, _)| is_head(name)).collect::<Vec<_>>()
    });
    let networks = [
        ("generator", Some(tensors_of(generator))),
        ("discriminator", discriminator.map(tensors_of)),
        (WORDS, heads.filter(|heads| !heads.is_empty())),
    ];
    let networks = networks
        .into_iter()
        .filter_map(|(role, tensors)| Some((role, tensors?)));
    save_described(folder, config, networks.collect())
}

/// The weights of a network by name.
#[must_use]
pub fn tensors_of(store: &VarStore) -> Vec<(String, Tensor)> {
    let sorted: BTreeMap<String, Tensor> = store.variables().into_iter().collect();
    sorted.into_iter().collect()
}

/// As [`save`], for a model of any task: one file of tensors a role.
///
/// # Errors
/// As [`save`].
pub fn save_described<C: Described>(
    folder: &Path,
    config: &C,
    networks: Vec<(&'static str, Vec<(String, Tensor)>)>,
) -> Result<Saved, ModelError> {
    fs::create_dir_all(folder).map_err(ModelError::io(folder))?;
    let mut files = BTreeMap::new();
    for (role, tensors) in networks {
        files.insert(role.to_owned(), save_weights(folder, role, &tensors)?);
    }
    let document = Document::new(config, files);
    let mut json = serde_json::to_string_pretty(&document).expect("plain data has a JSON form");
    json.push('\n');
    write_whole(folder, CONFIG_FILE, json.as_bytes())?;
    remove_orphans(folder, &document.files)?;
    let names = document
        .files
        .values()
        .map(|entry| entry.name.as_str())
        .chain([CONFIG_FILE]);
    Ok(Saved {
        sha256: sha256_hex(json.as_bytes()),
        files: names.map(|name| folder.join(name)).collect(),
    })
}

fn save_weights(
    folder: &Path,
    role: &str,
    tensors: &[(String, Tensor)],
) -> Result<FileEntry, ModelError> {
    let bytes = tensor_file::to_bytes(tensors, &folder.join(role))?;
    let sha256 = sha256_hex(&bytes);
    let name = format!("{role}-{}.safetensors", &sha256[..12]);
    write_whole(folder, &name, &bytes)?;
    Ok(FileEntry {
        name,
        bytes: bytes.len() as u64,
        sha256,
    })
}

/// Puts `bytes` under a temporary name, on the disk, and only then under `name`.
pub(crate) fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), ModelError> {
    let target = folder.join(name);
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, &target))
        .and_then(|()| File::open(folder)?.sync_all());
    if written.is_err() {
        // What could not be finished is of no use; that it may not even be removable is not worth a second error.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(ModelError::io(&target))
}

/// Removes weights of an older model of ours that the new `config.json` does not name, and nothing else.
fn remove_orphans(folder: &Path, files: &BTreeMap<String, FileEntry>) -> Result<(), ModelError> {
    for entry in fs::read_dir(folder).map_err(ModelError::io(folder))? {
        let name = entry.map_err(ModelError::io(folder))?.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_named = files.values().any(|file| file.name == name);
        if is_weights_name(name) && !is_named {
            fs::remove_file(folder.join(name)).map_err(ModelError::io(&folder.join(name)))?;
        }
    }
    Ok(())
}

fn is_weights_name(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".safetensors") else {
        return false;
    };
    let Some((role, hash)) = stem.split_once('-') else {
        return false;
    };
    !role.is_empty() && hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}
