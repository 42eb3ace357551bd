//! A tokenizer and a network together: from texts to vectors, in batches.
//!
//! On a CPU each worker thread takes whole batches and computes them alone. That needs no waiting for one another inside an
//! operation, which costs most where other programs want the cores too, and it makes the vectors independent of the
//! number of threads.
//!
//! Not here: the networks (`bert`, `use_multilingual`), and how batches are chosen (`batch`).

use crate::tokens::{Tokenizer, Tokens};
use crate::{EncoderError, TextEncoder, TextVector, batch};
use std::sync::atomic::{AtomicUsize, Ordering};
use tch::{Device, Kind, Tensor};

/// Tokens in a batch: enough to use the machine well, few enough to stay in its cache (CPU) or memory (GPU).
const TOKENS_A_BATCH_CPU: usize = 1024;
const TOKENS_A_BATCH_GPU: usize = 32768;

/// A network whose input are token ids `[batch, length]`, int64, none of them padding, and whose output are vectors
/// `[batch, dim]`, float32. No gradient flows.
pub(crate) trait Network: Send {
    /// The same network for another thread; the numbers are shared.
    fn share(&self) -> Box<dyn Network>;
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
        let batches = batch::of_equal_length(&lengths, self.tokens_a_batch());
        let mut vectors = vec![None; texts.len()];
        for (place, vector) in self.vectors_of(&tokens, &batches)? {
            vectors[place] = Some(vector);
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

    /// Each text's place and vector, in no order.
    fn vectors_of(
        &self,
        tokens: &[Tokens],
        batches: &[Vec<usize>],
    ) -> Result<Vec<(usize, TextVector)>, EncoderError> {
        let n_threads = tch::get_num_threads();
        let n_workers = if self.device.is_cuda() {
            1
        } else {
            n_threads.max(1) as usize
        };
        let next = AtomicUsize::new(0);
        let found = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..n_workers.min(batches.len()))
                .map(|_| Worker {
                    network: self.network.share(),
                    device: self.device,
                    tokens,
                    batches,
                    next: &next,
                })
                .map(|worker| scope.spawn(move || worker.work()))
                .collect();
            let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            workers
                .into_iter()
                .map(join)
                .collect::<Vec<Result<Vec<_>, EncoderError>>>()
        });
        // The workers' number is libtorch's for the whole process until it is set again.
        tch::set_num_threads(n_threads);
        let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// One thread's share of the work: it takes the next batch until none is left.
struct Worker<'a> {
    network: Box<dyn Network>,
    device: Device,
    tokens: &'a [Tokens],
    batches: &'a [Vec<usize>],
    next: &'a AtomicUsize,
}

impl Worker<'_> {
    fn work(&self) -> Result<Vec<(usize, TextVector)>, EncoderError> {
        tch::set_num_threads(1);
        let mut found = Vec::new();
        while let Some(places) = self.batches.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let values = tch::no_grad(|| self.unit_vectors(places))?;
            let vectors = values.chunks(self.network.dim()).zip(places);
            found.extend(
                vectors.map(|(values, &place)| (place, text_vector(values, &self.tokens[place]))),
            );
        }
        Ok(found)
    }

    /// The places' texts have one length; the answer is a row of `dim` numbers each.
    fn unit_vectors(&self, places: &[usize]) -> Result<Vec<f32>, EncoderError> {
        let ids: Vec<i64> = places
            .iter()
            .flat_map(|&place| &self.tokens[place].ids)
            .copied()
            .collect();
        let ids = Tensor::from_slice(&ids)
            .f_view([places.len() as i64, -1])?
            .f_to(self.device)?;
        let vectors = self.network.forward(&ids)?;
        Ok(Vec::<f32>::try_from(&normed(&vectors)?.f_reshape([-1])?)?)
    }
}

/// `[batch, dim]` at unit length, on the CPU.
fn normed(vectors: &Tensor) -> Result<Tensor, tch::TchError> {
    let norms = vectors
        .f_norm_scalaropt_dim(2.0, [1i64], true)?
        .f_clamp_min(1e-12)?;
    vectors
        .f_div(&norms)?
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Float)
}

/// The rows of `[batch, dim]`, each at unit length.
pub(crate) fn at_unit_length(vectors: &Tensor) -> Result<Vec<Vec<f32>>, EncoderError> {
    Ok(Vec::<Vec<f32>>::try_from(&normed(vectors)?)?)
}

fn text_vector(values: &[f32], tokens: &Tokens) -> TextVector {
    TextVector {
        values: values.to_vec(),
        n_tokens: tokens.ids.len() as u32,
        truncated: tokens.truncated,
    }
}
