//! The task `text_to_image` with a guide, on a toy data set: exact and resumable over both parts, and kept with what it heard.

use crate::toy::{Toy, checkpoint_bytes, finish, run};
use idiom_dataset::embeddings::Embeddings;
use idiom_spec::experiment::{Fading, Guide, Hearing, Precision};
use idiom_train::{Event, NoSink, TrainRequest, checkpoint, train};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use tch::{Device, Kind, Tensor};

/// The guide learns from 32 pictures, then the game begins.
fn guided(toy: &Toy, run_id: &str, images: u64) -> TrainRequest {
    let mut request = toy.request(run_id, images);
    request.experiment.guide = Some(Guide {
        images: 32,
        ..Guide::default()
    });
    let shape = &mut request.experiment.contrastive;
    shape.fine_channels = 8;
    shape.channels = vec![8, 8];
    (shape.style_dim, shape.subject_dim, shape.hidden_dim) = (4, 6, 8);
    request
}

/// Heads that read so many sentences by themselves, and are all that players hear; what the guide says fades over the game.
fn reading(toy: &Toy, run_id: &str, images: u64, n_sentences: u64) -> TrainRequest {
    let mut request = guided(toy, run_id, images);
    if let Some(guide) = &mut request.experiment.guide {
        guide.sentences = n_sentences;
        guide.hearing = Hearing::Heads;
        (guide.fade, guide.fade_images) = (0.2, 64);
    }
    request
}

/// With a discriminator over its maps of 8x8, which are halved once.
fn projected(mut request: TrainRequest) -> TrainRequest {
    let experiment = &mut request.experiment;
    if let Some(guide) = &mut experiment.guide {
        guide.projected = 1.0;
    }
    experiment.resolution = 32;
    experiment.contrastive.channels = vec![8, 16, 8];
    experiment.generator.channels = vec![8, 8, 4, 4];
    experiment.discriminator.channels = vec![4, 4, 8];
    request
}

fn file(toy: &Toy, run_id: &str, images: u64, name: &str) -> Vec<u8> {
    let files = checkpoint_bytes(&toy.run_folder(run_id), images);
    let found = files.into_iter().find(|(found, _)| found == name);
    found.unwrap().1
}

/// A run that is broken off after each of these numbers of pictures and taken up again ends as an unbroken one.
fn assert_unbroken(toy: &Toy, breaks: &[u64], request: impl Fn(&str, u64) -> TrainRequest) {
    finish(&request("whole", 96));
    for first in breaks {
        let name = format!("broken-at-{first}");
        finish(&request(&name, *first));
        let mut rest = request(&name, 96);
        rest.resume = true;
        finish(&rest);
        assert_eq!(
            checkpoint_bytes(&toy.run_folder("whole"), 96),
            checkpoint_bytes(&toy.run_folder(&name), 96),
            "{name}"
        );
    }
}

#[test]
fn a_run_taken_up_while_the_guide_learns_or_after_equals_an_unbroken_one() {
    let toy = Toy::new();
    assert_unbroken(&toy, &[16, 32, 48], |name, images| {
        guided(&toy, name, images)
    });
}

#[test]
fn a_run_whose_heads_read_by_themselves_equals_an_unbroken_one_in_any_digits() {
    for precision in [Precision::F32, Precision::Bf16, Precision::Auto] {
        let toy = Toy::new();
        assert_unbroken(&toy, &[32, 48], |name, images| {
            let mut request = reading(&toy, name, images, 512);
            request.experiment.train.precision = precision;
            request
        });
    }
}

/// Whose heads read two parts of a sentence beside the whole.
fn in_parts(toy: &Toy, run_id: &str, images: u64) -> TrainRequest {
    let mut request = reading(toy, run_id, images, 512);
    request.experiment.contrastive.text_parts = 2;
    request
}

#[test]
fn a_run_whose_heads_read_parts_equals_an_unbroken_one() {
    let toy = Toy::in_parts();
    assert_unbroken(&toy, &[16, 48], |name, images| in_parts(&toy, name, images));
}

