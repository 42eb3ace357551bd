//! What stands still in a clip stays still in its drawing.
//!
//! Cameras and palettes let a still wall change by a few levels from frame to frame, and a generator makes lines out of such noise. So each
//! drawn pixel stays as it was while its source, and what is near it, has not moved by more than that from what it was *drawn from*: not from the
//! frame before, so that a slow fade is followed in small steps and nothing drifts away.

use idiom_picture::Rgba8;

/// Largest change of a channel, in levels, that still counts as standing still.
const TOLERANCE: u8 = 6;
/// Pixels around a moved one that are drawn anew with it: most of what the generator sees of it.
const REACH: usize = 12;

/// The drawing as it stands, and what each of its pixels was drawn from.
#[derive(Debug)]
pub(crate) struct Still {
    source: Rgba8,
    drawn: Rgba8,
}

impl Still {
    /// A clip begins.
    pub(crate) fn new(source: &Rgba8, drawn: &Rgba8) -> Self {
        Self {
            source: source.clone(),
            drawn: drawn.clone(),
        }
    }

    /// The next frame: what is left of `drawn` after all that stood still has been put back. Frames must be of one size.
    pub(crate) fn next(&mut self, source: &Rgba8, drawn: &Rgba8) -> Rgba8 {
        let moved = self.moved(source);
        let pixels = moved.iter().enumerate();
        for (place, _) in pixels.filter(|(_, has_moved)| **has_moved) {
            let span = place * 4..place * 4 + 4;
            self.source.pixels[span.clone()].copy_from_slice(&source.pixels[span.clone()]);
            self.drawn.pixels[span.clone()].copy_from_slice(&drawn.pixels[span]);
        }
        self.drawn.clone()
    }

    /// Whether each pixel, or one within reach, has moved.
    fn moved(&self, source: &Rgba8) -> Vec<bool> {
        let pairs = self
            .source
            .pixels
            .chunks_exact(4)
            .zip(source.pixels.chunks_exact(4));
        let moved: Vec<bool> = pairs
            .map(|(one, other)| {
                one.iter()
                    .zip(other)
                    .any(|(a, b)| a.abs_diff(*b) > TOLERANCE)
            })
            .collect();
        let (width, height) = (source.width as usize, source.height as usize);
        let across = spread(&moved, [height, width], [width, 1]);
        spread(&across, [width, height], [1, width])
    }
}

/// Marks all within reach of a mark along one axis: `[lines, length]` of it, and the steps `[line, place]` in `marks`.
fn spread(marks: &[bool], [lines, length]: [usize; 2], [line, place]: [usize; 2]) -> Vec<bool> {
    let mut spread = vec![false; marks.len()];
    for first in (0..lines).map(|idx| idx * line) {
        // How far the last mark still reaches, from the left and then from the right.
        for is_backwards in [false, true] {
            let mut reaches = 0;
            for idx in 0..length {
                let at = if is_backwards { length - 1 - idx } else { idx };
                let at = first + at * place;
                reaches = if marks[at] {
                    REACH + 1
                } else {
                    usize::saturating_sub(reaches, 1)
                };
                spread[at] |= reaches > 0;
            }
        }
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(level: u8) -> Rgba8 {
        Rgba8 {
            width: 60,
            height: 40,
            pixels: [level, level, level, 255].repeat(60 * 40),
        }
    }

    #[test]
    fn noise_below_the_tolerance_changes_nothing() {
        let mut still = Still::new(&flat(100), &flat(10));
        for level in [103, 97, 106, 94] {
            assert_eq!(still.next(&flat(level), &flat(level)), flat(10));
        }
    }

    #[test]
    fn a_slow_fade_is_followed_before_it_is_more_than_the_tolerance_away() {
        let mut still = Still::new(&flat(100), &flat(100));
        for level in 101..=200 {
            let shown = still.next(&flat(level), &flat(level));
            assert!(shown.pixels[0].abs_diff(level) <= TOLERANCE, "{level}");
        }
    }

    #[test]
    fn only_what_is_near_a_moved_pixel_is_drawn_anew() {
        let mut still = Still::new(&flat(100), &flat(10));
        let mut source = flat(100);
        source.pixels[(20 * 60 + 30) * 4] = 200;
        let shown = still.next(&source, &flat(50));
        let is_new = |x: usize, y: usize| shown.pixels[(y * 60 + x) * 4] == 50;
        assert!(is_new(30, 20) && is_new(30 + REACH, 20 - REACH) && is_new(30 - REACH, 20));
        assert!(!is_new(31 + REACH, 20) && !is_new(30, 21 + REACH) && !is_new(29 - REACH, 20));
    }
}
