//! The restyling generator: strided convolutions down, modulated residual blocks, modulated doubling blocks up.
//!
//! After Johnson et al. 2016 (arXiv:1603.08155) in shape; the style enters as in FiLM (arXiv:1709.07871) in place of adaptive instance norm
//! (AdaIN, arXiv:1703.06868): nothing here averages over a whole picture, so that a large picture can be drawn in tiles that
//! agree at their seams. The way down does not see the style: one pass of it serves many looks. What the way down saw at each
//! size joins the way up again behind a modulation of its own, so that edges stay and colours need not. Last comes a palette: a colour
//! matrix and a shift read off the style, since a look often is one (ink has no colours, a flat sticker few). What leaves lies in
//! `[-1, 1]` but for a faint slope beyond, so that white paper is white without being aimed at and gradients still pass.

use crate::GanError;
use crate::config::{check_size, setting};
use crate::error::{check_same_batch, check_shape};
use crate::layers::{Conv, Linear, Site, Spread, Window, bounded, leaky};
use crate::modulation::{Block, Modulation, Side, Upsampling};
use idiom_torch_ext::channels_last;
use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

/// The shape of a restyling generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct RestyleGeneratorConfig {
    /// Length of the style vector.
    pub style_dim: i64,
    /// Length of w, which steers every modulation.
    pub mapped_dim: i64,
    /// Channels at the picture's own size, at half of it, and so on; two to five numbers.
    pub channels: Vec<i64>,
    /// Residual blocks at the smallest size.
    pub n_blocks: i64,
}

impl Default for RestyleGeneratorConfig {
    fn default() -> Self {
        Self {
            style_dim: 128,
            mapped_dim: 128,
            channels: vec![24, 48, 96],
            n_blocks: 4,
        }
    }
}

impl RestyleGeneratorConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside its range, by name.
    pub fn check(&self) -> Result<(), GanError> {
        check_size("restyle.generator.style_dim", self.style_dim)?;
        check_size("restyle.generator.mapped_dim", self.mapped_dim)?;
        if !(2..=5).contains(&self.channels.len()) {
            return Err(setting(
                "restyle.generator.channels",
                format!("a list of {}", self.channels.len()),
                "a list of 2 to 5 numbers".to_owned(),
            ));
        }
        for count in &self.channels {
            check_size("restyle.generator.channels", *count)?;
        }
        if !(1..=16).contains(&self.n_blocks) {
            return Err(setting(
                "restyle.generator.n_blocks",
                self.n_blocks.to_string(),
                "from 1 to 16".to_owned(),
            ));
        }
        Ok(())
    }

    /// Both sides of a picture must be multiples of this.
    #[must_use]
    pub fn stride(&self) -> i64 {
        1 << (self.channels.len() - 1)
    }
}

/// Redraws pictures in a style.
#[derive(Debug)]
pub struct RestyleGenerator {
    config: RestyleGeneratorConfig,
    mapping: [Linear; 2],
    stem: Conv,
    down: Vec<Conv>,
    blocks: Vec<Block>,
    up: Vec<(Modulation, Block)>,
    enter: Modulation,
    finish: Modulation,
    to_rgb: Conv,
    palette: Linear,
}

