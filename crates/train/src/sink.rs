//! Where a run's figures, pictures and files go while it goes on.

use std::path::Path;

use idiom_tracking::Run;

/// Takes what a run logs. Nothing here may fail or wait: a run is worth more than its curve.
pub trait Sink {
    /// One point of a curve, at so many pictures seen.
    fn metric(&self, key: &str, value: f64, images_seen: i64);

    /// One picture of a series.
    fn image(&self, key: &str, images_seen: i64, file: &Path);

    /// A file or folder to keep.
    fn artifact(&self, file: &Path, folder: &str);

    /// A setting of the run.
    fn param(&self, key: &str, value: &str);

    /// A note on the run; the last value counts.
    fn tag(&self, key: &str, value: &str);
}

/// Takes everything and keeps nothing: for tests and for runs that are not tracked.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSink;

impl Sink for NoSink {
    fn metric(&self, _: &str, _: f64, _: i64) {}
    fn image(&self, _: &str, _: i64, _: &Path) {}
    fn artifact(&self, _: &Path, _: &str) {}
    fn param(&self, _: &str, _: &str) {}
    fn tag(&self, _: &str, _: &str) {}
}

impl Sink for Run {
    fn metric(&self, key: &str, value: f64, images_seen: i64) {
        self.log_metric(key, value, images_seen);
    }

    fn image(&self, key: &str, images_seen: i64, file: &Path) {
        self.log_image(key, images_seen, file);
    }

    fn artifact(&self, file: &Path, folder: &str) {
        self.log_artifact(file, folder);
    }

    fn param(&self, key: &str, value: &str) {
        self.log_param(key, value);
    }

    fn tag(&self, key: &str, value: &str) {
        self.set_tag(key, value);
    }
}
