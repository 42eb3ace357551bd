//! The one door by which pictures leave: each bears the mark that a machine made it.
//!
//! The mark is IPTC's *Digital Source Type* in an XMP packet (Photo Metadata Standard 2023.2), which picture editors, search engines and
//! platforms read, with the model's hash. The words stay out unless they are asked for: they may say more than their speaker wants
//! a picture to carry.

use std::path::Path;

use idiom_picture::{Clip, Container, Rgba8, encode_marked, encode_marked_gif};

use crate::StudioError;

/// Longest packet, in bytes: what fits into one segment of a JPEG.
const MOST_XMP: usize = 65_000;

/// How much of the picture the machine made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// All of it, from words.
    Drawn,
    /// It redrew a picture that was given.
    Restyled,
}

/// What is written into a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// How much the machine made.
    pub origin: Origin,
    /// The model's hash.
    pub model_sha256: String,
    /// The words, where they may be written.
    pub words: Option<String>,
}

impl Mark {
    /// The address of IPTC's term for how it was made.
    #[must_use]
    pub fn source_type(&self) -> String {
        let kind = match self.origin {
            Origin::Drawn => "trainedAlgorithmicMedia",
            Origin::Restyled => "compositeWithTrainedAlgorithmicMedia",
        };
        format!("http://cv.iptc.org/newscodes/digitalsourcetype/{kind}")
    }

    /// Which program and model made it.
    #[must_use]
    pub fn tool(&self) -> String {
        format!(
            "idiom {}, model {}",
            env!("CARGO_PKG_VERSION"),
            self.model_sha256
        )
    }

    /// The XMP packet.
    #[must_use]
    pub fn xmp(&self) -> String {
        let words = self.words.as_ref().map_or_else(String::new, |words| {
            let words = escaped(words);
            format!(
                "<dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">{words}</rdf:li></rdf:Alt></dc:description>"
            )
        });
        format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
             <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
             <rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" \
             xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
             Iptc4xmpExt:DigitalSourceType=\"{}\" \
             xmp:CreatorTool=\"{}\">{words}</rdf:Description></rdf:RDF></x:xmpmeta>\
             <?xpacket end=\"w\"?>",
            self.source_type(),
            escaped(&self.tool()),
        )
    }
}

/// What leaves: a single picture in one of three containers, or a clip as GIF.
#[derive(Debug, Clone, Copy)]
pub enum Work<'a> {
    /// A single picture.
    Picture(&'a Rgba8, Container),
    /// A moving one.
    Clip(&'a Clip),
}

/// The bytes of a file with its mark: the one way out.
///
/// # Errors
/// Words that are longer than a picture's metadata can be, or a picture larger than the container can say.
pub fn export(work: Work<'_>, mark: &Mark) -> Result<Vec<u8>, StudioError> {
    let xmp = mark.xmp();
    if xmp.len() > MOST_XMP {
        return Err(StudioError::Setting {
            name: "words",
            found: format!("{} bytes of metadata", xmp.len()),
            allowed: "shorter, to be written into a picture",
        });
    }
    let (picture, most, container) = match work {
        Work::Picture(picture, Container::Webp) => (picture, 16_384, "WebP"),
        Work::Picture(picture, _) => (picture, 65_535, "JPEG or PNG"),
        Work::Clip(clip) => match clip.frames.first() {
            Some(frame) => (&frame.picture, 65_535, "GIF"),
            None => return Err(StudioError::NoFrames),
        },
    };
    if picture.width.max(picture.height) > most {
        let (width, height) = (picture.width, picture.height);
        return Err(StudioError::Setting {
            name: "size",
            found: format!("{width} x {height} pixels as {container}"),
            allowed: "at most 16,384 a side in a WebP and 65,535 in the others",
        });
    }
    Ok(match work {
        Work::Picture(picture, container) => encode_marked(picture, container, &xmp)?,
        Work::Clip(clip) => encode_marked_gif(clip, &xmp)?,
    })
}

/// What a file of this name is written as; `None` for a GIF, which is a clip.
///
/// # Errors
/// An end that no format of ours has.
pub fn container_of(path: &Path) -> Result<Option<Container>, StudioError> {
    let end = path
        .extension()
        .and_then(|end| end.to_str())
        .unwrap_or_default();
    match end.to_lowercase().as_str() {
        "png" => Ok(Some(Container::Png)),
        "jpg" | "jpeg" => Ok(Some(Container::Jpeg)),
        "webp" => Ok(Some(Container::Webp)),
        "gif" => Ok(None),
        _ => Err(StudioError::OtherFormat {
            path: path.to_owned(),
        }),
    }
}

fn escaped(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .map(|character| match character {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}
