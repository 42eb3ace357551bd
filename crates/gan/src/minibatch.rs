//! Operations that couple samples: the minibatch standard deviation, and texts swapped for the mismatched pair.
//!
//! Both work within fixed groups of 4 consecutive samples, whatever the batch size, so that the same samples mean the same
//! mathematics on one process or many, and with or without gradient accumulation.

use crate::GanError;
use tch::{Kind, Tensor};

/// Samples that see one another.
pub const GROUP: i64 = 4;

/// Added to the variance inside the root: without it the root's second derivative is infinite where a group agrees.
const EPSILON: f64 = 1e-6;

/// Appends one channel that holds, for every sample, the standard deviation within its group, averaged over all channels and
/// cells (Karras et al. 2018, arXiv:1710.10196): a generator that draws one picture for all is found out at once.
///
/// `features [batch, channels, height, width]` to `[batch, channels + 1, height, width]` of `f32`, whatever the input's type: the
/// variance of a group that nearly agrees has few digits left.
///
/// # Errors
/// A batch that is no multiple of 4.
pub fn with_group_deviation(features: &Tensor) -> Result<Tensor, GanError> {
    let size = features.size();
    check_groups("features", features)?;
    let features = &features.to_kind(Kind::Float);
    let groups = features.view([&[-1, GROUP], &size[1..]].concat().as_slice());
    let deviation = (groups.var_dim([1_i64].as_slice(), false, false) + EPSILON).sqrt();
    let per_group = deviation.mean_dim([1_i64, 2, 3].as_slice(), false, Kind::Float);
    let channel = per_group
        .repeat_interleave_self_int(GROUP, 0, None)
        .view([-1, 1, 1, 1]);
    Ok(Tensor::cat(
        &[
            features,
            &channel.expand([size[0], 1, size[2], size[3]], false),
        ],
        1,
    ))
}

/// Gives every sample the text of another sample of its group: `shift` places further on, round the group.
///
/// `text [batch, text_dim]`; `shift` is taken modulo 3 plus 1, so that any number is allowed and no sample keeps its text.
///
/// # Errors
/// A batch that is no multiple of 4.
pub fn mismatched(text: &Tensor, shift: u64) -> Result<Tensor, GanError> {
    check_groups("text", text)?;
    let size = text.size();
    let shift = i64::try_from(shift % 3).unwrap_or(0) + 1;
    let groups = text.view([&[-1, GROUP], &size[1..]].concat().as_slice());
    Ok(groups
        .roll([shift].as_slice(), [1_i64].as_slice())
        .reshape(size.as_slice()))
}

pub(crate) fn check_groups(name: &'static str, tensor: &Tensor) -> Result<(), GanError> {
    let found = tensor.size().first().copied().unwrap_or(0);
    if found > 0 && found % GROUP == 0 {
        return Ok(());
    }
    Err(GanError::Group { name, found })
}
