//! Small pictures of what was refused, so that people see in the report what codes cannot say: the first few of each code,
//! by source and member.
//!
//! Each unit keeps its own first few, so that the seal finds the first of all, whoever read them, and a retry ends with
//! the same ones as an ingest that never failed.
//!
//! Not here: what was refused before its bytes were had, or because they are no picture; and what must not be used, since a
//! small copy is a use too. The report says of those why nothing is shown.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use idiom_dataset::thumbnails::{self, FILE, Thumbnail};
use idiom_dataset::{Record, Reject};
use idiom_picture::{Encoding, Frame, Limits, Rgb8, Scaling, Watched};
use idiom_spec::pipeline::{PictureRules, Pipeline, Source};

use crate::source::RawPicture;
use crate::units::{self, Work};
use crate::{IngestError, filter, remove, row};

/// Thumbnails of each code, at most.
pub(crate) const A_CODE: usize = 6;
/// Their longer side, in pixels; smaller pictures are kept as they are.
const SIDE: u32 = 96;
const QUALITY: u8 = 85;

/// The first few of each code: by code, then by source and member.
#[derive(Debug, Default)]
pub(crate) struct Thumbnails {
    by_code: BTreeMap<String, BTreeMap<(String, String), Bytes>>,
}

/// The bytes of a picture that may yet be refused; shared, not copied.
pub(crate) struct Original {
    bytes: Bytes,
    vector: bool,
}

impl Thumbnails {
    /// Adds what `draw` gives, which is asked only where there is room or the reject comes before another.
    pub(crate) fn offer(&mut self, reject: &Reject, draw: impl FnOnce() -> Option<Bytes>) {
        let few = self.by_code.entry(reject.code.to_string()).or_default();
        let place = (reject.source.to_string(), reject.member.to_string());
        if few.len() >= A_CODE && few.last_key_value().is_some_and(|(last, _)| place > *last) {
            return;
        }
        if let Some(image) = draw() {
            few.insert(place, image);
        }
        if few.len() > A_CODE {
            few.pop_last();
        }
    }

    /// Adds those of a table that show what is still refused; `rejects` is sorted.
    fn take_up(&mut self, path: &Path, rejects: &[Reject]) -> Result<(), IngestError> {
        if !path.exists() {
            return Ok(());
        }
        for thumbnail in thumbnails::read(path)? {
            if let Some(reject) = reject_of(&thumbnail, rejects) {
                self.offer(reject, || Some(thumbnail.image));
            }
        }
        Ok(())
    }

    /// Writes the table, or removes an old one where there is nothing to show. Gives the number of rows.
    pub(crate) fn write(self, path: &Path) -> Result<u64, IngestError> {
        let mut table = Vec::new();
        for (code, few) in self.by_code {
            table.extend(few.into_iter().map(|((source, member), image)| Thumbnail {
                code: code.clone(),
                source,
                member,
                image,
            }));
        }
        if table.is_empty() {
            remove(path)?;
        } else {
            thumbnails::write(path, &table)?;
        }
        Ok(table.len() as u64)
    }
}

/// What the units kept of what is refused in the end; in a retry, what the sealed dataset had beside it.
pub(crate) fn gather(
    work: &Work<'_>,
    out: &Path,
    rejects: &[Reject],
) -> Result<Thumbnails, IngestError> {
    let mut thumbnails = Thumbnails::default();
    if work.sealed.is_some() {
        thumbnails.take_up(&out.join(FILE), rejects)?;
    }
    for unit in &work.plan.units {
        thumbnails.take_up(&units::thumbnails_path(work.staging, unit), rejects)?;
    }
    Ok(thumbnails)
}

fn reject_of<'a>(thumbnail: &Thumbnail, rejects: &'a [Reject]) -> Option<&'a Reject> {
    let (source, member) = (thumbnail.source.as_str(), thumbnail.member.as_str());
    let start =
        rejects.partition_point(|r| (r.source.as_str(), r.member.as_str()) < (source, member));
    let same = rejects[start..].iter().take_while(|r| r.member == member);
    same.into_iter().find(|reject| thumbnail.is_of(reject))
}

impl Original {
    /// Nothing where its maker does not want it used, or its licence is not asked for, whatever else it will be refused for.
    pub(crate) fn of(raw: &RawPicture, source: &Source, pipeline: &Pipeline) -> Option<Self> {
        let license = raw.license.as_deref().or(source.license.as_deref());
        let is_wanted = filter::may_be_used(&pipeline.filters, license);
        let is_free = raw.opt_out.is_none() || pipeline.keep_opted_out;
        (is_wanted && is_free).then(|| Self {
            bytes: raw.bytes.clone(),
            vector: raw.vector,
        })
    }

    /// The picture, small, whatever its shape; nothing where the bytes are no picture that could be decoded.
    pub(crate) fn draw(
        self,
        reject: &Reject,
        rules: &PictureRules,
        watched: &mut Watched,
    ) -> Option<Bytes> {
        let is_misshapen = matches!(&*reject.code, "too_small" | "too_elongated");
        if reject.stage == "decode" && !is_misshapen {
            return None;
        }
        let limits = Limits {
            min_side: 1,
            max_aspect: u32::MAX,
            ..row::limits(rules)
        };
        let Self { bytes, vector } = self;
        let decoded = watched.run(move || row::decoded(&bytes, vector, SIDE, &limits));
        small(decoded.ok()?.pixels.on_background(rules.background))
    }
}

/// A row that was staged and is refused all the same.
pub(crate) fn of_row(record: &Record) -> Option<Bytes> {
    let decoded = idiom_picture::decode(&record.image, &Limits::default()).ok()?;
    small(decoded.pixels.on_background([u8::MAX; 3]))
}

fn small(picture: Rgb8) -> Option<Bytes> {
    let frame = if picture.width.max(picture.height) <= SIDE {
        Frame::Keep
    } else {
        Frame::Fit
    };
    let picture = idiom_picture::resize(picture, SIDE, frame, Scaling::OnlyDown).ok()?;
    let bytes = idiom_picture::encode(&picture, Encoding::Jpeg(QUALITY)).ok()?;
    Some(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(code: &str, member: &str) -> Reject {
        Reject {
            code: code.into(),
            member: member.into(),
            ..Reject::default()
        }
    }

    #[test]
    fn the_first_by_name_are_kept_in_whatever_order_they_come() {
        let names: Vec<String> = (0..20).map(|i| format!("{:02}", i * 7 % 20)).collect();
        let mut thumbnails = Thumbnails::default();
        for name in &names {
            thumbnails.offer(&reject("blurred", name), || Some(Bytes::from_static(b"x")));
        }
        let kept: Vec<&str> = thumbnails.by_code["blurred"]
            .keys()
            .map(|(_, member)| member.as_str())
            .collect();
        assert_eq!(kept, ["00", "01", "02", "03", "04", "05"]);
    }
}
