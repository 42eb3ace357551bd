//! The studio with a tiny untrained model: what must hold whatever the weights are.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod drawing;
mod leaving;
mod moving;

use idiom_encoders::{EncoderError, TextEncoder, TextVector};
use idiom_gan::restyle::{
    RestyleDiscriminator, RestyleDiscriminatorConfig, RestyleGenerator, RestyleGeneratorConfig,
};
use idiom_gan::{PictureEncoder, PictureEncoderConfig, TextHead, TextHeadConfig};
use idiom_model::TextEncoderInfo;
use idiom_model::naming::{Naming, NamingVectors};
use idiom_model::restyle::{
    Calibration, KnownPhrase, KnownStyle, PICTURE, RestyleConfig, RestyleModel, RestyleStores,
    WORDS, load, save,
};
use idiom_picture::Rgba8;
use idiom_studio::{Background, Options, Studio, StudioError};
use std::collections::BTreeMap;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

const DIM: i64 = 8;

/// A text encoder whose vectors say how long a text is and how it begins.
struct Letters;

impl TextEncoder for Letters {
    fn name(&self) -> &str {
        "letters"
    }

    fn sha256(&self) -> &str {
        "00"
    }

    fn dim(&self) -> usize {
        2
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<TextVector>, EncoderError> {
        let vector = |text: &&str| {
            let angle = text.bytes().next().map_or(0.0, f32::from);
            TextVector {
                values: vec![angle.cos(), angle.sin()],
                n_tokens: 1,
                truncated: false,
            }
        };
        Ok(texts.iter().map(vector).collect())
    }

    fn token_ids(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, EncoderError> {
        Ok(texts.iter().map(|_| vec![0]).collect())
    }
}

fn model() -> RestyleModel {
    let generator = RestyleGeneratorConfig {
        style_dim: DIM,
        mapped_dim: 8,
        channels: vec![4, 8, 8],
        n_blocks: 4,
    };
    let discriminator = RestyleDiscriminatorConfig {
        style_dim: DIM,
        channels: vec![4, 4],
        hidden_dim: 8,
    };
    let picture_encoder = PictureEncoderConfig {
        resolution: 16,
        fine_channels: 0,
        channels: vec![8, 8],
        hidden_dim: 8,
        style_dim: DIM,
        subject_dim: DIM,
    };
    let text_head = TextHeadConfig {
        text_dim: 2,
        hidden_dim: 8,
        out_dim: DIM,
        parts: 0,
    };
    let new = || VarStore::new(Device::Cpu);
    let (drawing, judging, encoding) = (new(), new(), new());
    RestyleGenerator::new(&drawing.root(), &generator, 1).unwrap();
    RestyleDiscriminator::new(&judging.root(), &discriminator, 1).unwrap();
    PictureEncoder::new(&(encoding.root() / PICTURE), &picture_encoder, 1).unwrap();
    TextHead::new(&(encoding.root() / WORDS), &text_head, 1).unwrap();
    let config = RestyleConfig {
        resolution: 16,
        generator,
        discriminator,
        picture_encoder,
        text_head,
        text_encoder: TextEncoderInfo {
            name: "letters".to_owned(),
            sha256: "00".to_owned(),
            dim: 2,
            scale: 2_f64.sqrt(),
        },
        styles: vec![KnownStyle {
            name: "flat".to_owned(),
            n_pictures: 3,
            vector: (0..DIM)
                .map(|idx| if idx == 0 { 1.0 } else { 0.0 })
                .collect(),
        }],
        phrases: vec![KnownPhrase {
            text: "a sticker".to_owned(),
            language: "en".to_owned(),
            style: 0,
        }],
        agreement: Calibration {
            slope: 4.0,
            offset: 0.0,
        },
        least_familiar: 0.99,
        naming: Some(Naming {
            look_sharpness: 5.0,
            subject_sharpness: 8.0,
            subjects: vec![named("cat", "猫"), named("dog", "狗")],
        }),
        licences: BTreeMap::from([("CC-BY-SA-4.0".to_owned(), 3)]),
        provenance: BTreeMap::new(),
    };
    let folder = tempfile::tempdir().unwrap();
    let stores = RestyleStores {
        generator: &drawing,
        discriminator: &judging,
        encoder: &encoding,
    };
    let angle = f32::from(b'a');
    let phrases = Tensor::from_slice(&[angle.cos(), angle.sin()]).view([1, 2]);
    let axis = |at: i64| Tensor::eye(DIM, (Kind::Float, Device::Cpu)).narrow(0, at, 1);
    let naming = NamingVectors {
        looks: axis(0),
        subjects: Tensor::cat(&[axis(1), -axis(1)], 0),
    };
    save(folder.path(), &config, &stores, &phrases, Some(&naming)).unwrap();
    load(folder.path(), Device::Cpu).unwrap()
}

fn named(en: &str, zh: &str) -> BTreeMap<String, String> {
    let names = [("en", en), ("zh", zh)];
    names
        .map(|(language, name)| (language.to_owned(), name.to_owned()))
        .into()
}

fn studio() -> Studio {
    Studio::new(model(), Box::new(Letters)).unwrap()
}

/// Stripes and a gradient, with transparent corners where asked.
fn picture(width: u32, height: u32, corner_alpha: u8) -> Rgba8 {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let alpha = if x < 3 && y < 3 { corner_alpha } else { 255 };
            pixels.extend([
                (x * 5 % 256) as u8,
                (y * 3 % 256) as u8,
                ((x / 4 + y / 4) % 2 * 200) as u8,
                alpha,
            ]);
        }
    }
    Rgba8 {
        width,
        height,
        pixels,
    }
}

