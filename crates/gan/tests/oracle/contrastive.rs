//! The picture encoder, the text head and the contrastive losses (`oracle/make_contrastive.py`).

use crate::{Oracle, check};
use idiom_gan::losses::contrastive::{among_others, anchored, grouped_info_nce, info_nce};
use idiom_gan::text_head::Hearing;
use idiom_gan::{GanError, PictureEncoder, PictureEncoderConfig, TextHead, TextHeadConfig};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

fn oracle() -> Oracle {
    Oracle::file("contrastive.safetensors")
}

fn filled(oracle: &Oracle, store: &VarStore, prefix: &str) {
    crate::networks::fill(store, &oracle.under(prefix));
}

fn config() -> PictureEncoderConfig {
    PictureEncoderConfig {
        resolution: 16,
        fine_channels: 4,
        channels: vec![8, 16],
        hidden_dim: 7,
        style_dim: 5,
        subject_dim: 6,
    }
}

fn check_loss(name: &str, loss: impl Fn(&Tensor, &Oracle) -> Result<Tensor, GanError>) {
    let oracle = oracle();
    let queries = oracle.get("losses/queries").set_requires_grad(true);
    let value = loss(&queries, &oracle).unwrap();
    oracle.check(&format!("losses/{name}"), &value);
    let gradients = Tensor::run_backward(&[value], &[&queries], false, false);
    oracle.check(&format!("losses/{name}/queries"), &gradients[0]);
}

#[test]
fn info_nce_is_cross_entropy_both_ways() {
    check_loss("info_nce", |queries, oracle| {
        info_nce(queries, &oracle.get("losses/keys"), 0.1)
    });
}

#[test]
fn with_several_right_answers_their_logarithms_are_averaged() {
    check_loss("grouped", |queries, oracle| {
        let (keys, groups) = (oracle.get("losses/keys"), oracle.whole("losses/groups"));
        grouped_info_nce(queries, &keys, &groups, 0.07)
    });
}

#[test]
fn among_others_only_rivals_count() {
    check_loss("among", |queries, oracle| {
        let (keys, groups) = (oracle.get("losses/keys"), oracle.whole("losses/groups"));
        let rivals = groups.unsqueeze(1).not_equal_tensor(&groups.unsqueeze(0));
        among_others([queries, &keys.roll(1, 0)], &keys, &rivals, 0.07)
    });
}

#[test]
fn a_picture_without_rivals_is_found_for_certain() {
    let rows = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
    let none = Tensor::zeros([2, 2], (Kind::Bool, Device::Cpu));
    let loss = among_others([&rows, &rows], &rows, &none, 0.1).unwrap();
    assert_eq!(loss.double_value(&[]), 0.0);
}

#[test]
fn anchors_are_classes() {
    check_loss("anchored", |queries, oracle| {
        let (anchors, groups) = (oracle.get("losses/anchors"), oracle.whole("losses/groups"));
        anchored(queries, &anchors, &groups, 0.2)
    });
}

#[test]
fn keys_of_another_length_are_refused_with_both_shapes() {
    let rows = |dim| Tensor::ones([4, dim], (Kind::Float, Device::Cpu));
    let error = info_nce(&rows(3), &rows(5), 0.1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`keys` has the shape [4, 5], but [batch, 3] was expected"
    );
}

#[test]
fn the_encoder_gives_pytorchs_vectors_and_gradients() {
    let oracle = oracle();
    let store = VarStore::new(Device::Cpu);
    let encoder = PictureEncoder::new(&store.root(), &config(), 1).unwrap();
    filled(&oracle, &store, "encoder/weights");
    let encoded = encoder.forward(&oracle.get("encoder/pictures")).unwrap();
    oracle.check("encoder/stage8", &encoded.stages[1]);
    oracle.check("encoder/moments", &encoded.moments());
    oracle.check("encoder/style", &encoded.style);
    oracle.check("encoder/subject", &encoded.subject);
    let loss = (&encoded.style * oracle.get("encoder/cotangent/style")).sum(Kind::Float)
        + (&encoded.subject * oracle.get("encoder/cotangent/subject")).sum(Kind::Float);
    crate::networks::check_gradients(&store, &loss, &oracle.under("encoder/gradients"));
}

