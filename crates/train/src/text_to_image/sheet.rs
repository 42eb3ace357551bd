//! Sheets of sample pictures: the same latents and the same captions each time, captions beneath.
//!
//! A row shows one subject, a column one look of the data set, and each cell's caption is a sentence of the data set that says
//! both; rows take the languages in turn. All cells of a row share one latent, so what differs between them is due to the
//! words. Which rows there are is decided once, by [`plan`]. Not here: when a sheet is due.

mod plan;

use std::path::{Path, PathBuf};

use idiom_dataset::commit;
use idiom_gan::{Draws, Generator};
use idiom_picture::{Rgb8, Tile, encode_png};
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::TrainError;
use crate::captions::TextTable;
use crate::run_folder::RunFolder;

pub(crate) use plan::{Cell, Layout, plan};

/// Pictures drawn at once.
const CHUNK: usize = 32;
/// Smallest side of a picture on the sheet in pixels, so that a caption fits beneath.
const TILE_SIDE: u32 = 128;

/// What is drawn each time.
#[derive(Debug)]
pub(crate) struct Sheet {
    layout: Layout,
    /// `[cells, latent_dim]`
    latents: Tensor,
    /// `[cells, text_dim]`
    texts: Tensor,
    font: Vec<u8>,
}

/// What stands in the file beside the sheet.
#[derive(Debug, Serialize)]
struct Legend<'a> {
    images_seen: u64,
    columns: usize,
    cells: &'a [Cell],
}

impl Sheet {
    /// Fixes latents and text vectors; `font` may be empty, then the sheet bears no text.
    ///
    /// # Errors
    /// What libtorch throws.
    pub(crate) fn new(
        layout: Layout,
        table: &TextTable,
        latent_dim: i64,
        seed: u64,
        font: Vec<u8>,
    ) -> Result<Self, TrainError> {
        let draws = Draws::new(seed, "sheet");
        let rows: Vec<Tensor> = (0..layout.cells.len())
            .map(|cell| draws.normals((cell / layout.columns) as u64, 1, latent_dim))
            .collect();
        let numbers: Vec<i64> = layout
            .cells
            .iter()
            .map(|cell| i64::from(cell.text))
            .collect();
        let texts = table.vectors(&numbers)?;
        let latents = Tensor::f_cat(&rows, 0)?.f_to_device(texts.device())?;
        Ok(Self {
            layout,
            latents,
            texts,
            font,
        })
    }

    /// Draws the sheet and writes it as a PNG with its captions in a JSON file beside it; gives the PNG's path.
    ///
    /// # Errors
    /// What libtorch throws, or a file cannot be written.
    pub(crate) fn write(
        &self,
        generator: &Generator,
        images_seen: u64,
        run: &RunFolder,
    ) -> Result<PathBuf, TrainError> {
        let tiles: Vec<Tile> = self
            .draw(generator)?
            .into_iter()
            .zip(&self.layout.cells)
            .map(|(picture, cell)| Tile {
                picture: enlarged(&picture),
                caption: cell.caption.clone(),
            })
            .collect();
        let path = run.sheet(images_seen);
        self.write_legend(&path.with_extension("json"), images_seen)?;
        commit::write(
            &path,
            &encode_png(&idiom_picture::sheet(
                &tiles,
                self.layout.columns,
                &self.font,
            )),
        )?;
        Ok(path)
    }

    fn draw(&self, generator: &Generator) -> Result<Vec<Rgb8>, TrainError> {
        let n_cells = self.layout.cells.len();
        let mut pictures = Vec::with_capacity(n_cells);
        for first in (0..n_cells).step_by(CHUNK) {
            let length = CHUNK.min(n_cells - first) as i64;
            let (latents, texts) = (
                self.latents.narrow(0, first as i64, length),
                self.texts.narrow(0, first as i64, length),
            );
            let drawn = tch::no_grad(|| generator.forward(&latents, &texts))?;
            pictures.extend(pictures_of(&drawn)?);
        }
        Ok(pictures)
    }

    fn write_legend(&self, path: &Path, images_seen: u64) -> Result<(), TrainError> {
        let legend = Legend {
            images_seen,
            columns: self.layout.columns,
            cells: &self.layout.cells,
        };
        let mut bytes = serde_json::to_vec_pretty(&legend).map_err(|error| TrainError::Io {
            path: path.to_owned(),
            source: error.into(),
        })?;
        bytes.push(b'\n');
        Ok(commit::write(path, &bytes)?)
    }
}

/// `[n, 3, side, side]` in about `[-1, 1]`, clamped only here, to pictures.
fn pictures_of(drawn: &Tensor) -> Result<Vec<Rgb8>, TrainError> {
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
fn enlarged(picture: &Rgb8) -> Rgb8 {
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