#[test]
fn at_strength_0_the_picture_comes_back_as_it_was() {
    let studio = studio();
    let style = studio.words("a sticker").unwrap();
    let options = Options {
        strength: 0.0,
        ..Options::default()
    };
    for (width, height) in [(16, 16), (21, 37), (5, 3)] {
        let source = picture(width, height, 255);
        let restyled = studio.restyle(&source, &style, &options).unwrap();
        assert_eq!(restyled.picture.pixels, source.pixels, "{width}x{height}");
    }
}

#[test]
fn at_full_strength_size_and_alpha_stay_and_colours_do_not() {
    let studio = studio();
    let style = studio.words("a sticker").unwrap();
    let source = picture(30, 18, 0);
    let restyled = studio
        .restyle(&source, &style, &Options::default())
        .unwrap();
    let alphas = |picture: &Rgba8| {
        picture
            .pixels
            .iter()
            .skip(3)
            .step_by(4)
            .copied()
            .collect::<Vec<_>>()
    };
    assert_eq!((restyled.picture.width, restyled.picture.height), (30, 18));
    assert_eq!(alphas(&restyled.picture), alphas(&source));
    assert_ne!(restyled.picture.pixels, source.pixels);
    assert!((0.0..=1.0).contains(&restyled.agreement));
}

#[test]
fn tiles_leave_no_seam() {
    // The picture is larger than a tile; the generator applied to the whole, mirrored at its edges, is the oracle.
    let (studio, oracle) = (studio(), model());
    let style = studio.picture(&picture(16, 16, 255)).unwrap();
    let source = picture(700, 64, 255);
    let restyled = studio
        .restyle(&source, &style, &Options::default())
        .unwrap();
    let flat: Vec<u8> = source
        .pixels
        .chunks_exact(4)
        .flat_map(|p| [p[0], p[1], p[2]])
        .collect();
    let whole = Tensor::from_slice(&flat)
        .view([1, 64, 700, 3])
        .permute([0, 3, 1, 2]);
    let small: Vec<u8> = picture(16, 16, 255)
        .pixels
        .chunks_exact(4)
        .flat_map(|p| [p[0], p[1], p[2]])
        .collect();
    let small = Tensor::from_slice(&small)
        .view([1, 16, 16, 3])
        .permute([0, 3, 1, 2]);
    let values = |bytes: &Tensor| bytes.to_kind(Kind::Float) / 127.5 - 1.0;
    let drawn = tch::no_grad(|| {
        let style = oracle
            .picture_encoder
            .forward(&values(&small))
            .unwrap()
            .style;
        let framed = values(&whole).reflection_pad2d([32, 32, 32, 32]);
        let drawn = oracle
            .generator
            .forward(&framed, &(style * (DIM as f64).sqrt()))
            .unwrap();
        drawn.narrow(2, 32, 64).narrow(3, 32, 700)
    });
    let expected = ((drawn.clamp(-1.0, 1.0) + 1.0) * 127.5)
        .permute([0, 2, 3, 1])
        .contiguous();
    let expected = Vec::<f32>::try_from(expected.view([-1])).unwrap();
    let found = restyled
        .picture
        .pixels
        .chunks_exact(4)
        .flat_map(|p| [p[0], p[1], p[2]]);
    for (found, expected) in found.zip(expected) {
        assert!(
            (f32::from(found) - expected).abs() <= 0.51,
            "{found} {expected}"
        );
    }
}

