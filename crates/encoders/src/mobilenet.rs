//! MobileNetV2 as a measure of pictures: what a network that was trained to name a thousand kinds of things sees in them.
//!
//! Sandler et al. 2018 (arXiv:1801.04381), with torchvision's ImageNet weights. Its last features, averaged over the cells, stand where
//! Inception's stand in published KID and FID; figures taken in them are of the same kind but cannot be compared with
//! published ones, so they are always named with [`MobileNet::name`]. Frozen; gradients flow to the pictures.

use crate::weights::{Weights, bytes_of};
use crate::{EncoderError, PictureEncoder, digest};
use idiom_torch_ext::in_own_digits;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// The folder's name among the user's encoders.
pub const MOBILENET_V2: &str = "mobilenet-v2";
/// Entries of a feature vector.
pub const FEATURES: i64 = 1280;
/// Channels at the three depths of [`MobileNet::depths`].
pub const DEPTH_CHANNELS: [i64; 3] = [24, 32, 96];

/// Side to which pictures are brought, in pixels.
const SIDE: i64 = 128;
/// Blocks after which [`MobileNet::depths`] looks: the last ones at a quarter, an eighth and a sixteenth of the side that are wide.
const LOOKS: [usize; 3] = [2, 5, 12];
/// Mean and deviation of ImageNet's colours in `[0, 1]`.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];
/// Added to a variance under the root.
const EPSILON: f64 = 1e-5;
/// Expansion, channels, repetitions, stride: the paper's table 2.
const BLOCKS: [[i64; 4]; 7] = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
];

/// The network.
pub struct MobileNet {
    first: Layer,
    blocks: Vec<Block>,
    last: Layer,
    mean: Tensor,
    deviation: Tensor,
    sha256: String,
}

/// A convolution and the batch norm behind it, whose stored moments are multiplied into its weight and bias: one pass over the maps instead of two.
struct Layer {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    groups: i64,
}

/// Widen, filter each channel, narrow; added to its input where the shapes allow.
struct Block {
    widen: Option<Layer>,
    filter: Layer,
    narrow: Layer,
    is_residual: bool,
}

impl MobileNet {
    /// Reads `model.safetensors` in a folder that the recipe made.
    ///
    /// # Errors
    /// The file is missing or damaged, or does not hold this network.
    pub fn read(folder: &Path, device: Device) -> Result<Self, EncoderError> {
        let path = folder.join("model.safetensors");
        let bytes = bytes_of(&path)?;
        let weights = Weights::open(&path, &bytes, device)?;
        let mut blocks = Vec::new();
        let mut n_in = 32;
        for [expansion, n_out, n, stride] in BLOCKS {
            for idx in 0..n {
                let name = format!("features.{}.conv", blocks.len() + 1);
                let stride = if idx == 0 { stride } else { 1 };
                blocks.push(Block::read(
                    &weights,
                    &name,
                    [n_in, expansion, n_out],
                    stride,
                )?);
                n_in = n_out;
            }
        }
        let colours = |values: [f32; 3]| Tensor::from_slice(&values).view([1, 3, 1, 1]);
        Ok(Self {
            first: Layer::read(&weights, ["features.0.0", "features.0.1"], [32, 3, 3], 2, 1)?,
            blocks,
            last: Layer::read(
                &weights,
                ["features.18.0", "features.18.1"],
                [FEATURES, n_in, 1],
                1,
                1,
            )?,
            mean: colours(MEAN).to_device(device),
            deviation: colours(DEVIATION).to_device(device),
            sha256: digest::of_parts(&[("model.safetensors", &bytes)]),
        })
    }

