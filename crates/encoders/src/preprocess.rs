//! From pictures in `[-1, 1]` to the pixels that a network was trained on, as its `preprocessor_config.json` says: the shorter side
//! scaled (bicubic with a low-pass, rounded to eight bits as Pillow does), the centre cut out, colours centred and scaled.

use crate::EncoderError;
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use tch::{Device, Kind, TchError, Tensor};

/// CLIP's colours in `[0, 1]`.
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const DEVIATION: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];
/// Pillow's numbers of the filters.
const BILINEAR: i64 = 2;
const BICUBIC: i64 = 3;

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Config {
    size: Value,
    crop_size: Value,
    image_mean: [f32; 3],
    image_std: [f32; 3],
    resample: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            size: Value::Null,
            crop_size: Value::Null,
            image_mean: MEAN,
            image_std: DEVIATION,
            resample: BICUBIC,
        }
    }
}

/// What is done to a picture.
pub(crate) struct Preprocess {
    /// Of the scaled picture's shorter side.
    short_side: i64,
    /// Of the square in the middle.
    side: i64,
    is_bicubic: bool,
    mean: Tensor,
    deviation: Tensor,
}

impl Preprocess {
    /// `side`: what the network takes; the file must cut out a square of this side.
    pub(crate) fn read(
        path: &Path,
        json: &[u8],
        side: i64,
        device: Device,
    ) -> Result<Self, EncoderError> {
        let config: Config =
            serde_json::from_slice(json).map_err(|reason| EncoderError::damaged(path, reason))?;
        let unsupported = |reason| EncoderError::Unsupported {
            path: path.into(),
            reason,
        };
        if ![BILINEAR, BICUBIC].contains(&config.resample) {
            let reason = format!("`resample` is {}, but must be 2 or 3", config.resample);
            return Err(unsupported(reason));
        }
        let cut = length(&config.crop_size, "height").unwrap_or(side);
        let short_side = length(&config.size, "shortest_edge").unwrap_or(side);
        if cut != side || short_side < side {
            let reason =
                format!("gives squares of {cut} from {short_side}, but `image_size` is {side}");
            return Err(unsupported(reason));
        }
        if config.image_std.iter().any(|deviation| *deviation <= 0.0) {
            return Err(unsupported("`image_std` must be above 0".into()));
        }
        let colours = |values: &[f32]| {
            Tensor::from_slice(values)
                .view([1, 3, 1, 1])
                .to_device(device)
        };
        Ok(Self {
            short_side,
            side,
            is_bicubic: config.resample == BICUBIC,
            mean: colours(&config.image_mean),
            deviation: colours(&config.image_std),
        })
    }

    /// `[batch, 3, height, width]` in `[-1, 1]` -> `[batch, 3, side, side]`.
    pub(crate) fn apply(&self, pictures: &Tensor) -> Result<Tensor, TchError> {
        let unit = pictures.f_add_scalar(1.0)?.f_mul_scalar(0.5)?;
        let (_, _, height, width) = unit.size4()?;
        let short = height.min(width).max(1);
        let scaled = if short == self.short_side {
            unit
        } else {
            self.scaled(
                &unit,
                [height, width].map(|side| self.short_side * side / short),
            )?
        };
        let (_, _, height, width) = scaled.size4()?;
        let cut = scaled
            .f_narrow(2, (height - self.side) / 2, self.side)?
            .f_narrow(3, (width - self.side) / 2, self.side)?;
        cut.f_sub(&self.mean)?.f_div(&self.deviation)
    }

    fn scaled(&self, unit: &Tensor, size: [i64; 2]) -> Result<Tensor, TchError> {
        let scaled = if self.is_bicubic {
            unit.f_internal_upsample_bicubic2d_aa(size, false, None, None)?
        } else {
            unit.f_internal_upsample_bilinear2d_aa(size, false, None, None)?
        };
        scaled
            .f_mul_scalar(255.0)?
            .f_round()?
            .f_clamp(0.0, 255.0)?
            .f_div_scalar(255.0)?
            .f_to_kind(Kind::Float)
    }
}

/// A length, given as a number or as an object with this key.
fn length(value: &Value, key: &str) -> Option<i64> {
    value.as_i64().or_else(|| value.get(key)?.as_i64())
}
