//! Why one picture or caption is refused, on its way to becoming a row of the rejects.

use idiom_dataset::Reject;
use idiom_picture::PictureError;

/// One refusal, without the place, which the caller knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// `list`, `read`, `caption`, `decode` or `frame`.
    pub(crate) stage: &'static str,
    /// A word for the kind, stable across versions.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) message: String,
    /// Line in the caption file, counted from 1.
    pub(crate) line: Option<u64>,
    /// SHA-256 of the bytes in hexadecimal, where there were any.
    pub(crate) sha256: String,
}

impl Fault {
    pub(crate) fn new(stage: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            stage,
            code,
            message: message.into(),
            line: None,
            sha256: String::new(),
        }
    }

    pub(crate) fn of_picture(stage: &'static str, error: &PictureError, sha256: &[u8; 32]) -> Self {
        Self {
            sha256: idiom_dataset::digest::hex(sha256),
            ..Self::new(stage, error.code(), error.to_string())
        }
    }

    /// The row of the rejects.
    pub(crate) fn at(self, source: &str, member: &str) -> Reject {
        Reject {
            source: source.into(),
            member: member.into(),
            line: self.line,
            stage: self.stage.into(),
            code: self.code.into(),
            message: self.message.into(),
            sha256: self.sha256.into(),
        }
    }
}
