//! The two networks, the generator's running average, and their optimisers: all that learns, and so all that is saved.

use std::collections::BTreeMap;
use std::path::Path;

use idiom_gan::warm_start::LatentEncoder;
use idiom_gan::{Discriminator, DiscriminatorConfig, Ema, Generator, GeneratorConfig};
use idiom_model::tensor_file;
use idiom_spec::experiment::{Experiment, Normalization, Stages, Upsampling};
use idiom_torch_ext::FusedAdam;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::TrainError;
use crate::checkpoint::TensorSets;
use crate::init::freeze;
use crate::players::{adam_config, restore_weights, weights};
use crate::projected::{Asked, Projected};
use crate::vision::sight_of;

/// Sets that are saved only where the experiment asks for what they belong to.
const ENCODER: &str = "latent_encoder";
const ENCODER_ADAM: &str = "latent_encoder_adam";
const AUGMENTATION: &str = "augmentation";

/// Everything that learns.
#[derive(Debug)]
pub(crate) struct Players {
    /// Draws.
    pub generator: Generator,
    /// Judges.
    pub discriminator: Discriminator,
    /// Judges a guide's maps of them, where there is one that asks.
    pub projected: Option<Projected>,
    /// The generator with averaged weights.
    pub average: Generator,
    /// Moves the generator.
    pub generator_adam: FusedAdam,
    /// Moves the discriminator.
    pub discriminator_adam: FusedAdam,
    /// Moves the average.
    pub ema: Ema,
    /// Reads real pictures in the warm start, where there is one.
    pub encoder: Option<Encoder>,
    /// `[1]`: how often an augmentation happens, where that adapts.
    probability: Option<Tensor>,
    stores: Stores,
}

/// The network that reads a real picture into a latent, for the warm start only.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The network.
    pub network: LatentEncoder,
    /// Moves it.
    pub adam: FusedAdam,
    store: VarStore,
}

#[derive(Debug)]
struct Stores {
    generator: VarStore,
    discriminator: VarStore,
    average: VarStore,
}

impl Players {
    /// Fresh networks for text vectors of `text_dim` entries.
    ///
    /// # Errors
    /// Settings that do not meet, or no memory on the device.
    pub(crate) fn new(
        experiment: &Experiment,
        text_dim: i64,
        device: Device,
    ) -> Result<Self, TrainError> {
        let mut stores = Stores {
            generator: VarStore::new(device),
            discriminator: VarStore::new(device),
            average: VarStore::new(device),
        };
        let seed = experiment.train.seed;
        let shape = generator_config(experiment, text_dim);
        let generator = Generator::new(&stores.generator.root(), &shape, seed)?;
        let average = Generator::new(&stores.average.root(), &shape, seed)?;
        let judge_shape = discriminator_config(experiment, text_dim);
        let discriminator = Discriminator::new(&stores.discriminator.root(), &judge_shape, seed)?;
        let projected = Projected::new(&projected(experiment, text_dim), experiment, device)?;
        let learning = [
            ("generator", &stores.generator),
            ("discriminator", &stores.discriminator),
        ];
        freeze(&learning, &experiment.freeze)?;
        let generator_adam = FusedAdam::over(
            &stores.generator,
            adam_config(&experiment.optimizer.generator),
        )?;
        let discriminator_adam = FusedAdam::over(
            &stores.discriminator,
            adam_config(&experiment.optimizer.discriminator),
        )?;
        let ema = Ema::start(&mut stores.average, &stores.generator)?;
        let encoder = Encoder::new(experiment, &judge_shape, device)?;
        let adapts = experiment.augment.adaptive.is_some();
        let probability = adapts.then(|| Tensor::zeros([1], (Kind::Float, Device::Cpu)));
        Ok(Self {
            encoder,
            probability,
            generator,
            discriminator,
            projected,
            average,
            generator_adam,
            discriminator_adam,
            ema,
            stores,
        })
    }

    /// All tensors that must be saved; they share memory with the networks.
    #[must_use]
    pub(crate) fn tensors(&self) -> TensorSets {
        let mut sets = TensorSets::from([
            ("generator".to_owned(), weights(&self.stores.generator)),
            (
                "discriminator".to_owned(),
                weights(&self.stores.discriminator),
            ),
            ("average".to_owned(), weights(&self.stores.average)),
            ("generator_adam".to_owned(), self.generator_adam.state()),
            (
                "discriminator_adam".to_owned(),
                self.discriminator_adam.state(),
            ),
        ]);
        if let Some(encoder) = &self.encoder {
            sets.insert(ENCODER.to_owned(), weights(&encoder.store));
            sets.insert(ENCODER_ADAM.to_owned(), encoder.adam.state());
        }
        if let Some(projected) = &self.projected {
            projected.add_tensors(&mut sets);
        }
        if let Some(probability) = &self.probability {
            let named = vec![("probability".to_owned(), probability.shallow_clone())];
            sets.insert(AUGMENTATION.to_owned(), named);
        }
        sets
    }