#[test]
fn parts_that_were_never_embedded_are_an_error_that_names_one() {
    let toy = Toy::in_parts();
    toy.embed_training_wholes();
    let error = run(&in_parts(&toy, "run", 36)).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("`toy` lack the text `"), "{message}");
    assert!(error.hint().unwrap().contains("just embed"), "{message}");
}

#[test]
fn a_head_that_reads_parts_finds_the_look_in_one_and_the_subject_in_another() {
    let toy = Toy::in_parts();
    let mut request = in_parts(&toy, "run", 36);
    if let Some(guide) = &mut request.experiment.guide {
        (guide.sentences, guide.text_noise) = (40_960, 0.1);
    }
    request.experiment.contrastive.hidden_dim = 32;
    let model = finish(&request).model.unwrap();
    let model = idiom_model::load(&model, Device::Cpu).unwrap();
    assert_eq!(model.config.text_parts(), 2);
    let embeddings = Embeddings::open(&toy.dataset(), "toy").unwrap();
    let said = |texts: [&str; 3]| {
        let rows = texts.map(|text| Tensor::from_slice(embeddings.get(text).unwrap()));
        Tensor::stack(&rows, 0).unsqueeze(0) * 8_f64.sqrt()
    };
    let flat = said(["thing 3, in flat", "thing 3", "in flat"]);
    let changed = |head: &idiom_gan::TextHead, place: i64, text: &str| {
        let other = flat.copy();
        let row = Tensor::from_slice(embeddings.get(text).unwrap()) * 8_f64.sqrt();
        other.get(0).get(place).copy_(&row);
        let vectors = [&flat, &other].map(|text| head.forward(text).unwrap());
        (&vectors[0] * &vectors[1])
            .sum(Kind::Float)
            .double_value(&[])
    };
    // In the order of names the head of the look is the first. Another look in its part turns that head further than another subject does.
    let [look, subject] = [&model.words[0], &model.words[1]];
    let (of_look, of_subject) = (changed(look, 2, "in ink"), changed(look, 1, "thing 5"));
    assert!(of_look < of_subject, "{of_look} {of_subject}");
    let (of_look, of_subject) = (
        changed(subject, 2, "in ink"),
        changed(subject, 1, "thing 5"),
    );
    assert!(of_subject < of_look, "{of_look} {of_subject}");
}

