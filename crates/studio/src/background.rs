//! The background of a picture: what of it is left as it was.

use std::collections::VecDeque;

use idiom_picture::Rgb8;

/// Largest difference to the border's colour, in levels a channel, that still counts as background.
const TOLERANCE: u8 = 24;

/// What happens to the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Background {
    /// It is restyled like everything else.
    #[default]
    Restyled,
    /// It stays: the part that is transparent, else the part of one colour that touches the border.
    Kept,
}

/// Whether each pixel belongs to the background: the region that reaches in from the border in about the border's most frequent
/// colour.
pub(crate) fn background(picture: &Rgb8) -> Vec<bool> {
    let (width, height) = (picture.width, picture.height);
    let colour = border_colour(picture);
    let is_near = |x: u32, y: u32| {
        let pixel = picture.at(x, y);
        pixel
            .iter()
            .zip(colour)
            .all(|(one, other)| one.abs_diff(other) <= TOLERANCE)
    };
    let mut is_background = vec![false; width as usize * height as usize];
    let mut waiting: VecDeque<(u32, u32)> = border(picture).collect();
    while let Some((x, y)) = waiting.pop_front() {
        let place = y as usize * width as usize + x as usize;
        if is_background[place] || !is_near(x, y) {
            continue;
        }
        is_background[place] = true;
        waiting.extend((x > 0).then(|| (x - 1, y)));
        waiting.extend((y > 0).then(|| (x, y - 1)));
        waiting.extend((x + 1 < width).then_some((x + 1, y)));
        waiting.extend((y + 1 < height).then_some((x, y + 1)));
    }
    is_background
}

fn border(picture: &Rgb8) -> impl Iterator<Item = (u32, u32)> {
    let (width, height) = (picture.width, picture.height);
    let rows = (0..width).flat_map(move |x| [(x, 0), (x, height - 1)]);
    let columns = (0..height).flat_map(move |y| [(0, y), (width - 1, y)]);
    rows.chain(columns)
}

/// The most frequent colour of the border, counted in coarse steps; the median of those within.
fn border_colour(picture: &Rgb8) -> [u8; 3] {
    let mut counts = std::collections::BTreeMap::<[u8; 3], Vec<[u8; 3]>>::new();
    for (x, y) in border(picture) {
        let pixel = picture.at(x, y);
        counts
            .entry(pixel.map(|value| value / 32))
            .or_default()
            .push(pixel);
    }
    let most = counts
        .into_values()
        .max_by_key(Vec::len)
        .unwrap_or_default();
    [0, 1, 2].map(|channel| {
        let mut values: Vec<u8> = most.iter().map(|pixel| pixel[channel]).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(255)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_stops_at_a_line_and_leaves_what_is_inside_alone() {
        // A black square frame on white; inside it is white again, but does not touch the border.
        let mut picture = Rgb8::filled(9, 9, [255; 3]);
        for x in 2..7 {
            for y in 2..7 {
                if x == 2 || x == 6 || y == 2 || y == 6 {
                    let start = (y * 9 + x) * 3;
                    picture.pixels[start..start + 3].fill(0);
                }
            }
        }
        let found = background(&picture);
        assert!(found[0] && found[8 * 9 + 4], "the outside");
        assert!(!found[4 * 9 + 4], "the inside");
        assert_eq!(found.iter().filter(|is_it| **is_it).count(), 81 - 25);
    }
}
