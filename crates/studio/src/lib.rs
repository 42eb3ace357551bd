//! A trained model at work: pictures restyled by words or by another picture, drawn from words alone, and described in words.
//!
//! [`Studio`] restyles and describes, [`Drawer`] draws. A wish, in words or as a picture, becomes a [`Style`]; styles can be mixed.
//! Moving pictures go through [`Moving`], frame by frame. Pictures leave through one door, [`export`], which writes into each that a machine made it. Not here: training, files, web pages.

mod background;
mod clip;
mod describe;
mod drawer;
mod error;
mod export;
mod pixels;
mod still;
mod studio;
mod style;
mod tiles;
mod words;

pub use background::Background;
pub use clip::{Flicker, Moving};
pub use describe::{Description, Look, Subject};
pub use drawer::Drawer;
pub use error::StudioError;
pub use export::{Mark, Origin, Work, container_of, export};
pub use studio::{Options, Restyled, Studio};
pub use style::{Nearest, Style};
