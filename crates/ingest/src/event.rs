//! What a caller hears while an ingest runs, and when it has ended.

use std::fmt;

use idiom_dataset::Counts;

/// Codes of rejects that a summary names.
const CODES: usize = 6;

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

/// What an ingest left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Whether the output was current already and nothing was done.
    pub skipped: bool,
    /// Where every row went.
    pub counts: Counts,
    /// SHA-256 of the manifest: the data's hash.
    pub sha256: String,
    /// The most frequent codes among the rejects, with their numbers.
    pub rejects_by_code: Vec<(String, u64)>,
    /// Rows whose picture is byte-identical to an earlier row's.
    pub identical_pictures: u64,
}

/// What one of several workers did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShareSummary {
    /// Units that are its own, all done now; 0 where the dataset was current.
    pub units: usize,
    /// Units of the whole pipeline.
    pub units_total: usize,
}

impl fmt::Display for ShareSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { units, units_total } = self;
        if *units_total == 0 {
            return f.write_str("the dataset is current");
        }
        write!(
            f,
            "{units} of {units_total} units of work are done; when all workers have ended: \
             the same command with `--seal` in the place of the worker's number"
        )
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            rows_in,
            rows_out,
            rejects,
            duplicates,
        } = self.counts;
        if self.skipped {
            return write!(f, "the dataset is current: {rows_out} rows");
        }
        write!(
            f,
            "{rows_in} pictures in = {rows_out} rows + {rejects} rejects + {duplicates} duplicates"
        )?;
        for (code, n) in self.rejects_by_code.iter().take(CODES) {
            write!(f, "; {code}: {n}")?;
        }
        if self.rejects_by_code.len() > CODES {
            let more = self.rejects_by_code.len() - CODES;
            write!(f, "; and {more} other codes, all in `idiom report`")?;
        }
        if self.identical_pictures > 0 {
            write!(
                f,
                "; {} pictures equal another's bytes",
                self.identical_pictures
            )?;
        }
        Ok(())
    }
}
