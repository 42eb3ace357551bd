//! What a dataset says, as vectors: every caption and phrase through a frozen encoder once, into a sidecar beside the shards.
//!
//! [`embed`] skips what is current, goes on where it was stopped, and can be stopped at any time. [`probe`] tells how well the
//! phrases' vectors know the styles, before anything is trained. [`search`] finds texts and their pictures by words.
//!
//! Not here: the encoders (`encoders`) and the sidecar's layout on disk (`dataset`).

mod error;
mod progress;
mod search;
mod sidecar;
mod styles;
mod texts;

pub use error::EmbedError;
pub use progress::{Event, Summary};
pub use search::{Found, SearchOptions, search};
pub use sidecar::{EmbedOptions, embed};
pub use styles::probe;
