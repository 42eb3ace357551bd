//! Sheets of sample pictures: the same latents and the same captions each time, captions beneath.
//!
//! A row shows one subject, a column one look of the data set, and each cell's caption is a sentence of the data set that says
//! both; rows take the languages in turn. All cells of a row share one latent, so what differs between them is due to the
//! words. Which rows there are is decided once, by [`plan`]. Not here: when a sheet is due.

mod plan;

use std::path::PathBuf;

use idiom_gan::Draws;
use idiom_picture::{Rgb8, Tile};
use tch::Tensor;

use crate::TrainError;
use crate::captions::TextTable;
use crate::run_folder::RunFolder;
use crate::sheet::{self, Legend, enlarged, pictures_of};

pub(crate) use plan::{Layout, plan};

/// Pictures drawn at once.
const CHUNK: usize = 32;

/// Pictures `[n, 3, side, side]` of latents and sentence vectors.
pub(crate) type Drawing<'a> = &'a dyn Fn(&Tensor, &Tensor) -> Result<Tensor, TrainError>;

/// What is drawn each time.
#[derive(Debug)]
pub(crate) struct Sheet {
    layout: Layout,
    /// `[cells, latent_dim]`
    latents: Tensor,
    /// Of each cell ([`TextTable::vectors`])
    texts: Tensor,
    font: Vec<u8>,
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
        generator: Drawing<'_>,
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
        let legend = Legend {
            images_seen,
            columns: self.layout.columns,
            cells: &self.layout.cells,
        };
        sheet::write(&path, &tiles, &self.font, &legend)?;
        Ok(path)
    }

    fn draw(&self, generator: Drawing<'_>) -> Result<Vec<Rgb8>, TrainError> {
        let n_cells = self.layout.cells.len();
        let mut pictures = Vec::with_capacity(n_cells);
        for first in (0..n_cells).step_by(CHUNK) {
            let length = CHUNK.min(n_cells - first) as i64;
            let (latents, texts) = (
                self.latents.narrow(0, first as i64, length),
                self.texts.narrow(0, first as i64, length),
            );
            let drawn = tch::no_grad(|| generator(&latents, &texts))?;
            pictures.extend(pictures_of(&drawn)?);
        }
        Ok(pictures)
    }
}
