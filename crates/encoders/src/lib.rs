//! Frozen networks: text encoders that turn a sentence into a unit vector, and picture encoders that do so with a picture.
//!
//! [`load`] finds one by name, folder or hub id and gives it back behind [`TextEncoder`]. Three families are known: Google's
//! multilingual Universal Sentence Encoder ([`Cer 2018`](https://arxiv.org/abs/1803.11175), [`Yang 2019`](
//! https://arxiv.org/abs/1907.04307)), whose weights a recipe beside this crate fetches, BERT with pooling
//! ([`Reimers 2019`](https://arxiv.org/abs/1908.10084)), of which the hub has thousands, and CLIP's tower for texts
//! ([`Radford 2021`](https://arxiv.org/abs/2103.00020)). [`load_for_pictures`] does the same for [`PictureEncoder`]: CLIP's
//! other tower, and [`MobileNet`], which is also the measure of `evaluate`.
//!
//! Batches of texts hold one length only. So nothing is padded or masked, and a text's vector does not depend on its
//! neighbours.
//!
//! Not here: what is done with the vectors (`embed`, `train`), and training of any kind.

mod batch;
mod bert;
mod clip;
mod digest;
mod error;
mod frozen;
mod hub;
mod layers;
mod load;
mod mobilenet;
mod npz;
mod parts;
mod pooling;
mod preprocess;
pub mod probe;
mod sentence;
mod tokens;
mod use_multilingual;
mod weights;

pub use error::EncoderError;
pub use hub::hub_file;
pub use load::{ALL_MINILM_L6_V2, BUILT_IN, Locations, USE_MULTILINGUAL, load, load_for_pictures};
pub use mobilenet::{DEPTH_CHANNELS, FEATURES, MOBILENET_V2, MobileNet};
pub use parts::{MOST_PARTS, parts_of};

/// A frozen network from text to a unit vector.
pub trait TextEncoder: Send {
    /// The short name that is safe as a folder's name.
    fn name(&self) -> &str;

    /// Hash over the weights, the tokenizer and the settings that decide the vectors, in lower-case hex.
    fn sha256(&self) -> &str;

    /// Entries of a vector.
    fn dim(&self) -> usize;

    /// One vector a text, in the order of `texts`. Equal texts are encoded once.
    ///
    /// The bytes are the same on each call, whatever the number of threads; beside other texts they differ by less
    /// than 1e-6.
    ///
    /// # Errors
    /// [`EncoderError::Tokenize`] and [`EncoderError::Torch`].
    fn encode(&self, texts: &[&str]) -> Result<Vec<TextVector>, EncoderError>;

    /// The ids of each text's tokens as the network sees them, with those that mark the start and the end.
    ///
    /// # Errors
    /// [`EncoderError::Tokenize`].
    fn token_ids(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, EncoderError>;
}

/// A frozen network from a picture to a unit vector.
pub trait PictureEncoder: Send {
    /// The short name that is safe as a folder's name.
    fn name(&self) -> &str;

    /// Hash over the weights and the settings that decide the vectors, in lower-case hex.
    fn sha256(&self) -> &str;

    /// Entries of a vector.
    fn dim(&self) -> usize;

    /// Vectors `[batch, dim]` of any length, for `pictures [batch, 3, height, width]` in `[-1, 1]`; they are brought to the network's
    /// own size first.
    ///
    /// # Errors
    /// [`EncoderError::Torch`].
    fn vectors(&self, pictures: &tch::Tensor) -> Result<tch::Tensor, EncoderError>;

    /// The same vectors at unit length, a picture after the other.
    ///
    /// # Errors
    /// [`EncoderError::Torch`].
    fn encode(&self, pictures: &tch::Tensor) -> Result<Vec<Vec<f32>>, EncoderError> {
        let vectors = tch::no_grad(|| self.vectors(pictures))?;
        frozen::at_unit_length(&vectors)
    }
}

/// A text as the network sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct TextVector {
    /// Unit norm.
    pub values: Vec<f32>,
    /// Tokens that the network saw, with those that mark the start and the end.
    pub n_tokens: u32,
    /// Whether tokens were cut off because the text was too long.
    pub truncated: bool,
}
