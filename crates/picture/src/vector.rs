//! SVG to pixels: no fonts, no external files, no scripts, no embedded pictures; only shapes.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{ImageHrefResolver, Options, Tree};

use crate::decode::{Decoded, guarded};
use crate::sniff::Format;
use crate::{Limits, PictureError, Pixels, Rgba8};

/// Draws an SVG into a transparent square of `side` pixels, as large as fits and centred. `currentColor` is black unless
/// the document says otherwise.
///
/// # Errors
/// The document is broken, or larger than the limits allow.
pub fn rasterise(svg: &[u8], side: u32, limits: &Limits) -> Result<Decoded, PictureError> {
    limits.check_bytes(svg)?;
    guarded(Format::Svg, || {
        let tree = parse(svg)?;
        let (width, height) = (tree.size().width(), tree.size().height());
        let scale = side as f32 / width.max(height);
        let (left, top) = (
            (side as f32 - width * scale) / 2.0,
            (side as f32 - height * scale) / 2.0,
        );
        let transform = Transform::from_scale(scale, scale).post_translate(left, top);
        draw(&tree, (side, side), transform)
    })
}

/// Draws an SVG at the size its document gives.
pub(crate) fn at_own_size(svg: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    let tree = parse(svg)?;
    let size = tree.size().to_int_size();
    limits.check_size(size.width(), size.height())?;
    draw(&tree, (size.width(), size.height()), Transform::identity())
}

fn parse(svg: &[u8]) -> Result<Tree, PictureError> {
    let nothing = ImageHrefResolver {
        resolve_data: Box::new(|_, _, _| None),
        resolve_string: Box::new(|_, _| None),
    };
    let options = Options {
        image_href_resolver: nothing,
        ..Options::default()
    };
    Tree::from_data(svg, &options).map_err(|error| PictureError::Broken {
        format: Format::Svg.name(),
        message: error.to_string(),
    })
}

fn draw(
    tree: &Tree,
    (width, height): (u32, u32),
    transform: Transform,
) -> Result<Decoded, PictureError> {
    let mut pixmap = Pixmap::new(width, height).ok_or(PictureError::TooMuchMemory {
        format: Format::Svg.name(),
    })?;
    resvg::render(tree, transform, &mut pixmap.as_mut());
    let own = tree.size().to_int_size();
    Ok(Decoded {
        pixels: Pixels::Alpha(Rgba8 {
            width,
            height,
            pixels: pixmap.take_demultiplied(),
        }),
        format: Format::Svg,
        orig_width: own.width(),
        orig_height: own.height(),
        steps: vec!["rasterised"],
    })
}
