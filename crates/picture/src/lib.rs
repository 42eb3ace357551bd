//! Bytes to checked pixels and back; nobody else in the project decodes a picture.
//!
//! A foreign file is sniffed, its dimensions are checked before its pixels are decoded, and whatever the decoder does (a
//! panic included) ends as pixels or as a [`PictureError`] with a stable code. Decoded pixels are upright, eight bits,
//! sRGB, with alpha kept until [`Pixels::on_background`] lays them on a colour.
//!
//! Not here: where pictures come from, and what a dataset does with one that is refused (`ingest`).

mod clip;
mod decode;
mod encode;
mod error;
mod exif;
mod icc;
mod limits;
mod marked;
mod phash;
mod pixels;
mod quality;
mod resize;
pub mod sheet;
mod sniff;
mod turn;
mod vector;
mod watch;

pub use clip::{Clip, ClipFrame, decode_clip, encode_marked_gif};
pub use decode::{Decoded, decode};
pub use encode::{Encoding, encode, encode_png};
pub use error::PictureError;
pub use limits::Limits;
pub use marked::{Container, encode_marked};
pub use phash::perceptual_hash;
pub use pixels::{Pixels, Rgb8, Rgba8};
pub use quality::{contrast, sharpness};
pub use resize::{Frame, Scaling, resize};
pub use sheet::{Tile, sheet};
pub use sniff::{Format, sniff};
pub use vector::rasterise;
pub use watch::Watched;
