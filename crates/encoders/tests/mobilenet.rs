//! MobileNetV2's features equal PyTorch's (`oracle/make_mobilenet.py`), and its old weight file is read without being run.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a skipped test prints a line; a failed unwrap fails the test"
)]

mod weights;

use idiom_encoders::{DEPTH_CHANNELS, MOBILENET_V2, MobileNet};
use safetensors::SafeTensors;
use std::path::Path;
use std::process::Command;
use tch::{Device, Kind, Tensor};

fn network() -> Option<MobileNet> {
    let folder = weights::cache().join("encoders").join(MOBILENET_V2);
    if folder.join("model.safetensors").exists() {
        return Some(MobileNet::read(&folder, Device::Cpu).unwrap());
    }
    weights::skip(MOBILENET_V2);
    None
}

/// PyTorch's numbers.
struct Oracle(Vec<u8>);

fn oracle() -> Oracle {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/mobilenet-v2.safetensors");
    Oracle(std::fs::read(path).unwrap())
}

impl Oracle {
    fn tensor(&self, name: &str, kind: Kind) -> Tensor {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        let shape: Vec<i64> = view.shape().iter().map(|side| *side as i64).collect();
        Tensor::from_data_size(view.data(), &shape, kind).to_kind(Kind::Float)
    }
}

#[test]
fn features_equal_pytorchs() {
    let Some(network) = network() else { return };
    let oracle = oracle();
    let found = network
        .features(&oracle.tensor("pictures", Kind::Half))
        .unwrap();
    let expected = oracle.tensor("features", Kind::Float);
    let distance = (found - expected).abs().max().double_value(&[]);
    assert!(distance < 2e-4, "{distance}");
}

#[test]
fn what_is_seen_at_three_depths_equals_pytorchs() {
    let Some(network) = network() else { return };
    let oracle = oracle();
    let seen = network
        .depths(&oracle.tensor("pictures", Kind::Half).narrow(0, 0, 1))
        .unwrap();
    for (depth, (seen, n_channels)) in seen.iter().zip(DEPTH_CHANNELS).enumerate() {
        let expected = oracle.tensor(&format!("depth{depth}"), Kind::Float);
        assert_eq!(seen.size()[1], n_channels);
        let distance = (seen - expected).abs().max().double_value(&[]);
        assert!(distance < 2e-4, "{depth}: {distance}");
    }
}

#[test]
fn gradients_flow_to_the_pictures() {
    let Some(network) = network() else { return };
    let pictures =
        Tensor::zeros([1, 3, 32, 32], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let loss = network.features(&pictures).unwrap().sum(Kind::Float);
    let gradient = Tensor::run_backward(&[loss], &[&pictures], false, false);
    assert!(gradient[0].abs().max().double_value(&[]) > 0.0);
}

#[test]
fn a_pickle_that_would_run_code_is_refused_unrun() {
    let folder = tempfile::tempdir().unwrap();
    let (pickle, witness) = (folder.path().join("w.pth"), folder.path().join("ran"));
    let hostile = format!("cos\nsystem\n(S'touch {}'\ntR.", witness.display());
    std::fs::write(&pickle, hostile.repeat(5)).unwrap();
    let script = "import sys, pathlib; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1]); import legacy_torch; legacy_torch.convert(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[2] + '.out'))";
    let run = Command::new("python3")
        .args(["-c", script, env!("CARGO_MANIFEST_DIR")])
        .arg(&pickle)
        .output();
    let Ok(output) = run else {
        return weights::skip("python3");
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the magic number is missing"), "{said}");
    assert!(!witness.exists());
}