    /// What figures taken in these features are named with: network and filter.
    #[must_use]
    pub fn name(&self) -> &'static str {
        "mobilenet-v2, bilinear to 128"
    }

    /// The weights' hash.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Features `[batch, 1280]` of `pictures [batch, 3, height, width]` in `[-1, 1]`, which are brought to 128 pixels by bilinear
    /// interpolation without a low-pass.
    ///
    /// # Errors
    /// What libtorch throws for another shape.
    pub fn features(&self, pictures: &Tensor) -> Result<Tensor, EncoderError> {
        let sized = pictures.f_upsample_bilinear2d([SIDE, SIDE], false, None, None)?;
        let mut features = self.begin(&sized)?;
        for block in &self.blocks {
            features = block.forward(&features)?;
        }
        let last = self.last.forward(&features)?.clamp(0.0, 6.0);
        Ok(last.f_mean_dim([2_i64, 3].as_slice(), false, Kind::Float)?)
    }

    /// What it sees in `pictures [batch, 3, height, width]` in `[-1, 1]` at their own size, at three depths: 24 channels at a quarter of the
    /// side, 32 at an eighth, 96 at a sixteenth ([`DEPTH_CHANNELS`]). The layers beyond are not computed.
    ///
    /// # Errors
    /// What libtorch throws for another shape.
    pub fn depths(&self, pictures: &Tensor) -> Result<Vec<Tensor>, EncoderError> {
        let mut features = self.begin(pictures)?;
        let mut seen = Vec::with_capacity(LOOKS.len());
        for (idx, block) in self.blocks[..=LOOKS[2]].iter().enumerate() {
            features = block.forward(&features)?;
            if LOOKS.contains(&idx) {
                seen.push(features.shallow_clone());
            }
        }
        Ok(seen)
    }

    fn begin(&self, pictures: &Tensor) -> Result<Tensor, EncoderError> {
        let coloured = ((pictures + 1.0) * 0.5)
            .f_sub(&self.mean)?
            .f_div(&self.deviation)?;
        Ok(self.first.forward(&coloured)?.clamp(0.0, 6.0))
    }
}

/// Its features as a vector: what is near in them looks alike, mostly by shape and texture.
impl PictureEncoder for MobileNet {
    fn name(&self) -> &str {
        MOBILENET_V2
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }

    fn dim(&self) -> usize {
        FEATURES as usize
    }

    fn vectors(&self, pictures: &Tensor) -> Result<Tensor, EncoderError> {
        self.features(pictures)
    }
}

impl std::fmt::Debug for MobileNet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "MobileNet({})", self.sha256)
    }
}

impl Layer {
    fn read(
        weights: &Weights<'_>,
        [conv, norm]: [&str; 2],
        [n_out, n_in, side]: [i64; 3],
        stride: i64,
        groups: i64,
    ) -> Result<Self, EncoderError> {
        let part = |key: &str| weights.float(&format!("{norm}.{key}"), &[n_out]);
        let shape = [n_out, n_in / groups, side, side];
        let weight = weights.float(&format!("{conv}.weight"), &shape)?;
        let scale = &*part("weight")? / (&*part("running_var")? + EPSILON).sqrt();
        Ok(Self {
            weight: &*weight * scale.view([-1, 1, 1, 1]),
            bias: &*part("bias")? - &*part("running_mean")? * &scale,
            stride,
            groups,
        })
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor, EncoderError> {
        let padding = (self.weight.size()[2] - 1) / 2;
        let convolved = |input: &Tensor| {
            let bias = Some(&self.bias);
            input.f_conv2d(&self.weight, bias, self.stride, padding, 1, self.groups)
        };
        // oneDNN's backward of this one kind takes ten times as long in bf16 as in f32.
        let is_slow_in_bf16 = self.stride > 1 && self.groups > 1;
        Ok(if is_slow_in_bf16 {
            let input = input.to_kind(Kind::Float);
            in_own_digits(input.device(), || convolved(&input))??
        } else {
            convolved(input)?
        })
    }
}

impl Block {
    fn read(
        weights: &Weights<'_>,
        name: &str,
        [n_in, expansion, n_out]: [i64; 3],
        stride: i64,
    ) -> Result<Self, EncoderError> {
        let wide = n_in * expansion;
        // Without a widening layer all others stand one place earlier.
        let shift = i64::from(expansion > 1);
        let widen = (expansion > 1).then(|| {
            let names = [format!("{name}.0.0"), format!("{name}.0.1")];
            Layer::read(weights, [&names[0], &names[1]], [wide, n_in, 1], 1, 1)
        });
        let filter = [format!("{name}.{shift}.0"), format!("{name}.{shift}.1")];
        let narrow = [
            format!("{name}.{}", shift + 1),
            format!("{name}.{}", shift + 2),
        ];
        Ok(Self {
            widen: widen.transpose()?,
            filter: Layer::read(
                weights,
                [&filter[0], &filter[1]],
                [wide, wide, 3],
                stride,
                wide,
            )?,
            narrow: Layer::read(weights, [&narrow[0], &narrow[1]], [n_out, wide, 1], 1, 1)?,
            is_residual: stride == 1 && n_in == n_out,
        })
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor, EncoderError> {
        let wide = match &self.widen {
            Some(layer) => layer.forward(input)?.clamp(0.0, 6.0),
            None => input.shallow_clone(),
        };
        let filtered = self.filter.forward(&wide)?.clamp(0.0, 6.0);
        let narrow = self.narrow.forward(&filtered)?;
        Ok(if self.is_residual {
            input + narrow
        } else {
            narrow
        })
    }
}