#[test]
fn heads_that_read_by_themselves_change_and_the_encoder_of_pictures_does_not() {
    let toy = Toy::new();
    let weights = |n_sentences: u64| {
        let name = format!("read-{n_sentences}");
        finish(&reading(&toy, &name, 36, n_sentences));
        let saves = toy.run_folder(&name).join("checkpoints");
        let saved = checkpoint::load_newest(&saves, &|warning| panic!("{warning}")).unwrap();
        let named = saved.tensors["contrastive"].iter();
        let named = named.map(|(name, tensor)| (name.clone(), tensor.copy()));
        named.collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (weights(0), weights(512));
    for (name, one) in &before {
        let is_head = name.contains("_head.");
        assert_eq!(*one != after[name], is_head, "{name}");
    }
}

#[test]
fn readers_of_the_bar_are_told_once_that_heads_read() {
    let toy = Toy::new();
    let said = Mutex::new(Vec::new());
    let listen = |event: Event| {
        if let Event::Message(text) = event {
            said.lock().unwrap().push(text);
        }
    };
    let request = reading(&toy, "told", 40, 512);
    train(&request, &NoSink, &listen, &AtomicBool::new(false)).unwrap();
    let said = said.into_inner().unwrap();
    let of_reading = said
        .iter()
        .filter(|text| text.contains("read 512 sentences"));
    assert_eq!(of_reading.count(), 1, "{said:?}");
}

#[test]
fn a_head_that_reads_brings_phrases_of_one_look_together_and_of_two_apart() {
    let toy = Toy::new();
    let texts = [
        "cut from paper",
        "like a sticker",
        "dipped in ink",
        "black as coal",
    ];
    let embeddings = Embeddings::open(&toy.dataset(), "toy").unwrap();
    let rows = texts.map(|text| Tensor::from_slice(embeddings.get(text).unwrap()));
    // Eight entries of unit variance.
    let text = Tensor::stack(&rows, 0) * 8_f64.sqrt();
    let parting = |n_sentences: u64| {
        let name = format!("parted-{n_sentences}");
        let summary = finish(&reading(&toy, &name, 36, n_sentences));
        let model = idiom_model::load(&summary.model.unwrap(), Device::Cpu).unwrap();
        // In the order of names the head of the look is the first.
        let said = tch::no_grad(|| model.words[0].forward(&text).unwrap());
        let cosines = said.matmul(&said.transpose(0, 1));
        let at = |one, other| cosines.double_value(&[one, other]);
        (at(0, 1) + at(2, 3)) / 2.0 - (at(0, 2) + at(0, 3) + at(1, 2) + at(1, 3)) / 4.0
    };
    let (before, after) = (parting(0), parting(20_480));
    assert!(after > before + 0.2, "{before} before, {after} after");
}

#[test]
fn players_may_hear_the_heads_alone() {
    let toy = Toy::new();
    let summary = finish(&reading(&toy, "run", 64, 512));
    let model = idiom_model::load(&summary.model.unwrap(), Device::Cpu).unwrap();
    assert_eq!(model.config.generator.text_dim, 4 + 6);
    let text = Tensor::eye(8, (Kind::Float, Device::Cpu)).narrow(0, 0, 2);
    let latent = Tensor::zeros([2, 4], (Kind::Float, Device::Cpu));
    let drawn = tch::no_grad(|| model.draw(&latent, &text).unwrap());
    assert_eq!(drawn.size(), [2, 3, 16, 16]);
}

#[test]
fn first_the_guide_learns_alone_then_the_players_do() {
    let toy = Toy::new();
    finish(&guided(&toy, "run", 64));
    let at = |images, name| file(&toy, "run", images, name);
    let (guide, players) = ("contrastive.safetensors", "generator.safetensors");
    assert_ne!(at(16, guide), at(32, guide));
    assert_eq!(at(16, players), at(32, players));
    assert_eq!(at(32, guide), at(64, guide));
    assert_ne!(at(32, players), at(64, players));
}

#[test]
fn a_guide_that_fades_says_all_at_first_and_then_less() {
    let toy = Toy::new();
    let request = |name, fade, fade_images| {
        // Two steps of the game, each saved.
        let mut request = guided(&toy, name, 40);
        request.experiment.checkpoint.every_images = 4;
        if let Some(guide) = &mut request.experiment.guide {
            (guide.fade, guide.fade_images) = (fade, fade_images);
        }
        request
    };
    finish(&request("steady", 1.0, 0));
    finish(&request("fading", 0.0, 4));
    let mut but_style = request("but-style", 0.0, 4);
    let mut without_style = request("without-style", 0.0, 4);
    for (request, style) in [(&mut but_style, 1.0), (&mut without_style, 0.0)] {
        if let Some(guide) = &mut request.experiment.guide {
            (guide.fading, guide.style) = (Fading::Pictures, style);
        }
        finish(request);
    }
    let at = |run, images| file(&toy, run, images, "generator.safetensors");
    let are_alike = |one, other, images| at(one, images) == at(other, images);
    assert!(are_alike("steady", "fading", 36) && !are_alike("steady", "fading", 40));
    assert!(are_alike("steady", "but-style", 36) && !are_alike("steady", "but-style", 40));
    assert!(
        !are_alike("fading", "but-style", 40),
        "the look is still asked for"
    );
    assert!(!are_alike("without-style", "but-style", 40));
    let message = run(&request("none", 0.5, 0)).unwrap_err().to_string();
    assert!(message.contains("guide.fade_images: 0"), "{message}");
    let mut of_nothing = request("of-nothing", 1.0, 0);
    if let Some(guide) = &mut of_nothing.experiment.guide {
        guide.fading = Fading::Pictures;
    }
    let message = run(&of_nothing).unwrap_err().to_string();
    assert!(
        message.contains("`guide.fading`") && message.contains("guide.fade: 1"),
        "{message}"
    );
}

#[test]
fn what_it_draws_depends_on_the_heads_that_are_kept_with_the_model() {
    let toy = Toy::new();
    let summary = finish(&guided(&toy, "run", 64));
    let folder = summary.model.unwrap();
    let model = idiom_model::load(&folder, Device::Cpu).unwrap();
    let dims: Vec<i64> = model
        .words
        .iter()
        .map(|head| head.config().out_dim)
        .collect();
    assert_eq!(
        (dims, model.config.generator.text_dim),
        (vec![4, 6], 8 + 4 + 6)
    );
    let (latent, text) = (
        Tensor::zeros([2, 4], (Kind::Float, Device::Cpu)),
        Tensor::eye(8, (Kind::Float, Device::Cpu)).narrow(0, 0, 2),
    );
    let drawn = tch::no_grad(|| model.draw(&latent, &text).unwrap());
    assert_eq!(drawn.size(), [2, 3, 16, 16]);
    let heard_nothing = Tensor::cat(
        &[&text, &Tensor::zeros([2, 10], (Kind::Float, Device::Cpu))],
        1,
    );
    let other = tch::no_grad(|| model.generator.forward(&latent, &heard_nothing).unwrap());
    assert!((drawn - other).abs().max().double_value(&[]) > 1e-4);
}

#[test]
fn a_discriminator_over_the_guides_maps_learns_and_goes_on_where_it_was() {
    let toy = Toy::sized(32, 8);
    for precision in [Precision::F32, Precision::Bf16] {
        let request = |name: &str, images| {
            let mut request = projected(guided(&toy, &format!("{name}-{precision:?}"), images));
            request.experiment.train.precision = precision;
            request
        };
        finish(&request("whole", 96));
        finish(&request("halves", 48));
        let mut rest = request("halves", 96);
        rest.resume = true;
        finish(&rest);
        let whole = toy.run_folder(&format!("whole-{precision:?}"));
        assert!(
            checkpoint_bytes(&whole, 96) == checkpoint_bytes(&rest.runs.join(&rest.run_id), 96),
            "{precision:?}"
        );
        let saves = whole.join("checkpoints");
        let saved = checkpoint::load_newest(&saves, &|warning| panic!("{warning}")).unwrap();
        let named = |set: &str, wanted: &str| {
            let found = saved.tensors[set].iter().find(|(name, _)| name == wanted);
            found.unwrap().1.shallow_clone()
        };
        // The guide's two coarser stages.
        let weight = named("projected", "projected.stage8.weight");
        assert_eq!(weight.size(), [48, 16 + 8, 4, 4]);
        let moment = named("projected_adam", "projected.stage8.weight/second_moment");
        assert!(moment.min().double_value(&[]) > 0.0);
    }
}

#[test]
fn what_the_discriminator_over_the_guides_maps_says_reaches_the_generator() {
    let toy = Toy::sized(32, 8);
    let generator = |weight: f64| {
        let mut request = projected(guided(&toy, &format!("weight-{weight}"), 48));
        if let Some(guide) = &mut request.experiment.guide {
            guide.projected = weight;
            // What else the guide says is left out.
            (guide.style, guide.subject, guide.features, guide.moments) = (0.0, 0.0, 0.0, 0.0);
        }
        finish(&request);
        file(&toy, &request.run_id, 48, "generator.safetensors")
    };
    let (half, whole) = (generator(0.5), generator(1.0));
    assert!(half != whole && generator(0.0) != half);
}

#[test]
fn maps_too_small_to_be_halved_are_refused() {
    let toy = Toy::new();
    let mut request = guided(&toy, "run", 64);
    if let Some(guide) = &mut request.experiment.guide {
        guide.projected = 1.0;
    }
    let message = run(&request).unwrap_err().to_string();
    assert!(
        message.contains("guide.projected: 1") && message.contains("resolution: 16"),
        "{message}"
    );
}
