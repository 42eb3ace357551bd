//! The tracking server: MLflow's REST routes over SQLite or PostgreSQL and artifacts in a folder or S3, and a web UI to compare runs with.
//!
//! [`bind`] opens the store and listens; [`Server::run`] answers until told to stop. Inside, top-down: `http` (routes and
//! manners) asks `store` (what runs said) and `artifacts` (what they keep); `events` carries news from both to open pages;
//! `ui` is the pages, `extension` how others plug in theirs. The wire itself, its limits and the grammar of searches are `idiom-tracking-api`'s.
//!
//! Not here: the client, and anything that knows what an artifact's bytes mean. Never linked: libtorch.

#[macro_use]
mod rows;

mod accounts;
mod artifacts;
mod config;
mod error;
mod events;
mod extension;
mod http;
mod names;
mod neighbour;
mod place;
mod server;
mod store;
mod ui;
mod upkeep;

pub use accounts::{Account, AccountError, Accounts, NewAccount, Role};
pub use config::{ServerConfig, UpstreamConfig};
pub use error::ServerError;
pub use extension::{Extension, ExtensionLimits, Page, Shell};
pub use place::{ArtifactsPlace, DatabasePlace, UnknownPlace};
pub use server::{Server, bind};
pub use upkeep::{Upkeep, UpkeepError};
