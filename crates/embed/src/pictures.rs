//! From pictures to vectors, shard by shard.

use crate::{EmbedError, Event, PictureSummary};
use idiom_dataset::picture_vectors::{PictureVectorsManifest, PictureVectorsWriter};
use idiom_dataset::{Columns, Dataset, Record, Records, ShardEntry};
use idiom_encoders::{EncoderError, PictureEncoder};
use idiom_picture::{Limits, Rgb8, decode};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tch::{Kind, Tensor};

/// Pictures that go through the network together, and are looked at between two looks at the stop flag.
const PICTURES_A_BATCH: usize = 32;
/// What shows through transparent places of pictures that were not made by us.
const PAPER: [u8; 3] = [255, 255, 255];

/// Gives every picture of the dataset its vector by this encoder. Shards that have theirs are left alone.
///
/// # Errors
/// [`EmbedError::Interrupted`] soon after `stop` was set, with the shards that were whole saved;
/// [`EmbedError::Picture`] for one that cannot be decoded; the dataset's and the encoder's own.
pub fn embed_pictures(
    dataset: &Path,
    encoder: &dyn PictureEncoder,
    on: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<PictureSummary, EmbedError> {
    let opened = Dataset::open(dataset)?;
    let shards = &opened.manifest().shards;
    let n_pictures = shards.iter().map(|shard| shard.rows).sum();
    let mut summary = PictureSummary {
        skipped: true,
        encoder: encoder.name().into(),
        n_pictures,
        n_encoded: 0,
    };
    let found = PictureVectorsManifest::of(dataset, encoder.name())?;
    if found.is_some_and(|found| found.is_of(shards, encoder.sha256())) {
        return Ok(summary);
    }
    summary.skipped = false;
    let mut writer =
        PictureVectorsWriter::begin(dataset, encoder.name(), encoder.sha256(), encoder.dim())?;
    on(Event::Started {
        stage: "pictures",
        total: n_pictures,
    });
    let mut n_done = 0;
    for shard in shards {
        if writer.has(shard) {
            on(Event::Advanced(shard.rows));
        } else {
            let Some((keys, vectors)) = of_shard(dataset, shard, encoder, on, stop)? else {
                return Err(EmbedError::Interrupted {
                    dataset: dataset.into(),
                    n_done,
                    n_texts: n_pictures,
                });
            };
            writer.append(shard, &keys, &vectors)?;
            summary.n_encoded += shard.rows;
        }
        n_done += shard.rows;
    }
    writer.finish(shards)?;
    Ok(summary)
}

/// Keys and vectors of a shard's rows; `None` where somebody asked to stop.
#[allow(clippy::type_complexity, reason = "a pair of columns")]
fn of_shard(
    dataset: &Path,
    shard: &ShardEntry,
    encoder: &dyn PictureEncoder,
    on: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<Option<(Vec<String>, Vec<Vec<f32>>)>, EmbedError> {
    let (mut keys, mut vectors) = (Vec::new(), Vec::new());
    let mut records = Records::of_shard(&dataset.join(&shard.path), Columns::All);
    loop {
        let batch: Vec<Record> = records
            .by_ref()
            .take(PICTURES_A_BATCH)
            .collect::<Result<_, _>>()?;
        if batch.is_empty() {
            return Ok(Some((keys, vectors)));
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        on(Event::Advanced(batch.len() as u64));
        let pictures = batch.iter().map(picture).collect::<Result<Vec<_>, _>>()?;
        // A data set that keeps pictures oblong has many sizes; those of one size go together.
        for same in pictures.chunk_by(|a, b| (a.width, a.height) == (b.width, b.height)) {
            vectors.extend(encoder.encode(&tensor(same)?)?);
        }
        keys.extend(batch.into_iter().map(|row| row.key));
    }
}

fn picture(row: &Record) -> Result<Rgb8, EmbedError> {
    let limits = Limits {
        min_side: 1,
        max_aspect: u32::MAX,
        ..Limits::default()
    };
    decode(&row.image, &limits)
        .map(|decoded| decoded.pixels.on_background(PAPER))
        .map_err(|source| EmbedError::Picture {
            key: row.key.clone(),
            source,
        })
}

/// Pictures of one size as `[batch, 3, height, width]` in `[-1, 1]`.
fn tensor(pictures: &[Rgb8]) -> Result<Tensor, EmbedError> {
    let stacked = |pictures: &[Rgb8]| -> Result<Tensor, tch::TchError> {
        let rows = pictures.iter().map(|picture| {
            let shape = [i64::from(picture.height), i64::from(picture.width), 3];
            Tensor::from_slice(&picture.pixels).f_view(shape)
        });
        Tensor::f_stack(&rows.collect::<Result<Vec<_>, _>>()?, 0)?
            .f_permute([0, 3, 1, 2])?
            .f_to_kind(Kind::Float)?
            .f_div_scalar(127.5)?
            .f_sub_scalar(1.0)
    };
    Ok(stacked(pictures).map_err(EncoderError::from)?)
}
