//! The one door by which pictures leave: each bears the mark that a machine made it.
//!
//! The mark is IPTC's *Digital Source Type* in an XMP packet (Photo Metadata Standard 2023.2), which picture editors, search engines and
//! platforms read, with the model's hash. The words stay out unless they are asked for: they may say more than their speaker wants
//! a picture to carry.

use idiom_picture::{Rgba8, encode_marked_png};

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
    /// The XMP packet.
    #[must_use]
    pub fn xmp(&self) -> String {
        let kind = match self.origin {
            Origin::Drawn => "trainedAlgorithmicMedia",
            Origin::Restyled => "compositeWithTrainedAlgorithmicMedia",
        };
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
             Iptc4xmpExt:DigitalSourceType=\"http://cv.iptc.org/newscodes/digitalsourcetype/{kind}\" \
             xmp:CreatorTool=\"idiom {}, model {}\">{words}</rdf:Description></rdf:RDF></x:xmpmeta>\
             <?xpacket end=\"w\"?>",
            env!("CARGO_PKG_VERSION"),
            escaped(&self.model_sha256),
        )
    }
}

/// The picture as PNG with its mark.
#[must_use]
pub fn export(picture: &Rgba8, mark: &Mark) -> Vec<u8> {
    encode_marked_png(picture, &mark.xmp())
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
