//! The networks of restyling, their optimisers and the generator's running average: all that learns, and so all that is saved.

use std::path::Path;

use idiom_gan::restyle::{
    RestyleDiscriminator, RestyleDiscriminatorConfig, RestyleGenerator, RestyleGeneratorConfig,
};
use idiom_gan::{Ema, PictureEncoder, PictureEncoderConfig, TextHead, TextHeadConfig};
use idiom_model::restyle::{PICTURE, WORDS};
use idiom_spec::experiment::Experiment;
use idiom_torch_ext::{AdamConfig, FusedAdam};
use tch::Device;
use tch::nn::VarStore;

use crate::TrainError;
use crate::check::picture_encoder;
use crate::checkpoint::TensorSets;
use crate::init::freeze;
use crate::players::{adam_config, restore_weights, weights};
use crate::projected::{Asked, Projected};

/// Everything that learns.
#[derive(Debug)]
pub(crate) struct Players {
    /// Style and subject of pictures.
    pub(super) encoder: PictureEncoder,
    /// Style of words.
    pub(super) text_head: TextHead,
    /// Redraws.
    pub(super) generator: RestyleGenerator,
    /// Judges.
    pub(super) discriminator: RestyleDiscriminator,
    /// Judges the encoder's maps, where that is asked for.
    pub(super) projected: Option<Projected>,
    /// The generator with averaged weights.
    pub(super) average: RestyleGenerator,
    /// Moves encoder and text head.
    pub(super) encoder_adam: FusedAdam,
    /// Moves the generator.
    pub(super) generator_adam: FusedAdam,
    /// Moves the discriminator.
    pub(super) discriminator_adam: FusedAdam,
    /// Moves the average.
    pub(super) ema: Ema,
    pub(super) stores: Stores,
}

/// The weights, by network.
#[derive(Debug)]
pub(super) struct Stores {
    pub(super) encoder: VarStore,
    pub(super) generator: VarStore,
    pub(super) discriminator: VarStore,
    pub(super) average: VarStore,
}

impl Stores {
    fn named(&self) -> [(&'static str, &VarStore); 4] {
        [
            ("encoder", &self.encoder),
            ("generator", &self.generator),
            ("discriminator", &self.discriminator),
            ("average", &self.average),
        ]
    }
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
            encoder: VarStore::new(device),
            generator: VarStore::new(device),
            discriminator: VarStore::new(device),
            average: VarStore::new(device),
        };
        let (seed, said) = (experiment.train.seed, &experiment.restyle);
        let shape = encoder_config(experiment);
        let encoder = PictureEncoder::new(&(stores.encoder.root() / PICTURE), &shape, seed)?;
        let head = TextHeadConfig {
            text_dim,
            hidden_dim: said.encoder.hidden_dim,
            out_dim: said.style_dim,
            parts: 0,
        };
        let text_head = TextHead::new(&(stores.encoder.root() / WORDS), &head, seed)?;
        let shape = generator_config(experiment);
        let generator = RestyleGenerator::new(&stores.generator.root(), &shape, seed)?;
        let average = RestyleGenerator::new(&stores.average.root(), &shape, seed)?;
        let shape = discriminator_config(experiment);
        let discriminator = RestyleDiscriminator::new(&stores.discriminator.root(), &shape, seed)?;
        let projected = Projected::new(&projected(experiment), experiment, device)?;
        let learning = [
            ("encoder", &stores.encoder),
            ("generator", &stores.generator),
            ("discriminator", &stores.discriminator),
        ];
        freeze(&learning, &experiment.freeze)?;
        let optimizer = &experiment.optimizer;
        let encoder_rate = AdamConfig {
            learning_rate: said.encoder.learning_rate,
            ..AdamConfig::default()
        };
        Ok(Self {
            encoder,
            text_head,
            generator,
            discriminator,
            projected,
            average,
            encoder_adam: FusedAdam::over(&stores.encoder, encoder_rate)?,
            generator_adam: FusedAdam::over(&stores.generator, adam_config(&optimizer.generator))?,
            discriminator_adam: FusedAdam::over(
                &stores.discriminator,
                adam_config(&optimizer.discriminator),
            )?,
            ema: Ema::start(&mut stores.average, &stores.generator)?,
            stores,
        })
    }

    /// All tensors that must be saved; they share memory with the networks.
    pub(crate) fn tensors(&self) -> TensorSets {
        let stores = self.stores.named().into_iter();
        let mut sets: TensorSets = stores
            .map(|(name, store)| (name.to_owned(), weights(store)))
            .collect();
        for (name, adam) in [
            ("encoder_adam", &self.encoder_adam),
            ("generator_adam", &self.generator_adam),
            ("discriminator_adam", &self.discriminator_adam),
        ] {
            sets.insert(name.to_owned(), adam.state());
        }
        if let Some(projected) = &self.projected {
            projected.add_tensors(&mut sets);
        }
        sets
    }

    /// Takes over what was saved; `folder` is named in messages.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub(crate) fn restore(&mut self, saved: &TensorSets, folder: &Path) -> Result<(), TrainError> {
        restore_weights(&self.stores.named(), saved, folder)?;
        for (name, adam) in [
            ("encoder_adam", &mut self.encoder_adam),
            ("generator_adam", &mut self.generator_adam),
            ("discriminator_adam", &mut self.discriminator_adam),
        ] {
            adam.load_state(saved.get(name).map_or(&[], Vec::as_slice))?;
        }
        if let Some(projected) = &mut self.projected {
            projected.restore(saved, folder)?;
        }
        Ok(())
    }
}

fn encoder_config(experiment: &Experiment) -> PictureEncoderConfig {
    let said = &experiment.restyle;
    PictureEncoderConfig {
        resolution: experiment.resolution,
        fine_channels: said.encoder.fine_channels,
        channels: said.encoder.channels.clone(),
        hidden_dim: said.encoder.hidden_dim,
        style_dim: said.style_dim,
        subject_dim: said.style_dim,
    }
}

fn generator_config(experiment: &Experiment) -> RestyleGeneratorConfig {
    let said = &experiment.restyle;
    RestyleGeneratorConfig {
        style_dim: said.style_dim,
        mapped_dim: said.generator.mapped_dim,
        channels: said.generator.channels.clone(),
        n_blocks: said.generator.n_blocks,
    }
}

fn discriminator_config(experiment: &Experiment) -> RestyleDiscriminatorConfig {
    let said = &experiment.restyle;
    RestyleDiscriminatorConfig {
        style_dim: said.style_dim,
        channels: said.discriminator.channels.clone(),
        hidden_dim: said.discriminator.hidden_dim,
    }
}

fn projected(experiment: &Experiment) -> Asked<'_> {
    let said = &experiment.restyle;
    Asked {
        weight: ("restyle.weights.projected", said.weights.projected),
        encoder_channels: &said.encoder.channels,
        text_dim: said.style_dim,
    }
}

/// Checks the shapes of all of them.
///
/// # Errors
/// The first that cannot be had.
pub(super) fn check(experiment: &Experiment) -> Result<(), TrainError> {
    picture_encoder(&encoder_config(experiment), "restyle.encoder")?;
    generator_config(experiment).check()?;
    discriminator_config(experiment).check()?;
    projected(experiment).config(experiment.resolution)?;
    Ok(())
}
