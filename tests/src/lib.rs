//! What the checks of the workspace share: its root, its packages, its source files.
//!
//! The end-to-end tests and the checks behind `just check` are this package's integration tests, in `tests/`.

pub mod artist;
pub mod browser;
pub mod owned;
pub mod postgres;
pub mod project;
pub mod workspace;
