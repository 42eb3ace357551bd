//! Training: what an experiment says, done, logged and saved.
//!
//! One call, [`train`], takes a run from nothing or from its last save to its end. The loop ([`run`]) is plain
//! threads and no clock, and knows no network: a task ([`text_to_image`]) brings samples, step, sheet and model. What is learnt depends on the seed, the data and the number of pictures seen. The mathematics is in
//! `idiom-gan`; here are the loader, the order of things, saves, sheets and figures. Not here: progress bars, signals and the
//! tracking server (the binary's), metrics of quality (`evaluate`).

mod arithmetic;
mod bank;
mod captions;
mod check;
pub mod checkpoint;
mod contrastive;
mod error;
mod estimate;
mod event;
mod gradients;
mod guard;
mod init;
mod loader;
mod machine;
mod meters;
mod pictures;
mod players;
mod projected;
mod ranks;
mod request;
mod restyle;
mod room;
mod run;
mod run_folder;
mod schedule;
mod settings;
mod sheet;
mod sink;
mod task;
mod text_to_image;
mod vision;
mod watch;

pub use check::check;
pub use error::TrainError;
pub use estimate::{Estimate, estimate, load};
pub use event::Event;
pub use request::{Outcome, Summary, TrainRequest, train};
pub use room::tells_of_memory;
pub use settings::{flatten, flatten_value, with_later_keys};
pub use sink::{NoSink, Sink};