impl RestyleGenerator {
    /// A generator with fresh weights under `path`; each weight depends only on `seed` and its own name.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(
        path: &nn::Path<'_>,
        config: &RestyleGeneratorConfig,
        seed: u64,
    ) -> Result<Self, GanError> {
        config.check()?;
        let site = Site::new(path, seed);
        let (channels, dim) = (&config.channels, config.mapped_dim);
        let down = channels.windows(2).enumerate().map(|(idx, pair)| {
            let site = site.sub(&format!("down{}", idx + 1));
            Conv::new(
                &site,
                [pair[0], pair[1]],
                Window::HALVING,
                Spread::Rectified,
            )
        });
        let deepest = channels[channels.len() - 1];
        let blocks = (0..config.n_blocks).map(|idx| {
            let site = site.sub(&format!("block{}", idx + 1));
            Block::new(&site, dim, [deepest, deepest], Side::Kept)
        });
        let up = channels.windows(2).enumerate().rev().map(|(idx, pair)| {
            let site = site.sub(&format!("up{}", idx + 1));
            let join = Modulation::new(&site.sub("join"), dim, pair[1]);
            let doubled = Side::Doubled(Upsampling::Nearest);
            let block = Block::new(&site.sub("block"), dim, [pair[1], pair[0]], doubled);
            (join, block)
        });
        let linear = |name, n_in, spread| Linear::new(&site.sub(name), [n_in, dim], spread);
        Ok(Self {
            mapping: [
                linear("mapping1", config.style_dim, Spread::Kept),
                linear("mapping2", dim, Spread::Rectified),
            ],
            stem: Conv::new(
                &site.sub("stem"),
                [3, channels[0]],
                Window::SAME,
                Spread::Kept,
            ),
            down: down.collect(),
            blocks: blocks.collect(),
            up: up.collect(),
            enter: Modulation::new(&site.sub("enter"), dim, channels[0]),
            finish: Modulation::new(&site.sub("finish"), dim, channels[0]),
            to_rgb: Conv::new(
                &site.sub("to_rgb"),
                [channels[0], 3],
                Window::SAME,
                Spread::Faint,
            ),
            palette: Linear::near_zero(&site.sub("palette"), dim, 12),
            config: config.clone(),
        })
    }

    /// What it was built from.
    #[must_use]
    pub fn config(&self) -> &RestyleGeneratorConfig {
        &self.config
    }

    /// Redraws `pictures [batch, 3, height, width]` in `[-1, 1]`, both sides multiples of [`RestyleGeneratorConfig::stride`], in
    /// `style [batch, style_dim]` (unit variance per entry). The result has the same shape and lies in `[-1, 1]` but for a twentieth
    /// of what overshoots. Gradients flow to both and to every weight.
    ///
    /// # Errors
    /// Tensors of other shapes.
    pub fn forward(&self, pictures: &Tensor, style: &Tensor) -> Result<Tensor, GanError> {
        let stride = self.config.stride();
        let size = pictures.size();
        match size.as_slice() {
            [_, 3, height, width] if height % stride == 0 && width % stride == 0 => {}
            _ => check_shape("pictures", pictures, &[3, stride, stride])?,
        }
        check_shape("style", style, &[self.config.style_dim])?;
        check_same_batch("style", style, size[0])?;
        let mapped = (self.mapping.iter()).fold(style.shallow_clone(), |input, layer| {
            leaky(&layer.forward(&input))
        });
        let mut seen = vec![leaky(&self.stem.forward(&channels_last(pictures)))];
        for conv in &self.down {
            seen.push(leaky(&conv.forward(&seen[seen.len() - 1])));
        }
        let deepest = seen[seen.len() - 1].shallow_clone();
        let mut features =
            (self.blocks.iter()).fold(deepest, |input, block| block.forward(&input, &mapped));
        for ((join, block), seen) in self.up.iter().zip(seen.iter().rev()) {
            features = block.forward(&(features + join.forward(seen, &mapped)), &mapped);
        }
        let features = features + self.enter.forward(&seen[0], &mapped);
        let drawn = self
            .to_rgb
            .forward(&self.finish.forward(&features, &mapped));
        Ok(bounded(&self.recolour(&drawn, &mapped)))
    }

    /// Each colour times a matrix, plus a shift, both read off `mapped [batch, mapped_dim]`; at first they change almost nothing.
    fn recolour(&self, pictures: &Tensor, mapped: &Tensor) -> Tensor {
        let size = pictures.size();
        let (n, height, width) = (size[0], size[2], size[3]);
        let palette = self.palette.forward(mapped);
        let matrix = palette.narrow(1, 0, 9).view([n, 3, 3]);
        let shift = palette.narrow(1, 9, 3).view([n, 1, 3]);
        let colours = pictures
            .permute([0, 2, 3, 1])
            .reshape([n, height * width, 3]);
        let changed = &colours + colours.matmul(&matrix) + shift;
        changed.view([n, height, width, 3]).permute([0, 3, 1, 2])
    }
}
