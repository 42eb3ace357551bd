//! The variational warm start: its loss and gradients are PyTorch's, and the encoder fits the networks.

use crate::{Oracle, check};
use idiom_gan::warm_start::{LatentEncoder, Posterior, loss};
use idiom_gan::{DiscriminatorConfig, Draws};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

#[test]
fn the_loss_of_the_warm_start_is_pytorchs() {
    let oracle = Oracle::open();
    let leaf = |name: &str| {
        oracle
            .get(&format!("warm_start/{name}"))
            .set_requires_grad(true)
    };
    let (mean, log_variance, drawn) = (leaf("mean"), leaf("log_variance"), leaf("drawn"));
    let posterior = Posterior {
        mean: mean.shallow_clone(),
        log_variance: log_variance.shallow_clone(),
    };
    let sample = posterior.sample(&oracle.get("warm_start/noise")).unwrap();
    oracle.check("warm_start/sample", &sample);
    oracle.check("warm_start/divergence", &posterior.divergence());
    let loss = loss(&drawn, &oracle.get("warm_start/target"), &posterior, 0.7).unwrap();
    oracle.check("warm_start/loss", &loss);
    let names = ["mean", "log_variance", "drawn"];
    let gradients = Tensor::run_backward(&[loss], &[&mean, &log_variance, &drawn], false, false);
    for (name, gradient) in names.into_iter().zip(&gradients) {
        let key = format!("warm_start/gradients/{name}");
        check(&key, gradient, &oracle.get(&key));
    }
}

#[test]
fn a_fresh_encoder_says_nearly_the_standard_normal() {
    let store = VarStore::new(Device::Cpu);
    let like = DiscriminatorConfig {
        resolution: 16,
        channels: vec![4, 8],
        ..DiscriminatorConfig::default()
    };
    let encoder = LatentEncoder::new(&store.root(), &like, 6, 1).unwrap();
    let pictures = Draws::new(1, "pictures")
        .normals(0, 4, 3 * 256)
        .view([4, 3, 16, 16]);
    let posterior = encoder.forward(&pictures).unwrap();
    assert_eq!(posterior.mean.size(), [4, 6]);
    let far = posterior.mean.abs().max().double_value(&[]);
    assert!(far < 1.5, "{far}");
    let wrong = Tensor::zeros([4, 3, 8, 8], (Kind::Float, Device::Cpu));
    assert!(encoder.forward(&wrong).is_err());
}
