//! The networks and their optimiser: all that learns, and so all that is saved.

use std::collections::BTreeMap;
use std::path::Path;

use idiom_gan::{PictureEncoderConfig, TextHeadConfig};
use idiom_model::{
    ContrastiveConfig, ContrastiveNetworks, TextEncoderInfo, save_contrastive, tensor_file,
};
use idiom_spec::experiment::Experiment;
use idiom_torch_ext::FusedAdam;
use tch::nn::VarStore;
use tch::{Device, Tensor};

use crate::TrainError;
use crate::checkpoint::TensorSets;
use crate::players::adam_config;

/// Everything that learns.
#[derive(Debug)]
pub(crate) struct Learner {
    /// The networks; those whose terms are off are not there.
    pub(crate) networks: ContrastiveNetworks,
    /// What they are built from.
    pub(crate) config: ContrastiveConfig,
    /// Moves them.
    pub(crate) adam: FusedAdam,
    /// The weights.
    pub(crate) store: VarStore,
}

impl Learner {
    /// Fresh networks.
    ///
    /// # Errors
    /// Settings that do not meet, or no memory on the device.
    pub(crate) fn new(
        experiment: &Experiment,
        looks: Vec<String>,
        text_encoder: TextEncoderInfo,
        device: Device,
    ) -> Result<Self, TrainError> {
        let config = config_of(experiment, looks, text_encoder);
        let store = VarStore::new(device);
        let seed = experiment.train.seed;
        let networks = ContrastiveNetworks::new(&store.root(), &config, seed)?;
        let adam = adam_config(&experiment.contrastive.optimizer);
        Ok(Self {
            adam: FusedAdam::over(&store, adam)?,
            networks,
            config,
            store,
        })
    }

    /// All tensors that must be saved; they share memory with the networks.
    #[must_use]
    pub(crate) fn tensors(&self) -> TensorSets {
        let weights = self.sorted().into_iter().collect();
        TensorSets::from([
            ("contrastive".to_owned(), weights),
            ("contrastive_adam".to_owned(), self.adam.state()),
        ])
    }

    /// Takes over what was saved; `folder` is named in messages.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub(crate) fn restore(&mut self, saved: &TensorSets, folder: &Path) -> Result<(), TrainError> {
        let empty = Vec::new();
        let set = |name: &str| saved.get(name).unwrap_or(&empty);
        let path = folder.join("contrastive.safetensors");
        tensor_file::copy_into(&self.sorted(), set("contrastive"), &path)?;
        Ok(self.adam.load_state(set("contrastive_adam"))?)
    }

    /// Keeps the networks as a model.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn keep_model(
        &self,
        folder: &Path,
        facts: &[(String, String)],
    ) -> Result<(), TrainError> {
        let config = ContrastiveConfig {
            provenance: facts.iter().cloned().collect(),
            ..self.config.clone()
        };
        save_contrastive(folder, &config, &self.store)?;
        Ok(())
    }

    fn sorted(&self) -> BTreeMap<String, Tensor> {
        self.store.variables().into_iter().collect()
    }
}

/// Networks for the terms that are on; looks need more than one name.
fn config_of(
    experiment: &Experiment,
    looks: Vec<String>,
    text_encoder: TextEncoderInfo,
) -> ContrastiveConfig {
    let said = &experiment.contrastive;
    let has_looks = looks.len() > 1;
    let head = |is_on: bool, out_dim| {
        is_on.then_some(TextHeadConfig {
            text_dim: text_encoder.dim,
            hidden_dim: said.hidden_dim,
            out_dim,
            parts: said.text_parts as i64,
        })
    };
    ContrastiveConfig {
        picture_encoder: encoder_config(experiment),
        has_anchors: has_looks && said.looks > 0.0,
        style_head: head(has_looks && said.style_words > 0.0, said.style_dim),
        subject_head: head(said.subject_words > 0.0, said.subject_dim),
        looks,
        style_temperature: said.style_temperature,
        subject_temperature: said.subject_temperature,
        text_encoder,
        provenance: BTreeMap::new(),
    }
}

/// The picture encoder that an experiment describes.
pub(crate) fn encoder_config(experiment: &Experiment) -> PictureEncoderConfig {
    let said = &experiment.contrastive;
    PictureEncoderConfig {
        resolution: experiment.resolution,
        fine_channels: said.fine_channels,
        channels: said.channels.clone(),
        hidden_dim: said.hidden_dim,
        style_dim: said.style_dim,
        subject_dim: said.subject_dim,
    }
}
