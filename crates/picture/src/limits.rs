//! What is refused before any pixel is decoded.

use crate::PictureError;

/// Bounds on a foreign picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_bytes: u64,
    /// Most pixels, width times height.
    pub max_pixels: u64,
    /// Most memory that the decoded pixels may take, in bytes; what is done with them then takes as much again at most.
    pub max_memory: u64,
    /// Shortest side, in pixels.
    pub min_side: u32,
    /// How many times longer one side may be than the other.
    pub max_aspect: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            max_pixels: 64_000_000,
            max_memory: 256 << 20,
            min_side: 8,
            max_aspect: 16,
        }
    }
}

impl Limits {
    pub(crate) fn check_bytes(&self, bytes: &[u8]) -> Result<(), PictureError> {
        let found = bytes.len() as u64;
        match found {
            0 => Err(PictureError::Empty),
            _ if found > self.max_bytes => Err(PictureError::TooManyBytes {
                found,
                limit: self.max_bytes,
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), PictureError> {
        let (short, long) = (width.min(height), width.max(height));
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(PictureError::TooManyPixels {
                width,
                height,
                limit: self.max_pixels,
            });
        }
        if short < self.min_side.max(1) {
            return Err(PictureError::TooSmall {
                width,
                height,
                limit: self.min_side.max(1),
            });
        }
        if u64::from(long) > u64::from(short) * u64::from(self.max_aspect) {
            return Err(PictureError::TooElongated {
                width,
                height,
                limit: self.max_aspect,
            });
        }
        Ok(())
    }
}
