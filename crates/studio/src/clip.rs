//! Moving pictures: one style for the whole clip, and no flicker that the source has not.
//!
//! The wished style is one vector, and the style that a clip is on its way from is the first frame's, for all frames. The generator averages over
//! nothing, so a part of a frame is drawn by what is near it, whatever else moves; what stands still is kept by `still`.
//! Frames go through one by one, so that a long clip takes no more memory than a short one.

use idiom_picture::Rgba8;
use tch::Tensor;

use crate::still::Still;
use crate::studio::Restyled;
use crate::{Options, Studio, StudioError, Style};

/// A clip on its way through the studio.
#[derive(Debug)]
pub struct Moving<'a> {
    studio: &'a Studio,
    style: &'a Style,
    options: Options,
    own: Option<Tensor>,
    still: Option<Still>,
    before: Option<(Rgba8, Rgba8)>,
    flicker: Flicker,
    agreement: f64,
}

/// How much changes from frame to frame.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Flicker {
    /// Frames seen.
    pub n_frames: u32,
    /// Mean change of a drawn channel from one frame to the next, in levels of 255.
    pub drawn: f64,
    /// The same of the source.
    pub source: f64,
}

impl<'a> Moving<'a> {
    /// A clip that is to be in one style.
    #[must_use]
    pub fn new(studio: &'a Studio, style: &'a Style, options: Options) -> Self {
        Self {
            studio,
            style,
            options,
            own: None,
            still: None,
            before: None,
            flicker: Flicker::default(),
            agreement: 0.0,
        }
    }

    /// The next frame, restyled.
    ///
    /// # Errors
    /// A frame of another size than the first, a strength outside 0 to 1, or what libtorch throws.
    pub fn next(&mut self, frame: &Rgba8) -> Result<Rgba8, StudioError> {
        let is_other_size = self.before.as_ref().is_some_and(|(source, _)| {
            (source.width, source.height) != (frame.width, frame.height)
        });
        if is_other_size {
            return Err(StudioError::NoFrames);
        }
        let own = match self.own.take() {
            Some(own) => own,
            None => self.studio.own_style(frame)?,
        };
        let restyled = (self.studio).restyle_from(frame, Some(&own), self.style, &self.options)?;
        self.own = Some(own);
        let Restyled { picture, agreement } = restyled;
        let drawn = match &mut self.still {
            Some(still) => still.next(frame, &picture),
            None => {
                self.still = Some(Still::new(frame, &picture));
                picture
            }
        };
        self.count(frame, &drawn, agreement);
        self.before = Some((frame.clone(), drawn.clone()));
        Ok(drawn)
    }

    /// How much has changed from frame to frame so far.
    #[must_use]
    pub fn flicker(&self) -> Flicker {
        let n_changes = f64::from(self.flicker.n_frames.saturating_sub(1).max(1));
        Flicker {
            n_frames: self.flicker.n_frames,
            drawn: self.flicker.drawn / n_changes,
            source: self.flicker.source / n_changes,
        }
    }

    /// The mean agreement of the frames so far with the wish, 0 to 1.
    #[must_use]
    pub fn agreement(&self) -> f64 {
        self.agreement / f64::from(self.flicker.n_frames.max(1))
    }

    fn count(&mut self, frame: &Rgba8, drawn: &Rgba8, agreement: f64) {
        self.flicker.n_frames += 1;
        self.agreement += agreement;
        if let Some((source, before)) = &self.before {
            self.flicker.source += change(source, frame);
            self.flicker.drawn += change(before, drawn);
        }
    }
}

/// Mean distance of two pictures' colours, in levels.
fn change(one: &Rgba8, other: &Rgba8) -> f64 {
    let pixels = one.pixels.chunks_exact(4).zip(other.pixels.chunks_exact(4));
    let sum: u64 = pixels
        .flat_map(|(one, other)| one[..3].iter().zip(&other[..3]))
        .map(|(one, other)| u64::from(one.abs_diff(*other)))
        .sum();
    sum as f64 / (one.pixels.len() / 4 * 3).max(1) as f64
}
