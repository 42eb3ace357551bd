//! Why a file is not a picture that can be used; each kind has a short code that rejects are counted by.

/// Why bytes did not become pixels.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PictureError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The bytes begin like no format that is read.
    #[error("the bytes are no PNG, JPEG, WebP, GIF, BMP or SVG picture, but {found}")]
    UnsupportedFormat {
        /// What they look like.
        found: String,
    },
    /// The file is larger than allowed.
    #[error("the file has {found} bytes, but at most {limit} are read")]
    TooManyBytes {
        /// Bytes of the file.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The header announces more pixels than allowed; nothing was decoded.
    #[error("the picture is {width}x{height}, but at most {limit} pixels are decoded")]
    TooManyPixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// The limit.
        limit: u64,
    },
    /// A side is shorter than allowed.
    #[error("the picture is {width}x{height}, but each side must have at least {limit} pixels")]
    TooSmall {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// The limit.
        limit: u32,
    },
    /// One side is far longer than the other.
    #[error("the picture is {width}x{height}, but one side may be at most {limit} times the other")]
    TooElongated {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// The limit.
        limit: u32,
    },
    /// The decoder gave up.
    #[error("the {format} data is broken: {message}")]
    Broken {
        /// The sniffed format.
        format: &'static str,
        /// The decoder's own message.
        message: String,
    },
    /// The decoder needed more memory than allowed.
    #[error("decoding the {format} data needs more memory than allowed")]
    TooMuchMemory {
        /// The sniffed format.
        format: &'static str,
    },
    /// The decoder did not end in time; a picture made to keep it busy, or a bug in it.
    #[error("decoding takes longer than {seconds} s")]
    TooSlow {
        /// The limit.
        seconds: f64,
    },
    /// Pixels that are not `[height, width, channels]`, or none.
    #[error("{n_values} values are not the pixels of {width}x{height}")]
    Misshapen {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Values there are.
        n_values: usize,
    },
    /// The pixels cannot stand in a file of this format.
    #[error("it cannot be written as {format}: {reason}")]
    Unwritable {
        /// The format.
        format: &'static str,
        /// Why not.
        reason: String,
    },
    /// The decoder panicked; a bug in it, met by this file.
    #[error("the {format} decoder panicked: {message}")]
    Panicked {
        /// The sniffed format.
        format: &'static str,
        /// The panic's message.
        message: String,
    },
}

impl PictureError {
    /// What an encoder says of pixels that it does not take.
    pub(crate) fn unwritable(format: &'static str, reason: impl ToString) -> Self {
        Self::Unwritable {
            format,
            reason: reason.to_string(),
        }
    }

    /// The kind of fault in one word, stable across versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::UnsupportedFormat { .. } => "unsupported_format",
            Self::TooManyBytes { .. } => "too_many_bytes",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::TooSmall { .. } => "too_small",
            Self::TooElongated { .. } => "too_elongated",
            Self::Broken { .. } => "broken",
            Self::TooMuchMemory { .. } => "too_much_memory",
            Self::TooSlow { .. } => "decoder_hang",
            Self::Misshapen { .. } => "misshapen",
            Self::Unwritable { .. } => "unwritable",
            Self::Panicked { .. } => "decoder_panic",
        }
    }

    /// What can be done about it, where something can.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnsupportedFormat { .. } => {
                Some("convert it to PNG, JPEG or WebP first".to_owned())
            }
            Self::TooSmall { .. } => {
                Some("lower `min_side`, or set `upscale: true`, in the pipeline".to_owned())
            }
            Self::TooElongated { .. } => Some("raise `max_aspect` in the pipeline".to_owned()),
            Self::TooManyPixels { .. } => Some("raise `max_pixels` in the pipeline".to_owned()),
            Self::TooSlow { .. } => Some("raise `max_seconds` in the pipeline".to_owned()),
            _ => None,
        }
    }
}
