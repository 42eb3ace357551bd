//! Animated GIFs: all frames of one, and frames to one, with an XMP packet.
//!
//! What is written shares one palette over the whole clip: palettes of their own would let still parts flicker from frame to frame. Colours
//! beyond 256 are found by NeuQuant (Dekker 1994) on a sample of all frames. Not here: what happens to frames in between.

use std::collections::{BTreeSet, HashMap};
use std::io::Cursor;

use color_quant::NeuQuant;
use image::metadata::LoopCount;
use image::{AnimationDecoder as _, ImageDecoder as _};

use crate::decode::guarded;
use crate::sniff::{self, Format};
use crate::{Limits, PictureError, Rgba8};

/// Pixels that the palette is found on, at most.
const SAMPLED: usize = 1 << 18;
/// NeuQuant's pace, from 1 (best) to 30.
const PACE: i32 = 10;
/// Below this alpha a pixel is let through; GIF knows no half.
const OPAQUE: u8 = 128;

/// A moving picture in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Its frames, all of one size.
    pub frames: Vec<ClipFrame>,
    /// How often it is shown; 0 for without end.
    pub n_loops: u16,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipFrame {
    /// The whole picture, whatever part of it the file changed.
    pub picture: Rgba8,
    /// How long it stands, in hundredths of a second.
    pub centiseconds: u16,
}

/// All frames of a GIF; `None` for other formats, and for a GIF that does not move.
///
/// # Errors
/// The bytes break a limit (the memory limit counts all frames together) or the decoder.
pub fn decode_clip(bytes: &[u8], limits: &Limits) -> Result<Option<Clip>, PictureError> {
    limits.check_bytes(bytes)?;
    if sniff::sniff(bytes) != Some(Format::Gif) {
        return Ok(None);
    }
    let clip = guarded(Format::Gif, || frames(bytes, limits))?;
    Ok(Some(clip).filter(|clip| clip.frames.len() > 1))
}

fn frames(bytes: &[u8], limits: &Limits) -> Result<Clip, PictureError> {
    let broken = |error: image::ImageError| PictureError::Broken {
        format: Format::Gif.name(),
        message: error.to_string(),
    };
    let decoder = image::codecs::gif::GifDecoder::new(Cursor::new(bytes)).map_err(broken)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    let n_loops = match decoder.loop_count() {
        LoopCount::Infinite => 0,
        LoopCount::Finite(n) => u16::try_from(n.get()).unwrap_or(0),
    };
    let most = limits.max_memory / (u64::from(width) * u64::from(height) * 4).max(1);
    let mut clip = Clip {
        frames: Vec::new(),
        n_loops,
    };
    for frame in decoder.into_frames() {
        if clip.frames.len() as u64 >= most {
            return Err(PictureError::TooMuchMemory {
                format: Format::Gif.name(),
            });
        }
        let frame = frame.map_err(broken)?;
        let (milliseconds, per) = frame.delay().numer_denom_ms();
        clip.frames.push(ClipFrame {
            centiseconds: (milliseconds / per.max(1) / 10).min(u32::from(u16::MAX)) as u16,
            picture: Rgba8 {
                width,
                height,
                pixels: frame.into_buffer().into_raw(),
            },
        });
    }
    Ok(clip)
}

/// The clip as an animated GIF with `xmp` in it; alpha becomes all or nothing. Equal input gives equal bytes.
///
/// # Errors
/// There is no frame, frames differ in size or have no pixels, or a side is longer than 65,535 pixels.
pub fn encode_marked_gif(clip: &Clip, xmp: &str) -> Result<Vec<u8>, PictureError> {
    let name = Format::Gif.name();
    let size = size_of(clip).map_err(|reason| PictureError::unwritable(name, reason))?;
    let bytes = gif_of(clip, size).map_err(|error| PictureError::unwritable(name, error))?;
    Ok(with_xmp(&bytes, xmp))
}

/// Width and height of every frame, or why there is none that a GIF can say.
fn size_of(clip: &Clip) -> Result<[u16; 2], String> {
    let Some(first) = clip.frames.first() else {
        return Err("a clip needs frames".to_owned());
    };
    let (width, height) = (first.picture.width, first.picture.height);
    let is_whole = |frame: &ClipFrame| {
        let picture = &frame.picture;
        (picture.width, picture.height) == (width, height)
            && picture.pixels.len() == width as usize * height as usize * 4
    };
    if !clip.frames.iter().all(is_whole) {
        return Err("its frames differ in size".to_owned());
    }
    match (u16::try_from(width), u16::try_from(height)) {
        (Ok(width @ 1..), Ok(height @ 1..)) => Ok([width, height]),
        _ => Err(format!("{width}x{height} pixels")),
    }
}

