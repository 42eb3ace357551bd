//! The memorisation audit's surroundings: the planted copies by which it is itself tested, its verdict in words, and the picture of the
//! nearest pairs, which a person should look at whatever the numbers say.

use crate::EvaluateError;
use crate::gallery::Gallery;
use crate::metrics::memorisation::{Audit, Nearest};
use idiom_gan::Draws;
use idiom_picture::{Rgb8, Tile, encode_png, sheet as lay_out};
use std::path::Path;
use tch::{Kind, Tensor};

/// Cells of the copying test.
pub(crate) const CELLS: usize = 4;
/// Pairs that are shown.
pub(crate) const SHOWN: usize = 12;
/// The picture's file.
pub(crate) const SHEET: &str = "nearest.png";
/// Columns of the picture: three pairs a line.
const COLUMNS: usize = 6;

/// Features as a generator would leave them that hands back training pictures with a little noise: a twentieth of a feature's deviation.
pub(crate) fn planted(training: &Tensor, n: i64) -> Tensor {
    let total = training.size()[0];
    let rows: Vec<i64> = (0..n).map(|idx| idx * total / n.max(1) % total).collect();
    let copies = training.index_select(0, &Tensor::from_slice(&rows));
    let deviation = training.std_dim(Some([0_i64].as_slice()), true, false);
    let size = copies.size();
    let noise = Draws::new(0, "planted").normals(0, size[0], size[1]);
    (copies + noise * deviation.unsqueeze(0) * 0.05).to_kind(Kind::Float)
}

/// What the numbers mean, in a sentence.
pub(crate) fn verdict(found: &Audit, control: &Audit) -> String {
    if !control.is_copying() {
        return "memorisation: planted copies were not found, so the audit says nothing here"
            .into();
    }
    let found = if found.is_copying() {
        "training pictures are handed back"
    } else {
        "no sign that training pictures are handed back"
    };
    format!("memorisation: {found}; planted copies were found, so the audit can see them")
}

/// Draws the nearest pairs into `folder`.
pub(crate) fn sheet(
    pairs: &[Nearest],
    drawn: &dyn Fn(usize) -> Result<Rgb8, EvaluateError>,
    training: &Gallery,
    font: &[u8],
    folder: &Path,
) -> Result<(), EvaluateError> {
    let mut tiles = Vec::with_capacity(2 * pairs.len());
    for pair in pairs {
        tiles.push(Tile {
            picture: drawn(pair.drawn)?,
            caption: format!("drawn, {:.2} away", pair.distance),
        });
        let own = crate::gallery::signed(&training.pixels.get(pair.training as i64));
        tiles.push(Tile {
            picture: crate::gallery::pixels_of(&own)?,
            caption: training.rows[pair.training].key.clone(),
        });
    }
    let picture = encode_png(&lay_out(&tiles, COLUMNS, font))?;
    idiom_dataset::commit::write(&folder.join(SHEET), &picture)?;
    Ok(())
}
