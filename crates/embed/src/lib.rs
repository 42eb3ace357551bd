//! What a dataset says and shows, as vectors: every caption and phrase through a frozen encoder once, and where asked every
//! picture, into sidecars beside the shards.
//!
//! [`embed`] and [`embed_pictures`] skip what is current, go on where they were stopped, and can be stopped at any time. [`probe`] tells how well the
//! phrases' vectors know the styles, before anything is trained. [`search`] finds texts and their pictures by words.
//!
//! Not here: the encoders (`encoders`) and the sidecar's layout on disk (`dataset`).

mod error;
mod pictures;
mod progress;
mod search;
mod sidecar;
mod styles;
mod texts;

pub use error::EmbedError;
pub use pictures::embed_pictures;
pub use progress::{Event, PictureSummary, Summary};
pub use search::{Found, SearchOptions, search};
pub use sidecar::{EmbedOptions, embed};
pub use styles::probe;
