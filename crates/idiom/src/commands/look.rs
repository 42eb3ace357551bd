//! `idiom report` and `idiom search`: a data set on one page, and its pictures by words.

use super::Session;
use crate::arguments::{Report, Search};
use crate::failure::Failure;
use idiom_embed::{Found, SearchOptions};
use idiom_picture::{Limits, Tile, decode, encode_png, sheet};
use std::path::{Path, PathBuf};
use tch::Device;

/// Pictures beside each other on a sheet of what was found.
const COLUMNS: usize = 6;
/// What shows through transparent places.
const PAPER: [u8; 3] = [255, 255, 255];

impl Session {
    pub(super) fn report(&self, arguments: &Report) -> Result<String, Failure> {
        let folder = self.home.dataset(&arguments.dataset);
        let out = self.page_of(&folder, arguments.out.as_deref(), "reports", "html");
        let show = |event| self.show_ingest(event);
        let written = idiom_ingest::report(&folder, &out, &show, &self.stop);
        self.ended(written)?;
        Ok(format!("report: {}", out.display()))
    }

    pub(super) fn search(&self, arguments: &Search) -> Result<String, Failure> {
        let folder = self.home.dataset(&arguments.dataset);
        let encoder =
            idiom_encoders::load(&arguments.encoder, &self.home.locations(), Device::Cpu)?;
        let options = SearchOptions {
            texts: arguments.texts,
            rows_a_text: COLUMNS,
        };
        let found = idiom_embed::search(&folder, encoder.as_ref(), &arguments.words, options)?;
        if found.is_empty() {
            return Ok("nothing was found".to_owned());
        }
        let mut text: String = found.iter().map(line).collect();
        let out = self.page_of(&folder, arguments.out.as_deref(), "searches", "png");
        self.draw(&found, &out)?;
        text += &format!("pictures: {}", out.display());
        Ok(text)
    }

    /// The file that was asked for, or one in `data` that is named after the data set.
    fn page_of(&self, folder: &Path, asked: Option<&Path>, kind: &str, end: &str) -> PathBuf {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let own = || {
            self.home
                .root()
                .join("data")
                .join(kind)
                .join(format!("{name}.{end}"))
        };
        asked.map_or_else(own, Path::to_path_buf)
    }

    /// One row of pictures for each text.
    fn draw(&self, found: &[Found], out: &Path) -> Result<(), Failure> {
        let font = self
            .home
            .font()
            .and_then(|font| std::fs::read(font).ok())
            .unwrap_or_default();
        let mut tiles = Vec::new();
        for one in found {
            let pictures: Vec<_> = one
                .rows
                .iter()
                .filter_map(|row| decode(&row.image, &Limits::default()).ok())
                .map(|decoded| decoded.pixels.on_background(PAPER))
                .collect();
            let Some(first) = pictures.first() else {
                continue;
            };
            let blank = idiom_picture::Rgb8::filled(first.width, first.height, PAPER);
            for column in 0..COLUMNS {
                let caption = if column == 0 {
                    format!("{:.2} {}", one.score, one.caption.text)
                } else {
                    String::new()
                };
                let picture = pictures.get(column).unwrap_or(&blank).clone();
                tiles.push(Tile { picture, caption });
            }
        }
        let png = encode_png(&sheet(&tiles, COLUMNS, &font))?;
        Ok(idiom_dataset::commit::write(out, &png)?)
    }
}

fn line(found: &Found) -> String {
    let Found {
        score,
        caption,
        n_rows,
        rows,
    } = found;
    let keys: Vec<&str> = rows.iter().take(3).map(|row| row.key.as_str()).collect();
    let more = if *n_rows > keys.len() as u64 {
        ", ..."
    } else {
        ""
    };
    format!(
        "{score:6.3}  {:<10} {:<9} {}\n        {n_rows} pictures: {}{more}\n",
        caption.lang,
        caption.kind,
        caption.text,
        keys.join(", ")
    )
}
