//! Pixels in memory: sRGB, eight bits a channel, rows from the top, no padding between rows.

use std::fmt;

use crate::PictureError;

/// An opaque picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Rgb8 {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// `[height, width, 3]`
    pub pixels: Vec<u8>,
}

/// A picture with straight (not premultiplied) alpha.
#[derive(Clone, PartialEq, Eq)]
pub struct Rgba8 {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// `[height, width, 4]`
    pub pixels: Vec<u8>,
}

impl Rgb8 {
    /// A picture of one colour.
    #[must_use]
    pub fn filled(width: u32, height: u32, colour: [u8; 3]) -> Self {
        let n_pixels = width as usize * height as usize;
        Self {
            width,
            height,
            pixels: colour.repeat(n_pixels),
        }
    }

    /// That there are pixels, and that they are `[height, width, 3]`.
    pub(crate) fn check(&self) -> Result<(), PictureError> {
        let n_values = self.pixels.len();
        if n_values > 0 && n_values == self.width as usize * self.height as usize * 3 {
            return Ok(());
        }
        Err(PictureError::Misshapen {
            width: self.width,
            height: self.height,
            n_values,
        })
    }

    /// The colour at a place, counted from the top left.
    ///
    /// # Panics
    /// Outside the picture.
    #[must_use]
    pub fn at(&self, x: u32, y: u32) -> [u8; 3] {
        let start = (y as usize * self.width as usize + x as usize) * 3;
        [
            self.pixels[start],
            self.pixels[start + 1],
            self.pixels[start + 2],
        ]
    }
}

/// Decoded pixels: most pictures let nothing through, and are never given a fourth channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pixels {
    /// Without alpha.
    Opaque(Rgb8),
    /// With alpha, which may be 255 everywhere.
    Alpha(Rgba8),
}

impl Pixels {
    /// Pixels across and down.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Opaque(picture) => (picture.width, picture.height),
            Self::Alpha(picture) => (picture.width, picture.height),
        }
    }

    /// Lays the picture on a colour, see [`Rgba8::on_background`].
    #[must_use]
    pub fn on_background(self, background: [u8; 3]) -> Rgb8 {
        match self {
            Self::Opaque(picture) => picture,
            Self::Alpha(picture) => picture.on_background(background),
        }
    }

    /// The picture with an alpha of 255 where it had none.
    #[must_use]
    pub fn into_rgba(self) -> Rgba8 {
        match self {
            Self::Opaque(picture) => picture.with_alpha(),
            Self::Alpha(picture) => picture,
        }
    }

    /// Whether any pixel lets the background through.
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        matches!(self, Self::Alpha(picture) if picture.is_transparent())
    }
}

impl Rgb8 {
    fn with_alpha(self) -> Rgba8 {
        let mut pixels = Vec::with_capacity(self.pixels.len() / 3 * 4);
        for pixel in self.pixels.chunks_exact(3) {
            pixels.extend_from_slice(&[pixel[0], pixel[1], pixel[2], u8::MAX]);
        }
        Rgba8 {
            width: self.width,
            height: self.height,
            pixels,
        }
    }
}

impl Rgba8 {
    /// Lays the picture on a colour: `out = alpha * picture + (1 - alpha) * background`, in sRGB values, rounded.
    #[must_use]
    pub fn on_background(&self, background: [u8; 3]) -> Rgb8 {
        let mut pixels = Vec::with_capacity(self.pixels.len() / 4 * 3);
        for pixel in self.pixels.chunks_exact(4) {
            if pixel[3] == u8::MAX {
                // Most pictures let nothing through, and then there is nothing to compute.
                pixels.extend_from_slice(&pixel[..3]);
                continue;
            }
            let alpha = u32::from(pixel[3]);
            for (over, under) in pixel[..3].iter().zip(background) {
                let sum = u32::from(*over) * alpha + u32::from(under) * (255 - alpha);
                pixels.push(((sum + 127) / 255) as u8);
            }
        }
        Rgb8 {
            width: self.width,
            height: self.height,
            pixels,
        }
    }

    /// Whether any pixel lets the background through.
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        self.pixels.chunks_exact(4).any(|pixel| pixel[3] != 255)
    }
}

/// The size only: thousands of numbers help nobody.
impl fmt::Debug for Rgb8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rgb8({}x{})", self.width, self.height)
    }
}

/// The size only, as for [`Rgb8`].
impl fmt::Debug for Rgba8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rgba8({}x{})", self.width, self.height)
    }
}
