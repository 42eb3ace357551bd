//! Captions that stand beside a picture: `.txt` with one caption a line, or `.json`.
//!
//! The JSON is a text, a list of texts, or an object with `captions` (texts, or objects with `text`, `lang`, `kind`), and,
//! where known, `caption`, `subject`, `style`, `license`, `url`, `opt_out`; what else it holds goes to `meta`.

use idiom_dataset::Caption;
use serde_json::Value;

use super::RawPicture;
use crate::fault::Fault;
use crate::text;

/// Largest caption file that is read, in bytes.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// Adds what a file of lines says.
pub(super) fn read_lines(bytes: Vec<u8>, lang: &str, raw: &mut RawPicture) -> Result<(), Fault> {
    for (number, line) in decoded(bytes)?.lines().enumerate() {
        let caption = checked(line, lang).map_err(|fault| Fault {
            line: Some(number as u64 + 1),
            ..fault
        })?;
        raw.captions.extend(caption);
    }
    Ok(())
}

/// Adds what a JSON file says.
pub(super) fn read_json(bytes: Vec<u8>, lang: &str, raw: &mut RawPicture) -> Result<(), Fault> {
    let value = serde_json::from_str(&decoded(bytes)?).map_err(|error| Fault {
        line: Some(error.line() as u64),
        ..Fault::new("caption", "broken_caption", error.to_string())
    })?;
    object(value, lang, raw)
}

/// Refuses a picture for which nothing was said.
pub(super) fn require_words(raw: &RawPicture) -> Result<(), Fault> {
    if raw.captions.is_empty() {
        let message = "the caption file holds no words";
        return Err(Fault::new("caption", "empty_caption", message));
    }
    Ok(())
}

/// A caption, or `None` where nothing is left of it.
pub(super) fn checked(line: &str, lang: &str) -> Result<Option<Caption>, Fault> {
    if line.len() > text::MAX_BYTES {
        let message = format!(
            "a caption has {} bytes, but at most {} are kept",
            line.len(),
            text::MAX_BYTES
        );
        return Err(Fault::new("caption", "caption_too_long", message));
    }
    let text = text::clean(line);
    let caption = Caption {
        text,
        lang: lang.to_lowercase(),
        source: "sidecar".to_owned(),
        kind: "text".to_owned(),
    };
    Ok(Some(caption).filter(|caption| !caption.text.is_empty()))
}

/// A caption file as text; a byte-order mark is fine, other encodings than UTF-8 are not.
fn decoded(bytes: Vec<u8>) -> Result<String, Fault> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let message = format!("the caption file is not UTF-8 from byte {offset} on");
        Fault::new("caption", "bad_utf8", message)
    })?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn object(value: Value, lang: &str, raw: &mut RawPicture) -> Result<(), Fault> {
    match value {
        Value::Object(mut fields) => {
            for name in ["caption", "captions", "text"] {
                if let Some(value) = fields.remove(name) {
                    raw.captions.extend(texts(&value, lang)?);
                }
            }
            let mut take = |name: &str| {
                fields
                    .remove(name)
                    .and_then(|value| value.as_str().map(text::clean))
                    .filter(|text| !text.is_empty())
            };
            raw.subject = take("subject");
            raw.style = take("style");
            raw.license = take("license");
            raw.url = take("url");
            raw.opt_out = take("opt_out");
            raw.meta.extend(fields);
        }
        other => raw.captions.extend(texts(&other, lang)?),
    }
    Ok(())
}

fn texts(value: &Value, lang: &str) -> Result<Vec<Caption>, Fault> {
    let wrong = || {
        let message =
            "captions must be texts, or objects with `text`, and where known `lang` and `kind`";
        Err(Fault::new("caption", "broken_caption", message))
    };
    let mut captions = Vec::new();
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    for entry in list {
        match entry {
            Value::String(text) => captions.extend(checked(text, lang)?),
            Value::Object(fields) => {
                let field = |name: &str| fields.get(name).and_then(Value::as_str);
                let Some(text) = field("text") else {
                    return wrong();
                };
                captions.extend(
                    checked(text, field("lang").unwrap_or(lang))?.map(|caption| Caption {
                        kind: field("kind").unwrap_or("text").to_owned(),
                        ..caption
                    }),
                );
            }
            _ => return wrong(),
        }
    }
    Ok(captions)
}
