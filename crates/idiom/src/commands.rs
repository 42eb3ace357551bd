//! The verbs. Each returns the text to print, or why it ended early.

mod data;
mod doctor;
mod dry_run;
mod evaluate;
mod experiment;
mod gallery;
mod init;
mod look;
mod reproduce;
mod runs;
mod schema;
mod serve;
mod studio;
mod stylize;
mod sweep;
mod sync;
mod video;

use crate::arguments::Verb;
use crate::failure::Failure;
use crate::home::Home;
use crate::screen::Screen;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What every verb needs.
pub(crate) struct Session {
    /// Where things are.
    pub(crate) home: Home,
    /// What the user sees.
    pub(crate) screen: Screen,
    /// Set by a signal: finish what is in hand, save, return.
    pub(crate) stop: Arc<AtomicBool>,
}

impl Session {
    pub(crate) fn run(&self, verb: Verb) -> Result<String, Failure> {
        match verb {
            Verb::Ingest(a) => self.ingest(&a),
            Verb::Embed(a) => self.embed(&a),
            Verb::Report(a) => self.report(&a),
            Verb::Search(a) => self.search(&a),
            Verb::Experiment(a) => self.experiment(&a),
            Verb::Resume(a) => self.resume(&a),
            Verb::Reproduce(a) => self.reproduce(&a),
            Verb::Schema(a) => Ok(schema::schema(a.kind)),
            Verb::Evaluate(a) => self.evaluate(&a),
            Verb::Runs(a) => self.runs(&a),
            Verb::Serve(a) => self.serve(&a),
            Verb::Sync(a) => self.sync(&a),
            Verb::Upkeep(a) => self.upkeep(a),
            Verb::Stylize(a) => self.stylize(&a),
            Verb::Generate(a) => self.generate(&a),
            Verb::Describe(a) => self.describe(&a),
            Verb::Gallery(a) => self.gallery(&a),
            Verb::Export(a) => self.export(&a),
            Verb::Doctor => Ok(self.doctor()),
        }
    }
}