fn gif_of(clip: &Clip, [width, height]: [u16; 2]) -> Result<Vec<u8>, gif::EncodingError> {
    let mut palette = Palette::of(clip);
    let mut bytes = Vec::new();
    let colours = palette.colours.clone();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &colours)?;
    encoder.set_repeat(match clip.n_loops {
        0 => gif::Repeat::Infinite,
        n => gif::Repeat::Finite(n),
    })?;
    for frame in &clip.frames {
        encoder.write_frame(&gif::Frame {
            delay: frame.centiseconds,
            dispose: match palette.transparent {
                Some(_) => gif::DisposalMethod::Background,
                None => gif::DisposalMethod::Keep,
            },
            transparent: palette.transparent,
            width,
            height,
            buffer: palette.indices(&frame.picture).into(),
            ..gif::Frame::default()
        })?;
    }
    drop(encoder);
    Ok(bytes)
}

/// Puts the packet behind the global palette. It is no chain of sub-blocks: readers that do not know it are led over it by the ramp of
/// falling bytes at its end, wherever in it they fall (XMP specification, part 3).
fn with_xmp(bytes: &[u8], xmp: &str) -> Vec<u8> {
    let flags = bytes[10];
    let palette = match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    };
    let (before, after) = bytes.split_at(13 + palette);
    let ramp: Vec<u8> = std::iter::once(1)
        .chain((0..=255).rev())
        .chain([0])
        .collect();
    let head = b"\x21\xff\x0bXMP DataXMP".as_slice();
    [before, head, xmp.as_bytes(), &ramp, after].concat()
}

/// The colours of a clip, and which each pixel takes.
struct Palette {
    /// `[colours, 3]`
    colours: Vec<u8>,
    transparent: Option<u8>,
    quantiser: Option<NeuQuant>,
    known: HashMap<[u8; 3], u8>,
}

impl Palette {
    fn of(clip: &Clip) -> Self {
        let pixels = || {
            clip.frames
                .iter()
                .flat_map(|frame| frame.picture.pixels.chunks_exact(4))
        };
        let is_transparent = pixels().any(|pixel| pixel[3] < OPAQUE);
        let room = 256 - usize::from(is_transparent);
        let mut distinct = BTreeSet::new();
        for pixel in pixels().filter(|pixel| pixel[3] >= OPAQUE) {
            distinct.insert([pixel[0], pixel[1], pixel[2]]);
            if distinct.len() > room {
                break;
            }
        }
        let (mut colours, quantiser, known) = if distinct.len() <= room {
            let numbered = distinct.iter().enumerate();
            let known = numbered.map(|(idx, colour)| (*colour, idx as u8)).collect();
            (
                distinct.iter().flatten().copied().collect::<Vec<u8>>(),
                None,
                known,
            )
        } else {
            let n_pixels = pixels().count();
            let sample: Vec<u8> = pixels()
                .step_by(n_pixels.div_ceil(SAMPLED).max(1))
                .filter(|pixel| pixel[3] >= OPAQUE)
                .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255])
                .collect();
            let quantiser = NeuQuant::new(PACE, room, &sample);
            (quantiser.color_map_rgb(), Some(quantiser), HashMap::new())
        };
        let transparent = is_transparent.then_some((colours.len() / 3) as u8);
        if is_transparent {
            colours.extend([255, 255, 255]);
        }
        Self {
            colours,
            transparent,
            quantiser,
            known,
        }
    }

    fn indices(&mut self, picture: &Rgba8) -> Vec<u8> {
        let pixels = picture.pixels.chunks_exact(4);
        pixels
            .map(|pixel| match self.transparent {
                Some(transparent) if pixel[3] < OPAQUE => transparent,
                _ => self.index([pixel[0], pixel[1], pixel[2]]),
            })
            .collect()
    }

    fn index(&mut self, colour: [u8; 3]) -> u8 {
        let quantiser = self.quantiser.as_ref();
        *self.known.entry(colour).or_insert_with(|| {
            let [red, green, blue] = colour;
            quantiser.map_or(0, |quantiser| {
                quantiser.index_of(&[red, green, blue, 255]) as u8
            })
        })
    }
}
