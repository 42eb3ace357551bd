//! What a file is, by its first bytes; names and extensions are never asked.

/// A format that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG, baseline or progressive.
    Jpeg,
    /// WebP, lossy or lossless.
    Webp,
    /// GIF, of which the first frame is used.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// Scalable Vector Graphics, rasterised at the size that is wanted.
    Svg,
}

impl Format {
    /// The name stored with a row.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Gif => "gif",
            Self::Bmp => "bmp",
            Self::Svg => "svg",
        }
    }
}

/// The format of some bytes, or `None` where they are none that is read.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Format::Png),
        [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some(Format::Webp),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
        [b'B', b'M', ..] => Some(Format::Bmp),
        _ if is_svg(bytes) => Some(Format::Svg),
        _ => None,
    }
}

/// What unreadable bytes look like, for a message.
pub(crate) fn guess(bytes: &[u8]) -> String {
    let known: &[(&[u8], &str)] = &[
        (b"II*\0", "a TIFF file"),
        (b"MM\0*", "a TIFF file"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"%PDF", "a PDF document"),
        (b"\x1f\x8b", "gzip data"),
        (b"\0\0\0\x0cjP  ", "a JPEG 2000 file"),
    ];
    if let Some((_, name)) = known.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return (*name).to_owned();
    }
    let start = text_start(bytes).to_ascii_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        return "an HTML page".to_owned();
    }
    format!(
        "unknown data that begins with {:02x?}",
        &bytes[..bytes.len().min(8)]
    )
}

fn is_svg(bytes: &[u8]) -> bool {
    let start = text_start(bytes);
    start.starts_with("<svg")
        || ((start.starts_with("<?xml") || start.starts_with("<!")) && start.contains("<svg"))
}

fn text_start(bytes: &[u8]) -> String {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]);
    start.trim_start_matches('\u{feff}').trim_start().to_owned()
}
