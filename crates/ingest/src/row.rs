//! One picture to one row: decode, check, lay on the background, frame, hash, encode, and put its words in order.

use idiom_dataset::{Caption, Record, Split, digest};
use idiom_picture::{Decoded, Frame, Limits, PictureError, Rgb8, Scaling, Watched};
use idiom_spec::pipeline::{FrameRule, PictureRules, Pipeline, Source};

use crate::characters::{self, Groups};
use crate::compose::{self, Drawn};
use crate::fault::Fault;
use crate::phrases::PhraseBook;
use crate::source::{Item, RawPicture};
use crate::split;
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
        let picture = frame(&decoded, &self.pipeline.picture)
            .map_err(|error| Fault::of_picture("frame", &error, &sha256))?;
        let style = raw.style.or_else(|| source.style.clone());
        let group = match (&item.subject, &raw.subject) {
            (Some(subject), _) => self.groups.of(subject),
            (None, Some(subject)) if raw.subject_groups => subject.clone(),
            _ => item.key.to_string(),
        };
        let split = split::of_group(&self.pipeline.split, &group);
        let captions = self.captions(item, raw.captions, style.as_deref(), split);
        let primary = captions
            .first()
            .ok_or_else(|| Fault::new("caption", "no_caption", "there are no words for it"))?;
        let record = Record {
            key: item.key.to_string(),
            subject: raw
                .subject
                .or_else(|| item.subject.as_deref().map(str::to_owned)),
            caption: primary.text.clone(),
            width: picture.width,
            height: picture.height,
            orig_width: decoded.orig_width,
            orig_height: decoded.orig_height,
            format: decoded.format.name().to_owned(),
            sha256,
            phash: Some(idiom_picture::perceptual_hash(&picture)),
            image: idiom_picture::encode_png(&picture).into(),
            image_path: Some(format!("{}.png", item.key.replace('/', "-"))),
            license: raw.license.or_else(|| source.license.clone()),
            source: Some(format!("{source_name}/{}", item.member())),
            url: raw.url,
            opt_out: raw.opt_out,
            transform: Some(self.steps(&decoded).join(" ")),
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
        bytes: Vec<u8>,
        vector: bool,
        watched: &mut Watched,
    ) -> Result<Decoded, PictureError> {
        let rules = &self.pipeline.picture;
        let (limits, side) = (limits(rules), rules.side);
        watched.run(move || {
            if vector {
                idiom_picture::rasterise(&bytes, side, &limits)
            } else {
                idiom_picture::decode(&bytes, &limits)
            }
        })
    }

    /// What the source says, then what the tables say, then the composed sentences.
    fn captions(
        &self,
        item: &Item,
        own: Vec<Caption>,
        style: Option<&str>,
        split: Split,
    ) -> Vec<Caption> {
        let mut captions = own;
        if let Some(words) = item
            .subject
            .as_ref()
            .and_then(|subject| self.words.get(&**subject))
        {
            captions.extend_from_slice(words);
        }
        if let (Some(rules), Some(style)) = (&self.pipeline.compose, style) {
            let drawn = Drawn {
                key: &item.key,
                style,
                split,
                captions: &captions,
            };
            let sentences = compose::sentences(rules, self.phrases, drawn);
            captions.extend(sentences);
        }
        captions
    }

    fn steps(&self, decoded: &Decoded) -> Vec<&'static str> {
        let mut steps = decoded.steps.clone();
        if decoded.pixels.is_transparent() {
            steps.push("on_background");
        }
        let rules = &self.pipeline.picture;
        if (decoded.pixels.width, decoded.pixels.height) != (rules.side, rules.side) {
            steps.push(match rules.frame {
                FrameRule::Pad => "padded",
                FrameRule::Crop => "cropped",
            });
            steps.push("resized");
        }
        steps
    }
}

fn limits(rules: &PictureRules) -> Limits {
    Limits {
        max_bytes: rules.max_bytes,
        max_pixels: rules.max_pixels,
        min_side: rules.min_side,
        max_aspect: rules.max_aspect,
        ..Limits::default()
    }
}

fn frame(decoded: &Decoded, rules: &PictureRules) -> Result<Rgb8, PictureError> {
    let frame = match rules.frame {
        FrameRule::Pad => Frame::Pad(rules.background),
        FrameRule::Crop => Frame::Crop,
    };
    let scaling = if rules.upscale {
        Scaling::UpToo
    } else {
        Scaling::OnlyDown
    };
    idiom_picture::resize(
        &decoded.pixels.on_background(rules.background),
        rules.side,
        frame,
        scaling,
    )
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
