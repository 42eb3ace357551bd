//! A captioned-picture dataset on disk: what a row is, how shards are written and read, how a write is committed,
//! the embedding sidecars beside the shards, and the order in which training visits the rows.
//!
//! The shards are plain Parquet that Hugging Face `datasets`, pyarrow, polars and `DuckDB` read unchanged; see
//! [`schema`] for the columns. A dataset folder holds
//!
//! ```text
//! NAME/data/train-00000-of-00002.parquet   rows of one split, sorted by key
//! NAME/phrases.parquet                     descriptions of the styles, where there are any
//! NAME/rejects/rejects.parquet             what could not become a row, and why
//! NAME/rejects/thumbnails.parquet          small pictures of some of it
//! NAME/manifest.json                       the commit record: every file with its size, hash and key range
//! NAME/stats.json, NAME/README.md          sums, and the card
//! NAME/embeddings/ENCODER/                 one vector for each distinct text
//! NAME/embeddings/ENCODER/pictures/        one vector for each row's picture
//! ```
//!
//! Not here: where pictures come from (`ingest`), pixels (`picture`), encoders (`embed`).

pub mod card;
mod columns;
pub mod combination;
pub mod commit;
pub mod digest;
pub mod embeddings;
mod error;
pub mod lock;
pub mod manifest;
pub mod order;
pub mod phrases;
pub mod picture_vectors;
mod reader;
mod record;
pub mod rejects;
pub mod schema;
mod shard;
mod sidecar;
mod table;
pub mod thumbnails;

pub use error::DatasetError;
pub use manifest::{Counts, Manifest, ShardEntry};
pub use reader::{Columns, Dataset, Records, RowGroup};
pub use record::{Caption, Phrase, Record, Split};
pub use rejects::Reject;
pub use shard::{ShardInfo, ShardWriter};
pub use table::{ParquetBatches, parquet_builder};
