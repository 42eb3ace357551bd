//! A tokenizer and a network together: from texts to vectors, in batches.
//!
//! Not here: the networks (`bert`, `use_multilingual`), and how batches are chosen (`batch`).

use crate::tokens::{Tokenizer, Tokens};
use crate::{EncoderError, TextEncoder, TextVector, batch};
use tch::{Device, Kind, Tensor};

/// Tokens in a batch: enough to use the machine well, few enough to stay in its cache (CPU) or memory (GPU).
const TOKENS_A_BATCH_CPU: usize = 2048;
const TOKENS_A_BATCH_GPU: usize = 32768;

/// A network whose input are token ids `[batch, length]`, int64, none of them padding, and whose output are vectors
/// `[batch, dim]`, float32. No gradient flows.
pub(crate) trait Network: Send {
    fn dim(&self) -> usize;
    fn forward(&self, ids: &Tensor) -> Result<Tensor, tch::TchError>;
}

pub(crate) struct Frozen {
    pub(crate) name: String,
    pub(crate) sha256: String,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) network: Box<dyn Network>,
    pub(crate) device: Device,
}

impl TextEncoder for Frozen {
    fn name(&self) -> &str {
        &self.name
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }

    fn dim(&self) -> usize {
        self.network.dim()
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<TextVector>, EncoderError> {
        let (texts, twins) = batch::distinct(texts);
        let tokens = self.tokenizer.tokens_of_all(&texts)?;
        let lengths: Vec<usize> = tokens.iter().map(|tokens| tokens.ids.len()).collect();
        let mut vectors = vec![None; texts.len()];
        for places in batch::of_equal_length(&lengths, self.tokens_a_batch()) {
            let ids: Vec<i64> = places
                .iter()
                .flat_map(|&place| &tokens[place].ids)
                .copied()
                .collect();
            let values = tch::no_grad(|| self.unit_vectors(&ids, places.len()))?;
            for (&place, values) in places.iter().zip(values.chunks(self.dim())) {
                vectors[place] = Some(text_vector(values, &tokens[place]));
            }
        }
        let vectors: Vec<TextVector> = vectors.into_iter().flatten().collect();
        Ok(twins
            .into_iter()
            .map(|place| vectors[place].clone())
            .collect())
    }

    fn token_ids(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, EncoderError> {
        let tokens = self.tokenizer.tokens_of_all(texts)?;
        Ok(tokens
            .into_iter()
            .map(|tokens| tokens.ids.into_iter().map(|id| id as u32).collect())
            .collect())
    }
}

impl Frozen {
    fn tokens_a_batch(&self) -> usize {
        if self.device.is_cuda() {
            TOKENS_A_BATCH_GPU
        } else {
            TOKENS_A_BATCH_CPU
        }
    }

    /// `ids` are `n_texts` rows of equal length; the answer is `n_texts` rows of `dim` numbers.
    fn unit_vectors(&self, ids: &[i64], n_texts: usize) -> Result<Vec<f32>, EncoderError> {
        let ids = Tensor::from_slice(ids)
            .f_view([n_texts as i64, -1])?
            .f_to(self.device)?;
        let vectors = self.network.forward(&ids)?;
        let norms = vectors
            .f_norm_scalaropt_dim(2.0, [1i64], true)?
            .f_clamp_min(1e-12)?;
        let flat = vectors
            .f_div(&norms)?
            .f_to_device(Device::Cpu)?
            .f_to_kind(Kind::Float)?
            .f_reshape([-1])?;
        Ok(Vec::<f32>::try_from(&flat)?)
    }
}

fn text_vector(values: &[f32], tokens: &Tokens) -> TextVector {
    TextVector {
        values: values.to_vec(),
        n_tokens: tokens.ids.len() as u32,
        truncated: tokens.truncated,
    }
}
