//! Colour profiles: pixels that mean another RGB space are moved into sRGB.
//!
//! Only RGB profiles are followed. JPEG in CMYK has been turned into RGB by the decoder already, so its printer's profile
//! no longer fits; grey profiles differ from sRGB by a tone curve that pictures for the screen share.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::Pixels;

/// Pixels moved at once: a second picture as large as the largest would be too much memory.
const AT_ONCE: usize = 1 << 16;

/// Moves the pixels into sRGB; `false` where the profile is broken, not RGB, or already sRGB, and nothing was changed.
pub(crate) fn to_srgb(picture: &mut Pixels, profile: &[u8]) -> bool {
    let Ok(profile) = ColorProfile::new_from_slice(profile) else {
        return false;
    };
    let srgb = ColorProfile::new_srgb();
    if profile.color_space != DataColorSpace::Rgb || is_like(&profile, &srgb) {
        return false;
    }
    let (layout, pixel_bytes, pixels) = match picture {
        Pixels::Opaque(picture) => (Layout::Rgb, 3, &mut picture.pixels),
        Pixels::Alpha(picture) => (Layout::Rgba, 4, &mut picture.pixels),
    };
    let options = TransformOptions::default();
    let Ok(transform) = profile.create_transform_8bit(layout, &srgb, layout, options) else {
        return false;
    };
    let mut before = Vec::new();
    for part in pixels.chunks_mut(AT_ONCE * pixel_bytes) {
        before.clear();
        before.extend_from_slice(part);
        // Fails for lengths that do not match only, so that it fails at once or never.
        if transform.transform(&before, part).is_err() {
            return false;
        }
    }
    true
}

/// Whether the primaries are sRGB's to within a profile's rounding.
fn is_like(profile: &ColorProfile, srgb: &ColorProfile) -> bool {
    let primaries = |p: &ColorProfile| {
        [p.red_colorant, p.green_colorant, p.blue_colorant].map(|xyz| [xyz.x, xyz.y, xyz.z])
    };
    profile.is_matrix_shaper()
        && primaries(profile)
            .iter()
            .flatten()
            .zip(primaries(srgb).iter().flatten())
            .all(|(a, b)| (a - b).abs() < 2e-3)
}
