//! Sheets of pictures with their captions beneath, and the legend beside them as JSON. What a sheet shows is each task's.

use std::path::Path;

use idiom_dataset::commit;
use idiom_picture::{Rgb8, Tile, encode_png};
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::TrainError;

/// Smallest side of a picture on the sheet in pixels, so that a caption fits beneath.
const TILE_SIDE: u32 = 128;

/// What stands in the file beside the sheet.
#[derive(Debug, Serialize)]
pub(crate) struct Legend<'a, C> {
    /// Pictures seen when it was drawn.
    pub(crate) images_seen: u64,
    /// Cells a row.
    pub(crate) columns: usize,
    /// What each cell shows, row by row.
    pub(crate) cells: &'a [C],
}

/// Writes the sheet to `path` as a PNG, and its legend beside it; `font` may be empty, then the sheet bears no text.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write<C: Serialize>(
    path: &Path,
    tiles: &[Tile],
    font: &[u8],
    legend: &Legend<'_, C>,
) -> Result<(), TrainError> {
    let beside = path.with_extension("json");
    let mut json = serde_json::to_vec_pretty(legend).map_err(|error| TrainError::Io {
        path: beside.clone(),
        source: error.into(),
    })?;
    json.push(b'\n');
    commit::write(&beside, &json)?;
    let sheet = idiom_picture::sheet(tiles, legend.columns, font);
    Ok(commit::write(path, &encode_png(&sheet)?)?)
}

/// `[n, 3, side, side]` in about `[-1, 1]`, clamped only here, to pictures.
pub(crate) fn pictures_of(drawn: &Tensor) -> Result<Vec<Rgb8>, TrainError> {
    let (n, _, height, width) = drawn.size4()?;
    let bytes = ((drawn + 1.0) * 127.5)
        .clamp(0.0, 255.0)
        .round()
        .to_kind(Kind::Uint8);
    let flat = bytes
        .permute([0, 2, 3, 1])
        .f_to_device(Device::Cpu)?
        .f_contiguous()?;
    let mut pixels = vec![0_u8; flat.numel()];
    flat.f_copy_data(&mut pixels, flat.numel())?;
    let size = pixels.len() / n as usize;
    let picture = |part: &[u8]| Rgb8 {
        width: width as u32,
        height: height as u32,
        pixels: part.to_vec(),
    };
    Ok(pixels.chunks_exact(size).map(picture).collect())
}

/// The picture with every pixel repeated, so that it is judged as it is, not as a filter smooths it.
pub(crate) fn enlarged(picture: &Rgb8) -> Rgb8 {
    let factor = (TILE_SIDE / picture.width.max(1)).max(1) as usize;
    let row_bytes = picture.width as usize * 3;
    let widened = |row: &[u8]| {
        row.chunks_exact(3)
            .flat_map(|pixel| pixel.repeat(factor))
            .collect::<Vec<u8>>()
    };
    let pixels = picture
        .pixels
        .chunks_exact(row_bytes)
        .flat_map(|row| widened(row).repeat(factor))
        .collect();
    Rgb8 {
        width: picture.width * factor as u32,
        height: picture.height * factor as u32,
        pixels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_values_become_bytes_and_are_clamped() {
        let drawn = Tensor::from_slice(&[-1.0_f32, 0.0, 1.0, 7.0, -9.0, 0.5]).view([1, 3, 1, 2]);
        let pictures = pictures_of(&drawn).unwrap();
        assert_eq!(pictures[0].pixels, [0, 255, 0, 128, 255, 191]);
    }

    #[test]
    fn enlarging_repeats_pixels() {
        let picture = Rgb8 {
            width: 64,
            height: 1,
            pixels: (0..192).collect(),
        };
        let large = enlarged(&picture);
        assert_eq!((large.width, large.height), (128, 2));
        assert_eq!(large.pixels[..9], [0, 1, 2, 0, 1, 2, 3, 4, 5]);
    }
}