#[test]
fn a_kept_background_stays_to_the_byte() {
    let studio = studio();
    let style = studio.words("a sticker").unwrap();
    let mut source = picture(24, 24, 255);
    for (idx, pixel) in source.pixels.chunks_exact_mut(4).enumerate() {
        let (x, y) = (idx % 24, idx / 24);
        if !(8..16).contains(&x) || !(8..16).contains(&y) {
            pixel.copy_from_slice(&[250, 250, 250, 255]);
        }
    }
    let options = Options {
        background: Background::Kept,
        ..Options::default()
    };
    let restyled = studio.restyle(&source, &style, &options).unwrap().picture;
    assert_eq!(restyled.pixels[..24 * 8 * 4], source.pixels[..24 * 8 * 4]);
    assert_ne!(restyled.pixels, source.pixels);
}

#[test]
fn words_like_no_known_phrase_are_unusual_and_the_nearest_style_is_named() {
    let studio = studio();
    let known = studio.words("a comic").unwrap();
    assert!(!known.is_unusual && (known.familiarity - 1.0).abs() < 1e-6);
    let strange = studio.words("quarterly earnings").unwrap();
    assert!(strange.is_unusual, "{}", strange.familiarity);
    assert_eq!(strange.nearest[0].name, "flat");
    assert_eq!(strange.like, "a sticker");
}

#[test]
fn mixed_styles_lie_between_their_parts() {
    let studio = studio();
    let cosine = |words: &str| studio.words(words).unwrap().nearest[0].cosine;
    let (one, other) = (cosine("a"), cosine("z"));
    let parts = [
        (studio.words("a").unwrap(), 1.0),
        (studio.words("z").unwrap(), 1e-9),
    ];
    let mostly_one = studio.mix(&parts).unwrap().nearest[0].cosine;
    assert!(
        (mostly_one - one).abs() < 1e-5,
        "{one} {other} {mostly_one}"
    );
    let bad = [(studio.words("a").unwrap(), f64::NAN)];
    assert!(matches!(
        studio.mix(&bad),
        Err(StudioError::Setting { name: "weight", .. })
    ));
}

#[test]
fn a_description_is_the_softmax_of_sharpened_cosines_in_the_models_languages() {
    let (studio, oracle) = (studio(), model());
    let source = picture(16, 16, 255);
    let seen = studio.describe(&source, 5).unwrap();
    assert_eq!((seen.subjects.len(), seen.n_known), (2, 2));
    assert_eq!(
        seen.looks[0].phrases,
        [("en".to_owned(), "a sticker".to_owned())]
    );
    assert!(
        (seen.looks[0].probability - 1.0).abs() < 1e-9,
        "the only look it knows"
    );
    // Two opposite directions at sharpness 8: the probability of the first is a logistic curve of 16 times the cosine.
    let flat: Vec<u8> = source
        .pixels
        .chunks_exact(4)
        .flat_map(|p| [p[0], p[1], p[2]])
        .collect();
    let bytes = Tensor::from_slice(&flat)
        .view([1, 16, 16, 3])
        .permute([0, 3, 1, 2]);
    let pixels = bytes.to_kind(Kind::Float) / 127.5 - 1.0;
    let vector = tch::no_grad(|| oracle.picture_encoder.forward(&pixels).unwrap().subject);
    let cosine = vector.double_value(&[0, 1]);
    let first = 1.0 / (1.0 + (-16.0 * cosine.abs()).exp());
    assert!(
        (seen.subjects[0].probability - first).abs() < 1e-5,
        "{seen:?}"
    );
    let name = if cosine > 0.0 { "cat" } else { "dog" };
    // The model's phrases are English, so English it is.
    assert_eq!(seen.subjects[0].names, [("en".to_owned(), name.to_owned())]);
}

#[test]
fn strengths_outside_0_to_1_are_refused() {
    let studio = studio();
    let style = studio.words("a").unwrap();
    for strength in [-0.1, 1.1, f64::NAN] {
        let options = Options {
            strength,
            ..Options::default()
        };
        let error = studio
            .restyle(&picture(16, 16, 255), &style, &options)
            .unwrap_err();
        assert!(
            matches!(
                error,
                StudioError::Setting {
                    name: "strength",
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn an_encoder_with_other_weights_is_refused() {
    let mut model = model();
    model.config.text_encoder.sha256 = "11".to_owned();
    let error = Studio::new(model, Box::new(Letters)).unwrap_err();
    assert!(matches!(error, StudioError::OtherEncoder { .. }), "{error}");
}
