//! A contact sheet: pictures in a grid, each with its caption beneath, so that a person can judge many at a glance.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

use crate::Rgb8;
use crate::resize::place;

const PAPER: [u8; 3] = [255, 255, 255];
const INK: [u8; 3] = [40, 40, 40];
const GAP: u32 = 6;
const TEXT_HEIGHT: f32 = 12.0;
const LINE_HEIGHT: u32 = 15;
/// Lines of caption before the rest is left out.
const MAX_LINES: usize = 3;

/// One picture of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// The picture; its cell is as large as the sheet's largest.
    pub picture: Rgb8,
    /// What is written beneath; may be empty.
    pub caption: String,
}

/// Lays tiles out row by row. Captions are set in `font` (the bytes of a TrueType or OpenType file), broken to the
/// width of the cell and cut after three lines; without a readable font the sheet has no text.
#[must_use]
pub fn sheet(tiles: &[Tile], columns: usize, font: &[u8]) -> Rgb8 {
    let font = FontRef::try_from_slice(font).ok();
    let columns = columns.max(1).min(tiles.len().max(1));
    let cell_width = tiles
        .iter()
        .map(|tile| tile.picture.width)
        .max()
        .unwrap_or(1);
    let cell_height = tiles
        .iter()
        .map(|tile| tile.picture.height)
        .max()
        .unwrap_or(1);
    let captions: Vec<Vec<String>> = tiles
        .iter()
        .map(|tile| {
            font.as_ref()
                .map_or_else(Vec::new, |font| lines(&tile.caption, font, cell_width))
        })
        .collect();
    let text_lines = captions.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let (step_x, step_y) = (
        cell_width + GAP,
        cell_height + GAP + text_lines * LINE_HEIGHT,
    );
    let n_rows = tiles.len().div_ceil(columns).max(1) as u32;
    let mut sheet = Rgb8::filled(GAP + columns as u32 * step_x, GAP + n_rows * step_y, PAPER);
    for (i, (tile, caption)) in tiles.iter().zip(&captions).enumerate() {
        let left = GAP + (i % columns) as u32 * step_x;
        let top = GAP + (i / columns) as u32 * step_y;
        place(&mut sheet, &tile.picture, left, top);
        for (n, line) in caption.iter().enumerate() {
            let Some(font) = &font else { break };
            write(
                &mut sheet,
                line,
                font,
                (left, top + cell_height + 2 + n as u32 * LINE_HEIGHT),
            );
        }
    }
    sheet
}

/// The caption in lines no wider than `width` pixels, broken at spaces where there are any, else between characters.
fn lines(caption: &str, font: &FontRef<'_>, width: u32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for character in caption.chars() {
        line.push(character);
        if text_width(&line, font) <= width as f32 {
            continue;
        }
        let cut = match line.trim_end().rfind(' ') {
            Some(space) if space > 0 => space,
            _ if line.chars().nth(1).is_some() => line.len() - character.len_utf8(),
            _ => line.len(),
        };
        let rest = line.split_off(cut);
        lines.push(std::mem::replace(&mut line, rest.trim_start().to_owned()));
    }
    if !line.trim().is_empty() {
        lines.push(line);
    }
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES);
        if let Some(last) = lines.last_mut() {
            last.pop();
            last.push('…');
        }
    }
    lines
}

fn text_width(text: &str, font: &FontRef<'_>) -> f32 {
    let font = font.as_scaled(PxScale::from(TEXT_HEIGHT));
    text.chars()
        .map(|character| font.h_advance(font.glyph_id(character)))
        .sum()
}

fn write(sheet: &mut Rgb8, text: &str, font: &FontRef<'_>, (left, top): (u32, u32)) {
    let scale = PxScale::from(TEXT_HEIGHT);
    let scaled = font.as_scaled(scale);
    let mut x = left as f32;
    let baseline = top as f32 + scaled.ascent();
    for character in text.chars() {
        let glyph = font
            .glyph_id(character)
            .with_scale_and_position(scale, point(x, baseline));
        x += scaled.h_advance(glyph.id);
        if let Some(outline) = font.outline_glyph(glyph) {
            let bounds = outline.px_bounds();
            outline.draw(|dx, dy, coverage| {
                blend(
                    sheet,
                    (
                        bounds.min.x as i64 + i64::from(dx),
                        bounds.min.y as i64 + i64::from(dy),
                    ),
                    coverage,
                );
            });
        }
    }
}

fn blend(sheet: &mut Rgb8, (x, y): (i64, i64), coverage: f32) {
    if !(0..i64::from(sheet.width)).contains(&x) || !(0..i64::from(sheet.height)).contains(&y) {
        return;
    }
    let start = (y as usize * sheet.width as usize + x as usize) * 3;
    for (value, ink) in sheet.pixels[start..start + 3].iter_mut().zip(INK) {
        *value = (f32::from(*value) * (1.0 - coverage) + f32::from(ink) * coverage).round() as u8;
    }
}
