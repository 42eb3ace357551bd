//! One picture to one row: decode, check, lay on the background, frame, hash, encode, and put its words in order.

use bytes::Bytes;
use idiom_dataset::{Caption, Record, Split, digest};
use idiom_picture::{
    Decoded, Encoding, Frame, Limits, PictureError, Pixels, Rgb8, Scaling, Watched,
};
use idiom_spec::pipeline::{FormatRule, FrameRule, PictureRules, Pipeline, Source};

use crate::characters::{self, Groups};
use crate::compose::{self, Drawn};
use crate::fault::Fault;
use crate::filter::{self, Candidate};
use crate::phrases::PhraseBook;
use crate::source::{Item, RawPicture};
use crate::split;
use crate::templates;
use crate::words::Words;

/// Everything that rows are made with; the same for all threads.
pub(crate) struct Recipe<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) words: &'a Words,
    pub(crate) phrases: &'a PhraseBook,
    pub(crate) groups: &'a Groups,
    /// Names of the classes that `label` counts, sorted.
    pub(crate) classes: &'a [String],
}

/// An item, and the source that offers it.
#[derive(Clone, Copy)]
pub(crate) struct Offered<'a> {
    pub(crate) item: &'a Item,
    pub(crate) source: &'a Source,
    /// Shown in provenance.
    pub(crate) source_name: &'a str,
}

impl Recipe<'_> {
    /// The row of a picture and the split it belongs to.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub(crate) fn row(
        &self,
        offered: Offered<'_>,
        mut raw: RawPicture,
        watched: &mut Watched,
    ) -> Result<(Record, Split), Fault> {
        let Offered {
            item,
            source,
            source_name,
        } = offered;
        let sha256 = digest::sha256(&raw.bytes);
        if let Some(sign) = raw
            .opt_out
            .as_ref()
            .filter(|_| !self.pipeline.keep_opted_out)
        {
            let message = format!("its maker does not want it used: `{sign}`");
            return Err(Fault::new("consent", "opt_out", message));
        }
        let decoded = self
            .decoded(std::mem::take(&mut raw.bytes), raw.vector, watched)
            .map_err(|error| Fault::of_picture("decode", &error, &sha256))?;
        let (size, source_size) = (
            decoded.pixels.size(),
            (decoded.orig_width, decoded.orig_height),
        );
        let (mut steps, source_format) = (decoded.steps, decoded.format);
        if decoded.pixels.is_transparent() {
            steps.push("on_background");
        }
        let picture = frame(decoded.pixels, &self.pipeline.picture)
            .map_err(|error| Fault::of_picture("frame", &error, &sha256))?;
        self.add_steps(size, &picture, &mut steps);
        let style = raw.style.or_else(|| source.style.clone());
        let license = raw.license.or_else(|| source.license.clone());
        let mut captions = self.given_captions(item, raw.captions);
        let mut candidate = Candidate {
            source_size,
            picture: &picture,
            license: license.as_deref(),
            captions: &mut captions,
        };
        filter::apply(&self.pipeline.filters, &mut candidate).map_err(|fault| Fault {
            sha256: digest::hex(&sha256),
            ..fault
        })?;
        let group = match (&item.subject, &raw.subject) {
            (Some(subject), _) => self.groups.of(subject),
            (None, Some(subject)) if raw.subject_groups => subject.clone(),
            _ => item.key.to_string(),
        };
        let split = split::of_group(&self.pipeline.split, &group);
        let encoding = encoding(&self.pipeline.picture);
        let subject = raw
            .subject
            .or_else(|| item.subject.as_deref().map(str::to_owned));
        templates::add(
            &self.pipeline.templates,
            style.as_deref(),
            subject.as_deref(),
            &mut captions,
        );
        self.compose(item, style.as_deref(), split, &mut captions);
        let primary = captions
            .first()
            .ok_or_else(|| Fault::new("caption", "no_caption", "there are no words for it"))?;
        let image = idiom_picture::encode(&picture, encoding)
            .map_err(|error| Fault::of_picture("encode", &error, &sha256))?;
        let phash = idiom_picture::perceptual_hash(&picture)
            .map_err(|error| Fault::of_picture("encode", &error, &sha256))?;
        let record = Record {
            key: item.key.to_string(),
            subject,
            caption: primary.text.clone(),
            width: picture.width,
            height: picture.height,
            orig_width: source_size.0,
            orig_height: source_size.1,
            format: source_format.name().to_owned(),
            sha256,
            phash: Some(phash),
            image: image.into(),
            image_path: Some(format!(
                "{}.{}",
                item.key.replace('/', "-"),
                encoding.extension()
            )),
            license,
            source: Some(format!("{source_name}/{}", item.member())),
            url: raw.url,
            opt_out: raw.opt_out,
            transform: Some(steps.join(" ")),
            meta: meta(item, raw.meta),
            captions,
            style,
            label: raw.class.and_then(|class| {
                let number = self.classes.binary_search(&class).ok()?;
                i64::try_from(number).ok()
            }),
        };
        Ok((record, split))
    }

    fn decoded(
        &self,
        bytes: Bytes,
        vector: bool,
        watched: &mut Watched,
    ) -> Result<Decoded, PictureError> {
        let rules = &self.pipeline.picture;
        let (limits, side) = (limits(rules), rules.side);
        watched.run(move || decoded(&bytes, vector, side, &limits))
    }

    /// What the source says, then what the tables say.
    fn given_captions(&self, item: &Item, own: Vec<Caption>) -> Vec<Caption> {
        let mut captions = own;
        let subject = item.subject.as_ref();
        if let Some(words) = subject.and_then(|subject| self.words.get(&**subject)) {
            captions.extend_from_slice(words);
        }
        captions
    }

    /// Adds the composed sentences.
    fn compose(&self, item: &Item, style: Option<&str>, split: Split, captions: &mut Vec<Caption>) {
        if let (Some(rules), Some(style)) = (&self.pipeline.compose, style) {
            let drawn = Drawn {
                key: &item.key,
                style,
                split,
                captions,
            };
            let sentences = compose::sentences(rules, self.phrases, drawn);
            captions.extend(sentences);
        }
    }

    /// What was done after decoding, to a picture that had this size.
    fn add_steps(&self, before: (u32, u32), picture: &Rgb8, steps: &mut Vec<&'static str>) {
        if before != (picture.width, picture.height) {
            steps.extend(match self.pipeline.picture.frame {
                FrameRule::Pad => Some("padded"),
                FrameRule::Crop => Some("cropped"),
                FrameRule::Fit | FrameRule::None => None,
            });
            steps.push("resized");
        }
        steps.extend(match self.pipeline.picture.format {
            FormatRule::Png => None,
            FormatRule::Jpeg => Some("as_jpeg"),
            FormatRule::WebpLossless => Some("as_webp"),
        });
    }
}

