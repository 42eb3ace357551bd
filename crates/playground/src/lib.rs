//! Web pages over a studio: drop a picture, say looks, and see it restyled, side by side.
//!
//! [`Playground`] plugs into the tracking server. Pictures and words live in memory for the time of one request, are written nowhere and
//! leave the machine in no direction but back to the page; each restyled picture bears the mark of the studio's one door. Not here:
//! the networks (`studio`), accounts and limits (the server's).

mod answer;
mod routes;

use std::sync::{Arc, Mutex};

use axum::Router;
use idiom_studio::Studio;
use idiom_tracking_server::{Extension, Shell};

/// Words, pages and scripts.
const WORDS: &str = include_str!("../assets/words.json");
const FILES: [(&str, &[u8]); 3] = [
    ("playground.js", include_bytes!("../assets/playground.js")),
    ("dictation.js", include_bytes!("../assets/dictation.js")),
    ("playground.css", include_bytes!("../assets/playground.css")),
];

/// The playground of one studio.
pub struct Playground {
    /// One picture at a time: the arithmetic uses all cores anyway.
    studio: Arc<Mutex<Studio>>,
}

impl Playground {
    /// A playground that works with this studio.
    #[must_use]
    pub fn new(studio: Studio) -> Self {
        Self {
            studio: Arc::new(Mutex::new(studio)),
        }
    }
}

impl Extension for Playground {
    fn prefix(&self) -> &'static str {
        routes::PREFIX
    }

    fn router(&self, shell: Shell) -> Router {
        routes::router(Arc::clone(&self.studio), shell)
    }

    fn entry(&self) -> Option<&'static str> {
        Some("playground.title")
    }

    fn words(&self) -> &'static str {
        WORDS
    }

    fn files(&self) -> &'static [(&'static str, &'static [u8])] {
        &FILES
    }
}
