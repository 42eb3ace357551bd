//! Sheets of restyled pictures: each row a held-out source, each column a style, asked for in words that were not trained on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use idiom_dataset::{Columns, Dataset, Record, Split};
use idiom_picture::{Rgb8, Tile};
use idiom_spec::experiment::Experiment;
use serde::Serialize;
use tch::{Kind, Tensor};

use super::looks::{Looks, Phrase};
use super::players::Players;
use crate::TrainError;
use crate::captions::TextTable;
use crate::pictures::decode;
use crate::run_folder::RunFolder;
use crate::sheet::{self, Legend, enlarged, pictures_of};

/// Rows looked at to find sources; a sheet of a huge data set does not need to know all of it.
const ROWS_LOOKED_AT: usize = 20_000;

/// What is drawn each time.
#[derive(Debug)]
pub(crate) struct Sheet {
    rows: Vec<SheetRow>,
    /// `[rows, 3, side, side]`, 0 to 255
    sources: Tensor,
    n_styles: usize,
    font: Vec<u8>,
}

#[derive(Debug)]
struct SheetRow {
    /// What the source shows and how.
    caption: String,
    style: String,
    /// Words for each style: text and number in the table.
    words: Vec<(String, u32)>,
}

/// A cell as the legend names it.
#[derive(Debug, Serialize)]
struct Cell {
    /// The words it is drawn from; the source's caption in the first column.
    caption: String,
    /// The style it has, or should have.
    style: String,
}

/// Words of `style` in the `turn`-th language, round and round.
fn words_in_turn(phrases: &[Phrase], style: u32, turn: usize) -> Option<(String, u32)> {
    let of_style = || phrases.iter().filter(move |phrase| phrase.style == style);
    let languages: BTreeSet<&String> = of_style().map(|phrase| &phrase.language).collect();
    let language = *languages.iter().nth(turn % languages.len().max(1))?;
    let mut spoken: Vec<_> = of_style()
        .filter(|phrase| phrase.language == *language)
        .collect();
    spoken.sort();
    let phrase = spoken.get((turn / languages.len()) % spoken.len())?;
    Some((phrase.text.clone(), phrase.number))
}

impl Sheet {
    /// Chooses the sources evenly from the validation split (the training split where there is none).
    ///
    /// # Errors
    /// The data set cannot be read, or holds no picture to show.
    pub(super) fn new(
        dataset: &Dataset,
        looks: &Looks,
        experiment: &Experiment,
        font: Vec<u8>,
    ) -> Result<Self, TrainError> {
        let phrases = match looks.phrases.held_out.is_empty() {
            true => &looks.phrases.trained_on,
            false => &looks.phrases.held_out,
        };
        let split = match dataset.rows(Split::Validation) {
            0 => Split::Train,
            _ => Split::Validation,
        };
        let n_rows = experiment.samples.subjects;
        let records = sources(dataset, split, looks, n_rows)?;
        let side = experiment.resolution as u32;
        let (mut rows, mut pixels) = (Vec::new(), Vec::new());
        for record in records {
            let Some(picture) = decode(&record, side) else {
                continue;
            };
            let turn = rows.len();
            let styles = 0..looks.names.len() as u32;
            let words = styles.filter_map(|style| words_in_turn(phrases, style, turn));
            pixels.extend_from_slice(&picture);
            rows.push(SheetRow {
                caption: record.caption,
                style: record.style.unwrap_or_default(),
                words: words.collect(),
            });
        }
        let side = i64::from(side);
        let sources = Tensor::from_slice(&pixels).f_view([-1, 3, side, side])?;
        Ok(Self {
            n_styles: looks.names.len(),
            rows,
            sources,
            font,
        })
    }

    /// Draws the sheet and writes it as a PNG with its legend beside it; gives the PNG's path.
    ///
    /// # Errors
    /// What libtorch throws, or a file cannot be written.
    pub(super) fn write(
        &self,
        players: &Players,
        table: &TextTable,
        images_seen: u64,
        run: &RunFolder,
    ) -> Result<PathBuf, TrainError> {
        let (mut tiles, mut cells) = (Vec::new(), Vec::new());
        for (idx, row) in self.rows.iter().enumerate() {
            let drawn = self.draw_row(idx, row, players, table)?;
            let captions =
                std::iter::once(&row.caption).chain(row.words.iter().map(|words| &words.0));
            for (column, (picture, caption)) in drawn.iter().zip(captions).enumerate() {
                tiles.push(Tile {
                    picture: enlarged(picture),
                    caption: caption.clone(),
                });
                cells.push(Cell {
                    caption: caption.clone(),
                    style: if column == 0 {
                        row.style.clone()
                    } else {
                        String::new()
                    },
                });
            }
        }
        let legend = Legend {
            images_seen,
            columns: self.n_styles + 1,
            cells: &cells,
        };
        let path = run.sheet(images_seen);
        sheet::write(&path, &tiles, &self.font, &legend)?;
        Ok(path)
    }

    /// The source, then the source in each style.
    fn draw_row(
        &self,
        row_idx: usize,
        row: &SheetRow,
        players: &Players,
        table: &TextTable,
    ) -> Result<Vec<Rgb8>, TrainError> {
        let numbers: Vec<i64> = row.words.iter().map(|words| i64::from(words.1)).collect();
        let texts = table.vectors(&numbers)?;
        let source = self
            .sources
            .narrow(0, row_idx as i64, 1)
            .to_device(texts.device());
        let source = source.to_kind(Kind::Float) / 127.5 - 1.0;
        let drawn = tch::no_grad(|| {
            let style = players.text_head.forward(&texts)?;
            let style = &style * (style.size()[1] as f64).sqrt();
            let repeated = source.repeat([numbers.len() as i64, 1, 1, 1]);
            players.average.forward(&repeated, &style)
        })?;
        pictures_of(&Tensor::f_cat(&[&source, &drawn], 0)?)
    }
}

/// Rows at even distances whose styles take turns.
fn sources(
    dataset: &Dataset,
    split: Split,
    looks: &Looks,
    n_rows: usize,
) -> Result<Vec<Record>, TrainError> {
    let n_looked_at = (dataset.rows(split) as usize).min(ROWS_LOOKED_AT);
    let mut chosen: Vec<Record> = Vec::new();
    for (idx, record) in dataset
        .records(split, Columns::All)
        .take(n_looked_at)
        .enumerate()
    {
        let record = record?;
        let wanted = &looks.names[chosen.len() % looks.names.len()];
        let is_late_enough = idx >= chosen.len() * n_looked_at / n_rows.max(1);
        if is_late_enough && record.style.as_ref() == Some(wanted) {
            chosen.push(record);
        }
        if chosen.len() == n_rows {
            break;
        }
    }
    Ok(chosen)
}
