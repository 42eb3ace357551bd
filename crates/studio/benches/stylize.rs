//! How long our restyling generators take beside FastCLIPstyler's image network, in turns in one process, at 256 and 512 px.
//!
//! `just bench stylize`; `OMP_NUM_THREADS` sets the threads. FastCLIPstyler (Suresh et al. 2022, arXiv:2210.03461) restyles by the network of
//! Ghiasi et al. 2017 (arXiv:1705.06830), whose layers stand below with random weights: 9x9 convolution to 32 channels, two halvings to 128,
//! five residual blocks, two doublings by nearest neighbours, 9x9 to 3; reflection padding; instance norm, from the first block on with
//! gamma and beta read off a style vector of 100. Weights decide nothing about time. Text encoders are in neither.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may fail by panicking, and prints"
)]

use idiom_gan::restyle::{RestyleGenerator, RestyleGeneratorConfig};
use std::time::Instant;
use tch::nn::{self, Module as _, VarStore};
use tch::{Device, Kind, Tensor};

/// Sides of the picture.
const SIDES: [i64; 2] = [256, 512];
/// Timed rounds; in each all networks have a turn.
const ROUNDS: usize = 15;
/// Length of Ghiasi's style vector.
const STYLE: i64 = 100;

/// A 3x3 or 9x9 convolution with its instance norm, steered by a style or not.
struct Layer {
    conv: nn::Conv2D,
    padding: i64,
    affine: Option<[nn::Linear; 2]>,
}

impl Layer {
    fn new(
        path: &nn::Path<'_>,
        channels: [i64; 2],
        [kernel, stride]: [i64; 2],
        is_steered: bool,
    ) -> Self {
        let config = nn::ConvConfig {
            stride,
            ..Default::default()
        };
        let linear = |name: &str| nn::linear(path / name, STYLE, channels[1], Default::default());
        Self {
            conv: nn::conv2d(path, channels[0], channels[1], kernel, config),
            padding: kernel / 2,
            affine: is_steered.then(|| [linear("gamma"), linear("beta")]),
        }
    }

    fn forward(&self, input: &Tensor, style: &Tensor) -> Tensor {
        let convolved = self
            .conv
            .forward(&input.reflection_pad2d([self.padding; 4]));
        let normed = convolved.instance_norm(
            None::<&Tensor>,
            None::<&Tensor>,
            None::<&Tensor>,
            None::<&Tensor>,
            true,
            0.0,
            1e-5,
            false,
        );
        match &self.affine {
            None => normed,
            Some([gamma, beta]) => {
                let each = |linear: &nn::Linear| linear.forward(style).unsqueeze(2).unsqueeze(3);
                each(gamma) * normed + each(beta)
            }
        }
    }
}

struct Ghiasi {
    down: Vec<Layer>,
    blocks: Vec<[Layer; 2]>,
    up: Vec<Layer>,
    last: Layer,
}

impl Ghiasi {
    fn new(root: &nn::Path<'_>) -> Self {
        let layer = |name: String, channels, window, is_steered| {
            Layer::new(&(root / name), channels, window, is_steered)
        };
        Self {
            down: vec![
                layer("down0".into(), [3, 32], [9, 1], false),
                layer("down1".into(), [32, 64], [3, 2], false),
                layer("down2".into(), [64, 128], [3, 2], false),
            ],
            blocks: (0..5)
                .map(|idx| {
                    ["a", "b"]
                        .map(|half| layer(format!("block{idx}{half}"), [128, 128], [3, 1], true))
                })
                .collect(),
            up: vec![
                layer("up1".into(), [128, 64], [3, 1], true),
                layer("up2".into(), [64, 32], [3, 1], true),
            ],
            last: layer("last".into(), [32, 3], [9, 1], true),
        }
    }

    fn forward(&self, pictures: &Tensor, style: &Tensor) -> Tensor {
        let mut x = self.down.iter().fold(pictures.shallow_clone(), |x, layer| {
            layer.forward(&x, style).relu()
        });
        for [first, second] in &self.blocks {
            let inner = first.forward(&x, style).relu();
            x = &x + second.forward(&inner, style);
        }
        for layer in &self.up {
            let (height, width) = (x.size()[2], x.size()[3]);
            x = layer
                .forward(
                    &x.upsample_nearest2d([2 * height, 2 * width], None, None),
                    style,
                )
                .relu();
        }
        self.last.forward(&x, style).sigmoid()
    }
}

/// A network by name.
type Named<'a> = (String, Box<dyn Fn(&Tensor) -> Tensor + 'a>);

fn ours(store: &VarStore, channels: [i64; 3], n_blocks: i64) -> RestyleGenerator {
    let config = RestyleGeneratorConfig {
        channels: channels.into(),
        n_blocks,
        ..RestyleGeneratorConfig::default()
    };
    RestyleGenerator::new(&store.root(), &config, 1).unwrap()
}

fn main() {
    let stores: [VarStore; 3] = std::array::from_fn(|_| VarStore::new(Device::Cpu));
    let ghiasi = Ghiasi::new(&stores[0].root());
    let (full, small) = (
        ours(&stores[1], [24, 48, 96], 4),
        ours(&stores[2], [16, 32, 64], 4),
    );
    let (theirs, style) = (
        Tensor::randn([1, STYLE], (Kind::Float, Device::Cpu)),
        Tensor::randn([1, 128], (Kind::Float, Device::Cpu)),
    );
    let nets: Vec<Named<'_>> = vec![
        (
            "FastCLIPstyler's image net".into(),
            Box::new(|x| ghiasi.forward(x, &theirs)),
        ),
        (
            "ours, 24-48-96, 4 blocks".into(),
            Box::new(|x| full.forward(x, &style).unwrap()),
        ),
        (
            "ours, 16-32-64, 4 blocks (restyle.yaml)".into(),
            Box::new(|x| small.forward(x, &style).unwrap()),
        ),
    ];
    println!(
        "{} threads, median of {ROUNDS} rounds",
        tch::get_num_threads()
    );
    let _guard = tch::no_grad_guard();
    for side in SIDES {
        let picture = Tensor::rand([1, 3, side, side], (Kind::Float, Device::Cpu)) * 2.0 - 1.0;
        let mut seconds = vec![Vec::new(); nets.len()];
        for round in 0..=ROUNDS {
            for (idx, (_, net)) in nets.iter().enumerate() {
                let begun = Instant::now();
                let drawn = net(&picture);
                assert_eq!(drawn.size(), [1, 3, side, side]);
                // The first round warms up.
                if round > 0 {
                    seconds[idx].push(begun.elapsed().as_secs_f64());
                }
            }
        }
        let medians: Vec<f64> = seconds
            .iter_mut()
            .map(|all| {
                all.sort_by(f64::total_cmp);
                all[all.len() / 2]
            })
            .collect();
        for ((name, _), median) in nets.iter().zip(&medians) {
            println!(
                "{side:4} px  {:7.1} ms  {:5.2} x  {name}",
                median * 1e3,
                median / medians[0]
            );
        }
    }
}
