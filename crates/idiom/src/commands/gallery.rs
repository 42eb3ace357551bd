//! `idiom gallery`: some pictures in all looks that a model knows, on one sheet. Nothing is picked: every picture, every look.

use super::Session;
use super::studio::{pictures_in, read_picture};
use crate::arguments::Gallery;
use crate::failure::Failure;
use idiom_dataset::commit;
use idiom_model::Described as _;
use idiom_model::restyle::RestyleConfig;
use idiom_picture::{Container, Frame, Rgb8, Rgba8, Scaling, Tile, resize, sheet};
use idiom_studio::{Mark, Options, Origin, Studio, Style, Work, export};
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

/// Transparent pictures lie on white.
const PAPER: [u8; 3] = [255, 255, 255];

impl Session {
    pub(super) fn gallery(&self, arguments: &Gallery) -> Result<String, Failure> {
        let files = pictures_in(&arguments.pictures)?;
        let folder = self.model_of(arguments.run.as_deref(), RestyleConfig::TASK)?;
        let studio = self.studio(&folder)?;
        let words = match arguments.words.as_slice() {
            [] => studio.typical_phrases(arguments.language.as_deref())?,
            words => words.to_vec(),
        };
        let styles = words.iter().map(|words| self.style_of(&studio, words));
        let styles = styles.collect::<Result<Vec<Style>, _>>()?;
        let looks: Vec<(&str, &Style)> = words.iter().map(String::as_str).zip(&styles).collect();
        let options = Options {
            strength: arguments.strength,
            ..Options::default()
        };
        self.screen.started("pictures", files.len() as u64, 0);
        let (mut tiles, mut sums) = (Vec::new(), vec![0.0; looks.len()]);
        for file in &files {
            if self.stop.load(Ordering::Relaxed) {
                let go_on = "no sheet was written".to_owned();
                return Err(Failure::Interrupted { go_on });
            }
            let source = squared(file, arguments.side)?;
            let row = row(&studio, &source, &looks, &options)?;
            let name = file
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            tiles.push(Tile {
                picture: flat(&source),
                caption: name,
            });
            for (sum, (tile, agreement)) in sums.iter_mut().zip(row) {
                *sum += agreement;
                tiles.push(tile);
            }
            self.screen.advanced(1);
        }
        self.screen.finished();
        self.write_sheet(&studio, &tiles, looks.len() + 1, &arguments.out)?;
        let mut lines = vec![format!(
            "{}  {} pictures",
            arguments.out.display(),
            files.len()
        )];
        let means = sums.iter().map(|sum| sum / files.len() as f64 * 100.0);
        let lines_of_looks = looks.iter().zip(means);
        lines.extend(
            lines_of_looks.map(|((words, _), mean)| format!("  agreement {mean:3.0} %  {words}")),
        );
        Ok(lines.join("\n"))
    }

    fn write_sheet(
        &self,
        studio: &Studio,
        tiles: &[Tile],
        columns: usize,
        out: &Path,
    ) -> Result<(), Failure> {
        let font = self.home.font().and_then(|font| fs::read(font).ok());
        let sheet = sheet(tiles, columns, &font.unwrap_or_default());
        let mark = Mark {
            origin: Origin::Restyled,
            model_sha256: studio.model().sha256.clone(),
            words: None,
        };
        let container = idiom_studio::container_of(out)?.unwrap_or(Container::Png);
        let bytes = export(Work::Picture(&opaque(&sheet), container), &mark)?;
        Ok(commit::write(out, &bytes)?)
    }
}

/// One picture in every look, with how well each agrees.
fn row(
    studio: &Studio,
    source: &Rgba8,
    looks: &[(&str, &Style)],
    options: &Options,
) -> Result<Vec<(Tile, f64)>, Failure> {
    let tile = |(words, style): &(&str, &Style)| {
        let restyled = studio.restyle(source, style, options)?;
        let percent = restyled.agreement * 100.0;
        let tile = Tile {
            picture: flat(&restyled.picture),
            caption: format!("{words} ({percent:.0}\u{a0}%)"),
        };
        Ok((tile, restyled.agreement))
    };
    looks.iter().map(tile).collect()
}

/// The centre square of a picture, at a side.
fn squared(file: &Path, side: u32) -> Result<Rgba8, Failure> {
    let picture = flat(&read_picture(file)?);
    let square = resize(picture, side, Frame::Crop, Scaling::UpToo);
    let square = square.map_err(|error| Failure::Error {
        message: format!("{}: {error}", file.display()),
        hint: error.hint(),
    })?;
    Ok(opaque(&square))
}

fn flat(picture: &Rgba8) -> Rgb8 {
    picture.on_background(PAPER)
}

fn opaque(picture: &Rgb8) -> Rgba8 {
    let colours = picture.pixels.chunks_exact(3);
    Rgba8 {
        width: picture.width,
        height: picture.height,
        pixels: colours
            .flat_map(|colour| [colour[0], colour[1], colour[2], 255])
            .collect(),
    }
}