    /// Takes over what was saved; `folder` is named in messages.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub(crate) fn restore(&mut self, saved: &TensorSets, folder: &Path) -> Result<(), TrainError> {
        let stores = [
            ("generator", &self.stores.generator),
            ("discriminator", &self.stores.discriminator),
            ("average", &self.stores.average),
        ];
        restore_weights(&stores, saved, folder)?;
        let state = |name: &str| saved.get(name).map_or(&[][..], Vec::as_slice);
        self.generator_adam.load_state(state("generator_adam"))?;
        self.discriminator_adam
            .load_state(state("discriminator_adam"))?;
        if let Some(encoder) = &mut self.encoder {
            restore_weights(&[(ENCODER, &encoder.store)], saved, folder)?;
            encoder.adam.load_state(state(ENCODER_ADAM))?;
        }
        if let Some(projected) = &mut self.projected {
            projected.restore(saved, folder)?;
        }
        if let Some(probability) = &self.probability {
            let tensors = saved.get(AUGMENTATION).map_or(&[][..], Vec::as_slice);
            let path = folder.join(format!("{AUGMENTATION}.safetensors"));
            let named = BTreeMap::from([("probability".to_owned(), probability.shallow_clone())]);
            tensor_file::copy_into(&named, tensors, &path)?;
        }
        Ok(())
    }

    /// How often an augmentation happens, 0 to 1.
    pub(crate) fn probability(&self) -> f64 {
        self.probability
            .as_ref()
            .map_or(1.0, |probability| probability.double_value(&[0]))
    }

    /// Changes how often an augmentation happens, where that adapts.
    pub(crate) fn set_probability(&mut self, now: f64) {
        if let Some(probability) = &mut self.probability {
            let _ = probability.fill_(now);
        }
    }

    /// Sets the step sizes of both networks; the encoder's is the generator's.
    ///
    /// # Errors
    /// A rate that is not above 0.
    pub(crate) fn set_rates(
        &mut self,
        generator: f64,
        discriminator: f64,
    ) -> Result<(), TrainError> {
        self.generator_adam.set_learning_rate(generator)?;
        self.discriminator_adam.set_learning_rate(discriminator)?;
        if let Some(projected) = &mut self.projected {
            projected.set_rate(discriminator)?;
        }
        if let Some(encoder) = &mut self.encoder {
            encoder.adam.set_learning_rate(generator)?;
        }
        Ok(())
    }

    /// What learns in the warm start: the generator's parameters, then the encoder's.
    pub(crate) fn warm_parameters(&self) -> Vec<&Tensor> {
        let encoder = self.encoder.iter().flat_map(|e| e.adam.parameters());
        self.generator_adam
            .parameters()
            .iter()
            .chain(encoder)
            .collect()
    }

    /// The averaged generator's weights.
    #[must_use]
    pub(crate) fn average_store(&self) -> &VarStore {
        &self.stores.average
    }
}

impl Encoder {
    fn new(
        experiment: &Experiment,
        like: &DiscriminatorConfig,
        device: Device,
    ) -> Result<Option<Self>, TrainError> {
        if experiment.warm_start.is_none() {
            return Ok(None);
        }
        let store = VarStore::new(device);
        let latent_dim = experiment.generator.latent_dim;
        let seed = experiment.train.seed;
        let network = LatentEncoder::new(&store.root(), like, latent_dim, seed)?;
        let adam = FusedAdam::over(&store, adam_config(&experiment.optimizer.generator))?;
        Ok(Some(Self {
            network,
            adam,
            store,
        }))
    }
}

/// The generator that an experiment describes.
#[must_use]
pub(crate) fn generator_config(experiment: &Experiment, text_dim: i64) -> GeneratorConfig {
    let said = &experiment.generator;
    GeneratorConfig {
        resolution: experiment.resolution,
        latent_dim: said.latent_dim,
        text_dim,
        text_head_dim: said.text_head_dim,
        style_dim: said.style_dim,
        channels: said.channels.clone(),
        upsampling: match said.upsampling {
            Upsampling::Nearest => idiom_gan::Upsampling::Nearest,
            Upsampling::Bilinear => idiom_gan::Upsampling::Bilinear,
        },
    }
}

/// The discriminator over a guide's maps, likewise.
pub(super) fn projected(experiment: &Experiment, text_dim: i64) -> Asked<'_> {
    let guide = experiment.guide.as_ref();
    Asked {
        weight: (
            "guide.projected",
            guide.map_or(0.0, |guide| guide.projected),
        ),
        encoder_channels: &experiment.contrastive.channels,
        text_dim,
    }
}

/// The discriminator, likewise.
#[must_use]
pub(super) fn discriminator_config(experiment: &Experiment, text_dim: i64) -> DiscriminatorConfig {
    let said = &experiment.discriminator;
    DiscriminatorConfig {
        resolution: experiment.resolution,
        sight: sight_of(said.trunk),
        text_dim,
        stages: match said.stages {
            Stages::Plain => idiom_gan::Stages::Plain,
            Stages::Residual => idiom_gan::Stages::Residual,
        },
        normalization: match said.normalization {
            Normalization::None => idiom_gan::Normalization::None,
            Normalization::Spectral => idiom_gan::Normalization::Spectral,
        },
        channels: said.channels.clone(),
        feature_dim: said.feature_dim,
    }
}
