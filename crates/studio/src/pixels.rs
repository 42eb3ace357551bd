//! Drawn values to the bytes of a picture.

use tch::{Device, Kind, Tensor};

use crate::StudioError;

/// `[3, height, width]` in about `[-1, 1]`, clamped and rounded, to `[height, width, 3]` bytes.
///
/// # Errors
/// What libtorch throws.
pub(crate) fn colours(drawn: &Tensor) -> Result<Vec<u8>, StudioError> {
    let bytes = ((drawn + 1.0) * 127.5)
        .clamp(0.0, 255.0)
        .round()
        .to_kind(Kind::Uint8);
    let flat = bytes
        .permute([1, 2, 0])
        .f_to_device(Device::Cpu)?
        .f_contiguous()?;
    let mut colours = vec![0_u8; flat.numel()];
    flat.f_copy_data(&mut colours, flat.numel())?;
    Ok(colours)
}
