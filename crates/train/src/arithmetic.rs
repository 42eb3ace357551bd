//! With how many digits the networks of a run are computed, as its experiment says it.

use idiom_gan::GanError;
use idiom_spec::experiment::{Experiment, Precision};
use idiom_torch_ext::{cpu_multiplies_bf16, in_bf16, set_tf32};
use tch::Device;

use crate::TrainError;

/// The digits of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arithmetic {
    device: Device,
    precision: Precision,
}

impl Arithmetic {
    /// Switches TF32 for the whole process, and keeps what each pass must do itself.
    ///
    /// # Errors
    /// The device or the task has no such digits, with the reason.
    pub(crate) fn of(experiment: &Experiment, device: Device) -> Result<Self, TrainError> {
        let precision = digits_on(device, experiment.train.precision)?;
        let contradiction = match precision {
            Precision::Tf32 if !device.is_cuda() => Some((
                "train.precision: tf32",
                "train.device: cpu",
                "only CUDA has TF32; take `f32`, or `bf16`",
            )),
            _ => None,
        };
        if let Some((first, second, reason)) = contradiction {
            return Err(TrainError::Gan(GanError::Combination {
                first: first.to_owned(),
                second: second.to_owned(),
                reason,
            }));
        }
        set_tf32(precision == Precision::Tf32)?;
        Ok(Self { device, precision })
    }

    /// Its name, as an experiment would ask for it; never `auto`.
    pub(crate) fn name(self) -> &'static str {
        match self.precision {
            Precision::Bf16 => "bf16",
            Precision::Tf32 => "tf32",
            Precision::F32 | Precision::Auto => "f32",
        }
    }

    /// Does a pass through networks in the run's digits; what comes out may be bf16. Not for passes whose gradient is penalised, and so
    /// differentiated once more: those are always `f32`.
    ///
    /// # Errors
    /// What `pass` gives, or what libtorch throws.
    pub(crate) fn pass<T>(
        self,
        pass: impl FnOnce() -> Result<T, TrainError>,
    ) -> Result<T, TrainError> {
        match self.precision {
            Precision::Bf16 => in_bf16(self.device, pass)?,
            Precision::F32 | Precision::Tf32 | Precision::Auto => pass(),
        }
    }
}

/// What `auto` means on a device; all else is itself.
///
/// # Errors
/// What libtorch throws.
fn digits_on(device: Device, asked: Precision) -> Result<Precision, TrainError> {
    Ok(match asked {
        Precision::Auto if device == Device::Cpu && cpu_multiplies_bf16()? => Precision::Bf16,
        Precision::Auto => Precision::F32,
        asked => asked,
    })
}
