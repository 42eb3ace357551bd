//! Reading a model: every check before the first use of a value.

use crate::config::{ModelConfig, WORDS};
use crate::digest::sha256_hex;
use crate::document::{CONFIG_FILE, Described, Document, FileEntry, MOST_CONFIG_BYTES, task_in};
use crate::{ModelError, tensor_file};
use idiom_gan::{Discriminator, GanError, Generator, TextHead};
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
    /// Heads whose vectors the generator hears beside the sentence's own.
    pub words: Vec<TextHead>,
    /// The sha256 of `config.json`: the model's identity.
    pub sha256: String,
    /// The generator's weights by name.
    pub generator_weights: VarStore,
    /// The discriminator's weights by name.
    pub discriminator_weights: Option<VarStore>,
}

impl Model {
    /// Pictures `[batch, 3, resolution, resolution]`, in about `[-1, 1]`, from `latent [batch, latent_dim]` (standard normal) and sentence
    /// vectors `text [batch, text_encoder.dim]` (unit variance per entry), or `[batch, 1 + parts, text_encoder.dim]` where its heads read
    /// [`ModelConfig::text_parts`].
    ///
    /// # Errors
    /// Tensors of other shapes.
    pub fn draw(&self, latent: &Tensor, text: &Tensor) -> Result<Tensor, GanError> {
        let heads: Vec<&TextHead> = self.words.iter().collect();
        let heard = self.config.hearing.of(text, &heads)?;
        self.generator.forward(latent, &heard)
    }
}

/// Loads the model in `folder` onto `device`.
///
/// # Errors
/// A file that is missing, damaged or changed, or weights that do not fit the configuration: naming the layer and both shapes.
pub fn load(folder: &Path, device: Device) -> Result<Model, ModelError> {
    let read = Read::<ModelConfig>::open(folder)?;
    let document = &read.document;
    let path = folder.join(CONFIG_FILE);
    let network = |source: GanError| ModelError::Network {
        path: path.clone(),
        source,
    };

    // The seed does not matter: every weight is overwritten.
    let (mut generator_weights, mut discriminator_weights) = (VarStore::new(device), None);
    let generator =
        Generator::new(&generator_weights.root(), &document.model.generator, 0).map_err(network)?;
    read.fill("generator", &mut generator_weights)?;
    let mut word_weights = VarStore::new(device);
    let root = word_weights.root();
    let heads = document.model.words.iter();
    let words: Result<Vec<TextHead>, GanError> = heads
        .map(|(name, config)| TextHead::new(&(&root / name), config, 0))
        .collect();
    let words = words.map_err(network)?;
    if !words.is_empty() {
        read.fill(WORDS, &mut word_weights)?;
    }
    let mut discriminator = None;
    if let Some(config) = &document.model.discriminator {
        let mut weights = VarStore::new(device);
        discriminator = Some(Discriminator::new(&weights.root(), config, 0).map_err(network)?);
        read.fill("discriminator", &mut weights)?;
        discriminator_weights = Some(weights);
    }
    Ok(Model {
        config: read.document.model,
        generator,
        discriminator,
        words,
        sha256: read.sha256,
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

/// The task of the model in `folder`, as its `config.json` names it.
///
/// # Errors
/// There is no model of ours.
pub fn task_of(folder: &Path) -> Result<String, ModelError> {
    let path = folder.join(CONFIG_FILE);
    task_in(&read_config(folder, &path)?, &path)
}

/// A model's `config.json`, read and checked; its weights not yet.
#[derive(Debug)]
pub(crate) struct Read<C> {
    folder: std::path::PathBuf,
    pub(crate) document: Document<C>,
    pub(crate) sha256: String,
}

impl<C: Described> Read<C> {
    pub(crate) fn open(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join(CONFIG_FILE);
        let bytes = read_config(folder, &path)?;
        Ok(Self {
            folder: folder.to_owned(),
            document: Document::parse(&bytes, &path)?,
            sha256: sha256_hex(&bytes),
        })
    }

    /// Reads a role's weights into the variables of a store, which then require no gradient.
    pub(crate) fn fill(&self, role: &str, store: &mut VarStore) -> Result<(), ModelError> {
        fill(&self.folder, &self.document.files[role], store)
    }

    /// A role's tensors by name.
    pub(crate) fn tensors(&self, role: &str) -> Result<Vec<(String, Tensor)>, ModelError> {
        read_weights(&self.folder, &self.document.files[role])
    }
}

fn read_config(folder: &Path, path: &Path) -> Result<Vec<u8>, ModelError> {
    if let Some("pt" | "pth" | "pkl" | "ckpt" | "bin") =
        folder.extension().and_then(|end| end.to_str())
    {
        return Err(ModelError::Pickle {
            path: folder.to_owned(),
        });
    }
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

/// The tensors of a weights file, which must be of the size and hash that `config.json` says.
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