fn encoding(rules: &PictureRules) -> Encoding {
    match rules.format {
        FormatRule::Png => Encoding::Png,
        FormatRule::Jpeg => Encoding::Jpeg(rules.quality),
        FormatRule::WebpLossless => Encoding::WebpLossless,
    }
}

/// The pixels of a picture, those of vectors drawn at `side`.
pub(crate) fn decoded(
    bytes: &[u8],
    vector: bool,
    side: u32,
    limits: &Limits,
) -> Result<Decoded, PictureError> {
    if vector {
        idiom_picture::rasterise(bytes, side, limits)
    } else {
        idiom_picture::decode(bytes, limits)
    }
}

pub(crate) fn limits(rules: &PictureRules) -> Limits {
    Limits {
        max_bytes: rules.max_bytes,
        max_pixels: rules.max_pixels,
        min_side: rules.min_side,
        max_aspect: rules.max_aspect,
        ..Limits::default()
    }
}

fn frame(pixels: Pixels, rules: &PictureRules) -> Result<Rgb8, PictureError> {
    let frame = match rules.frame {
        FrameRule::Pad => Frame::Pad(rules.background),
        FrameRule::Crop => Frame::Crop,
        FrameRule::Fit => Frame::Fit,
        FrameRule::None => Frame::Keep,
    };
    let scaling = if rules.upscale {
        Scaling::UpToo
    } else {
        Scaling::OnlyDown
    };
    let opaque = pixels.on_background(rules.background);
    idiom_picture::resize(opaque, rules.side, frame, scaling)
}

fn meta(
    item: &Item,
    mut fields: std::collections::BTreeMap<String, serde_json::Value>,
) -> Option<String> {
    if let Some(subject) = &item.subject {
        fields.insert(
            "characters".to_owned(),
            characters::to_characters(subject).into(),
        );
    }
    (!fields.is_empty())
        .then(|| serde_json::Value::Object(fields.into_iter().collect()).to_string())
}
