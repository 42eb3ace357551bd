//! The generator: a latent and a sentence's vector in, a picture out.
//!
//! text -> head -> with z through two layers -> w; w -> 4x4 start (its bias is the learned constant) -> modulated residual
//! blocks, each doubling the side -> 3x3 to three channels. The output is linear within `[-1, 1]` and nearly flat beyond: with a tanh,
//! pictures on white grounds saturate and training stops; without a bound the grounds are speckled. After StyleGAN2 (arXiv:1912.04958) and DF-GAN (arXiv:2008.05865), without
//! noise inputs and without weight demodulation, whose grouped convolutions are slow on a CPU.

use crate::GanError;
use crate::config::{BASE_SIDE, GeneratorConfig};
use crate::error::{check_same_batch, check_shape};
use crate::layers::{Conv, Linear, Site, Spread, Window, bounded, leaky};
use crate::modulation::{Block, Side};
use idiom_torch_ext::channels_last;
use tch::{Tensor, nn};

/// Draws pictures from latents and text vectors.
///
/// Fresh weights keep a signal's variance from layer to layer. With PyTorch's defaults the first pictures are the same flat grey for
/// every text, and Adam's first steps then overshoot by two orders of magnitude.
#[derive(Debug)]
pub struct Generator {
    config: GeneratorConfig,
    text_head: Linear,
    mapping: [Linear; 2],
    start: Linear,
    blocks: Vec<Block>,
    to_rgb: Conv,
}

impl Generator {
    /// A generator with fresh weights under `path`. Each weight depends only on `seed` and its own name, not on the order of
    /// construction; a generator that is about to be loaded may take any seed.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(path: &nn::Path<'_>, config: &GeneratorConfig, seed: u64) -> Result<Self, GanError> {
        config.check()?;
        let site = Site::new(path, seed);
        let style_dim = config.style_dim;
        let n_first = config.channels[0];
        let mut blocks = vec![Block::new(
            &site.sub("block4"),
            style_dim,
            [n_first, n_first],
            Side::Kept,
        )];
        for (idx, pair) in config.channels.windows(2).enumerate() {
            let name = format!("block{}", BASE_SIDE << (idx + 1));
            blocks.push(Block::new(
                &site.sub(&name),
                style_dim,
                [pair[0], pair[1]],
                Side::Doubled(config.upsampling),
            ));
        }
        let n_last = config.channels[config.channels.len() - 1];
        Ok(Self {
            text_head: Linear::new(
                &site.sub("text_head"),
                [config.text_dim, config.text_head_dim],
                Spread::Kept,
            ),
            mapping: [
                Linear::new(
                    &site.sub("mapping1"),
                    [config.latent_dim + config.text_head_dim, style_dim],
                    Spread::Kept,
                ),
                Linear::new(
                    &site.sub("mapping2"),
                    [style_dim, style_dim],
                    Spread::Rectified,
                ),
            ],
            start: Linear::new(
                &site.sub("start"),
                [style_dim, n_first * BASE_SIDE * BASE_SIDE],
                Spread::Rectified,
            ),
            blocks,
            to_rgb: Conv::new(
                &site.sub("to_rgb"),
                [n_last, 3],
                Window::SAME,
                Spread::Faint,
            ),
            config: config.clone(),
        })
    }

    /// What it was built from.
    #[must_use]
    pub fn config(&self) -> &GeneratorConfig {
        &self.config
    }

    /// Draws pictures `[batch, 3, resolution, resolution]`, in `[-1, 1]` but for a twentieth of what overshoots, from `latent [batch,
    /// latent_dim]` (standard normal) and `text [batch, text_dim]` (unit variance per entry: a unit vector times the root of its
    /// length). Gradients flow to both and to every weight.
    ///
    /// # Errors
    /// A latent or a text of another shape.
    pub fn forward(&self, latent: &Tensor, text: &Tensor) -> Result<Tensor, GanError> {
        let style = self.style(latent, text)?;
        let start =
            self.start
                .forward(&style)
                .view([-1, self.config.channels[0], BASE_SIDE, BASE_SIDE]);
        let features = self
            .blocks
            .iter()
            .fold(channels_last(&start), |input, block| {
                block.forward(&input, &style)
            });
        Ok(bounded(&self.to_rgb.forward(&leaky(&features))))
    }

    /// The vector w `[batch, style_dim]` that steers every block.
    ///
    /// # Errors
    /// A latent or a text of another shape.
    pub fn style(&self, latent: &Tensor, text: &Tensor) -> Result<Tensor, GanError> {
        check_shape("latent", latent, &[self.config.latent_dim])?;
        check_shape("text", text, &[self.config.text_dim])?;
        check_same_batch("text", text, latent.size()[0])?;
        let joined = Tensor::cat(&[latent, &self.text_head.forward(text)], 1);
        Ok(self
            .mapping
            .iter()
            .fold(joined, |input, layer| leaky(&layer.forward(&input))))
    }
}
