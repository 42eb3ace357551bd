//! Reading a model: every check before the first use of a value.

use crate::config::{CONFIG_FILE, Document, FileEntry, MOST_CONFIG_BYTES, ModelConfig};
use crate::digest::sha256_hex;
use crate::{ModelError, tensor_file};
use idiom_gan::{Discriminator, GanError, Generator};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use tch::{Device, Tensor, nn::VarStore};

/// A model in memory; no weight requires a gradient.
#[derive(Debug)]
pub struct Model {
    /// What `config.json` says.
    pub config: ModelConfig,
    /// Draws pictures.
    pub generator: Generator,
    /// Judges pictures, where it was kept.
    pub discriminator: Option<Discriminator>,
    /// The sha256 of `config.json`: the model's identity.
    pub sha256: String,
    /// The generator's weights by name.
    pub generator_weights: VarStore,
    /// The discriminator's weights by name.
    pub discriminator_weights: Option<VarStore>,
}

/// Loads the model in `folder` onto `device`.
///
/// # Errors
/// A file that is missing, damaged or changed, or weights that do not fit the configuration: naming the layer and both shapes.
pub fn load(folder: &Path, device: Device) -> Result<Model, ModelError> {
    if let Some("pt" | "pth" | "pkl" | "ckpt" | "bin") =
        folder.extension().and_then(|end| end.to_str())
    {
        return Err(ModelError::Pickle {
            path: folder.to_owned(),
        });
    }
    let path = folder.join(CONFIG_FILE);
    let bytes = read_config(folder, &path)?;
    let document = Document::parse(&bytes, &path)?;
    let network = |source: GanError| ModelError::Network {
        path: path.clone(),
        source,
    };

    // The seed does not matter: every weight is overwritten.
    let (mut generator_weights, mut discriminator_weights) = (VarStore::new(device), None);
    let generator =
        Generator::new(&generator_weights.root(), &document.model.generator, 0).map_err(network)?;
    fill(folder, &document.files["generator"], &mut generator_weights)?;
    let mut discriminator = None;
    if let Some(config) = &document.model.discriminator {
        let mut weights = VarStore::new(device);
        discriminator = Some(Discriminator::new(&weights.root(), config, 0).map_err(network)?);
        fill(folder, &document.files["discriminator"], &mut weights)?;
        discriminator_weights = Some(weights);
    }
    let sha256 = sha256_hex(&bytes);
    Ok(Model {
        config: document.model,
        generator,
        discriminator,
        sha256,
        generator_weights,
        discriminator_weights,
    })
}

/// The weights in a model's folder by network, whatever networks they are, each file checked by its hash.
///
/// # Errors
/// A file that is missing, damaged or changed.
pub fn weights(folder: &Path) -> Result<Networks, ModelError> {
    let path = folder.join(CONFIG_FILE);
    let bytes = read_config(folder, &path)?;
    let bad = |reason: String| ModelError::Config {
        path: path.clone(),
        reason,
    };
    let files: Files = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    let mut networks = Networks::new();
    for (network, entry) in files.files {
        entry.check_name(&network).map_err(bad)?;
        networks.insert(network, read_weights(folder, &entry)?);
    }
    Ok(networks)
}

/// Named tensors by network.
pub type Networks = BTreeMap<String, Vec<(String, Tensor)>>;

/// The part of `config.json` that every model has.
#[derive(serde::Deserialize)]
struct Files {
    files: BTreeMap<String, FileEntry>,
}

pub(crate) fn read_config(folder: &Path, path: &Path) -> Result<Vec<u8>, ModelError> {
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ModelError::NoConfig {
                path: folder.to_owned(),
            });
        }
        Err(error) => return Err(ModelError::io(path)(error)),
    };
    if size > MOST_CONFIG_BYTES {
        let reason = format!("holds {size} bytes, but at most {MOST_CONFIG_BYTES} are read");
        return Err(ModelError::Config {
            path: path.to_owned(),
            reason,
        });
    }
    fs::read(path).map_err(ModelError::io(path))
}

/// Reads one weights file into the variables of a store.
pub(crate) fn fill(
    folder: &Path,
    entry: &FileEntry,
    store: &mut VarStore,
) -> Result<(), ModelError> {
    let tensors = read_weights(folder, entry)?;
    let path = folder.join(&entry.name);
    tensor_file::copy_into(&store.variables().into_iter().collect(), &tensors, &path)?;
    store.freeze();
    Ok(())
}

fn read_weights(folder: &Path, entry: &FileEntry) -> Result<Vec<(String, Tensor)>, ModelError> {
    let path = folder.join(&entry.name);
    let size = fs::metadata(&path).map_err(ModelError::io(&path))?.len();
    if size != entry.bytes {
        let reason = format!(
            "it holds {size} bytes, but `{CONFIG_FILE}` says {}",
            entry.bytes
        );
        return Err(ModelError::Damaged { path, reason });
    }
    let bytes = fs::read(&path).map_err(ModelError::io(&path))?;
    let found = sha256_hex(&bytes);
    if found != entry.sha256 {
        return Err(ModelError::Hash {
            path,
            found,
            expected: entry.sha256.clone(),
        });
    }
    tensor_file::from_bytes(&bytes, &path)
}
