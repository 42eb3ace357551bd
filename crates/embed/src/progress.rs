//! What is told while a dataset is embedded, and at the end.

use std::fmt;

/// Progress; only the binary turns it into bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A stage began.
    Started {
        /// Its name.
        stage: &'static str,
        /// How many things it will count.
        total: u64,
    },
    /// So many more are done.
    Advanced(u64),
    /// Something worth a line.
    Message(String),
}

/// What an embedding left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Whether the sidecar was current already and nothing was done.
    pub skipped: bool,
    /// The encoder's name, which is the sidecar's too.
    pub encoder: String,
    /// Distinct texts of the dataset; each has its vector.
    pub n_texts: u64,
    /// Of these, those encoded now.
    pub n_encoded: u64,
    /// Of those encoded now, those that were longer than the encoder reads.
    pub n_truncated: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            encoder,
            n_texts,
            n_encoded,
            n_truncated,
            ..
        } = self;
        if self.skipped {
            return write!(f, "the vectors of {encoder} are current: {n_texts} texts");
        }
        write!(
            f,
            "{n_texts} distinct texts have vectors of {encoder}, {n_encoded} of them new"
        )?;
        if *n_truncated > 0 {
            write!(f, "; cut, because they were too long: {n_truncated}")?;
        }
        Ok(())
    }
}

/// What an embedding of pictures left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureSummary {
    /// Whether the vectors were current already and nothing was done.
    pub skipped: bool,
    /// The encoder's name.
    pub encoder: String,
    /// Pictures of the dataset; each has its vector.
    pub n_pictures: u64,
    /// Of these, those encoded now.
    pub n_encoded: u64,
}

impl fmt::Display for PictureSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            encoder,
            n_pictures,
            n_encoded,
            ..
        } = self;
        if self.skipped {
            return write!(
                f,
                "the picture vectors of {encoder} are current: {n_pictures} pictures"
            );
        }
        write!(
            f,
            "{n_pictures} pictures have vectors of {encoder}, {n_encoded} of them new"
        )
    }
}
