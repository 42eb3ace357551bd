//! Drawing from words: what a model that reads parts of a sentence hears.

use crate::Letters;
use idiom_gan::text_head::Hearing;
use idiom_gan::{Generator, GeneratorConfig, TextHead, TextHeadConfig};
use idiom_model::{ModelConfig, TextEncoderInfo, load, save};
use idiom_studio::Drawer;
use std::collections::BTreeMap;
use tch::Device;
use tch::nn::VarStore;

/// The same weights, whose head reads so many parts beside the whole.
fn drawer(parts: i64) -> Drawer {
    let head = TextHeadConfig {
        text_dim: 2,
        hidden_dim: 8,
        out_dim: 6,
        parts,
    };
    let generator = GeneratorConfig {
        resolution: 16,
        latent_dim: 4,
        text_dim: 6,
        text_head_dim: 4,
        style_dim: 8,
        channels: vec![8, 8, 4],
        ..GeneratorConfig::default()
    };
    let (drawing, reading) = (VarStore::new(Device::Cpu), VarStore::new(Device::Cpu));
    Generator::new(&drawing.root(), &generator, 1).unwrap();
    TextHead::new(&(reading.root() / "look"), &head, 1).unwrap();
    let config = ModelConfig {
        generator,
        discriminator: None,
        text_encoder: TextEncoderInfo {
            name: "letters".to_owned(),
            sha256: "00".to_owned(),
            dim: 2,
            scale: 2_f64.sqrt(),
        },
        words: BTreeMap::from([("look".to_owned(), head)]),
        hearing: Hearing::Heads,
        provenance: BTreeMap::new(),
    };
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), &config, &drawing, None, Some(&reading)).unwrap();
    let model = load(folder.path(), Device::Cpu).unwrap();
    Drawer::new(model, Box::new(Letters), Device::Cpu).unwrap()
}

/// The encoder hears a text's first letter alone, so that only the parts tell these sentences apart.
#[test]
fn a_model_that_reads_parts_hears_them_and_another_hears_the_whole() {
    let (parts, whole) = (drawer(2), drawer(0));
    let said = |drawer: &Drawer, words: &str| drawer.draw(words, 3, 7).unwrap();
    assert_eq!(said(&parts, "a cat"), said(&whole, "a cat"));
    assert_eq!(
        said(&whole, "a cat, of felt"),
        said(&whole, "a cat, in ink")
    );
    assert_ne!(
        said(&parts, "a cat, of felt"),
        said(&parts, "a cat, in ink")
    );
    // The first two parts are read, no more.
    assert_eq!(
        said(&parts, "a cat, of felt, old"),
        said(&parts, "a cat, of felt, new")
    );
}
