//! A picture of any size through a network that looks a fixed distance around each cell: in tiles that overlap by more than that
//! distance, so that where tiles meet they agree and no seam shows, while memory stays that of a tile.

use tch::Tensor;

use crate::StudioError;

/// Side of a tile's own part in pixels; a multiple of every stride in use.
const CORE: i64 = 512;
/// What a tile sees around its own part: more than the generator's reach of 4 blocks at a quarter of the size.
pub(crate) const MARGIN: i64 = 96;

/// Applies `network` to `pictures [batch, 3, height, width]`, both sides multiples of its stride. `network` must give the same
/// shape back.
///
/// # Errors
/// What the network gives.
pub(crate) fn in_tiles(
    pictures: &Tensor,
    network: impl Fn(&Tensor) -> Result<Tensor, StudioError>,
) -> Result<Tensor, StudioError> {
    let (height, width) = (pictures.size()[2], pictures.size()[3]);
    if height <= CORE + MARGIN && width <= CORE + MARGIN {
        return network(pictures);
    }
    let mut rows = Vec::new();
    for top in (0..height).step_by(CORE as usize) {
        let mut row = Vec::new();
        for left in (0..width).step_by(CORE as usize) {
            let (down, across) = (Span::of(top, height), Span::of(left, width));
            let seen = pictures.f_narrow(2, down.first, down.length)?.f_narrow(
                3,
                across.first,
                across.length,
            )?;
            let drawn = network(&seen.contiguous())?;
            row.push(drawn.f_narrow(2, down.skipped, down.kept)?.f_narrow(
                3,
                across.skipped,
                across.kept,
            )?);
        }
        rows.push(Tensor::f_cat(&row, 3)?);
    }
    Ok(Tensor::f_cat(&rows, 2)?)
}

/// What one tile sees along one axis, and what of it is kept.
struct Span {
    first: i64,
    length: i64,
    skipped: i64,
    kept: i64,
}

impl Span {
    fn of(start: i64, whole: i64) -> Self {
        let first = (start - MARGIN).max(0);
        let kept = CORE.min(whole - start);
        let end = (start + kept + MARGIN).min(whole);
        Self {
            first,
            length: end - first,
            skipped: start - first,
            kept,
        }
    }
}