#[test]
fn pictures_of_another_size_are_encoded_too() {
    let oracle = oracle();
    let store = VarStore::new(Device::Cpu);
    let encoder = PictureEncoder::new(&store.root(), &config(), 1).unwrap();
    filled(&oracle, &store, "encoder/weights");
    let encoded = encoder.forward(&oracle.get("encoder/larger")).unwrap();
    oracle.check("encoder/larger/style", &encoded.style);
    oracle.check("encoder/larger/subject", &encoded.subject);
}

#[test]
fn a_picture_smaller_than_the_stages_is_refused() {
    let store = VarStore::new(Device::Cpu);
    let encoder = PictureEncoder::new(&store.root(), &config(), 1).unwrap();
    let tiny = Tensor::zeros([1, 3, 2, 2], (Kind::Float, Device::Cpu));
    assert!(encoder.forward(&tiny).is_err());
}

#[test]
fn channels_that_no_norm_can_group_are_named() {
    let wrong = PictureEncoderConfig {
        channels: vec![8, 12],
        ..config()
    };
    assert_eq!(
        wrong.check().unwrap_err().to_string(),
        "`picture_encoder.channels` is 12, but must be a list of multiples of 8"
    );
}

/// PyTorch's head, which reads so many parts.
fn text_head(oracle: &Oracle, parts: i64, weights: &str) -> (TextHead, VarStore) {
    let store = VarStore::new(Device::Cpu);
    let config = TextHeadConfig {
        text_dim: 5,
        hidden_dim: 6,
        out_dim: 4,
        parts,
    };
    let head = TextHead::new(&store.root(), &config, 1).unwrap();
    filled(oracle, &store, weights);
    (head, store)
}

#[test]
fn a_head_weighs_the_parts_of_a_sentence_as_pytorch_does() {
    let oracle = oracle();
    let (head, store) = text_head(&oracle, 2, "parts/weights");
    let text = oracle.get("parts/text");
    let vectors = head.forward(&text).unwrap();
    oracle.check("parts/vectors", &vectors);
    let loss = (&vectors * oracle.get("parts/cotangent")).sum(Kind::Float);
    let weight = &store.variables()["attention.weight"];
    let gradient = Tensor::run_backward(&[loss], &[weight], false, false);
    oracle.check("parts/gradient", &gradient[0]);
    // A sentence alone is one whose parts are all not there.
    let alone = head.forward(&text.select(1, 0)).unwrap();
    check("alone", &alone.narrow(0, 0, 1), &vectors.narrow(0, 0, 1));
    assert_ne!(alone.get(1), vectors.get(1));
    // Beside the heads the sentence itself is heard, not its parts.
    let heard = Hearing::SentenceAndHeads.of(&text, &[&head]).unwrap();
    let both = Tensor::cat(&[text.select(1, 0), &vectors * 2.0], 1);
    check("both", &heard, &both);
    let error = head.forward(&text.narrow(2, 0, 4)).unwrap_err().to_string();
    assert!(error.contains("`text`"), "{error}");
}

#[test]
fn the_text_head_gives_pytorchs_unit_vectors() {
    let oracle = oracle();
    let (head, _store) = text_head(&oracle, 0, "head/weights");
    let vectors = head.forward(&oracle.get("head/text")).unwrap();
    oracle.check("head/vectors", &vectors);
    let lengths = vectors
        .square()
        .sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
    check(
        "lengths",
        &lengths,
        &Tensor::ones([3], (Kind::Float, Device::Cpu)),
    );
    // Beside the text itself they have unit variance an entry: twice the unit vectors, of length 4.
    let text = oracle.get("head/text");
    let heard = |hearing: Hearing, heads: &[&TextHead]| hearing.of(&text, heads).unwrap();
    let vectors = oracle.get("head/vectors") * 2.0;
    let both = Tensor::cat(&[text.shallow_clone(), vectors.shallow_clone()], 1);
    check("both", &heard(Hearing::SentenceAndHeads, &[&head]), &both);
    check("heads", &heard(Hearing::Heads, &[&head]), &vectors);
    check("no heads", &heard(Hearing::Heads, &[]), &text);
    let dims = |hearing: Hearing, heads: &[i64]| hearing.dim(5, heads.iter().copied());
    assert_eq!(dims(Hearing::SentenceAndHeads, &[4, 3]), 12);
    assert_eq!(dims(Hearing::Heads, &[4, 3]), 7);
    assert_eq!(dims(Hearing::Heads, &[]), 5);
}
