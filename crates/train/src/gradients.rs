//! Gradients on their way to an optimiser: how long they are, and whether each is finite.

use idiom_torch_ext::{FusedAdam, norms};
use tch::{Device, Kind, Tensor};

use crate::TrainError;

/// A gradient that is not finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The first layer that has one.
    pub(crate) layer: String,
}

/// The length of the whole gradient, and the first layer in which it is not finite.
///
/// # Errors
/// What libtorch throws.
pub(crate) fn checked_norm(
    gradients: &[Tensor],
    adam: &FusedAdam,
) -> Result<(f64, Option<Fault>), TrainError> {
    let lengths = Vec::<f32>::try_from(norms(gradients)?.to_device(Device::Cpu))?;
    let fault = lengths
        .iter()
        .position(|length| !length.is_finite())
        .map(|idx| Fault {
            layer: adam.names()[idx].clone(),
        });
    let square: f64 = lengths
        .iter()
        .map(|length| f64::from(*length).powi(2))
        .sum();
    Ok((square.sqrt(), fault))
}

/// Gradients of the parts of a batch on their way to the whole batch's, which is their mean.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    total: Vec<Tensor>,
    n_parts: u32,
}

impl Sum {
    /// Adds one part's.
    pub(crate) fn add(&mut self, gradients: Vec<Tensor>) {
        self.n_parts += 1;
        if self.n_parts == 1 {
            self.total = gradients;
            return;
        }
        for (total, gradient) in self.total.iter_mut().zip(&gradients) {
            *total = &*total + gradient;
        }
    }

    /// The mean over the parts.
    pub(crate) fn mean(self) -> Vec<Tensor> {
        if self.n_parts < 2 {
            return self.total;
        }
        let n = f64::from(self.n_parts);
        self.total.iter().map(|total| total / n).collect()
    }
}

/// The mean of all entries, for the log.
pub(crate) fn mean(values: &Tensor) -> f64 {
    values.mean(Kind::Double).double_value(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gradient_that_is_not_finite_is_named() {
        let parameter = |name: &str, n| {
            let zeros = Tensor::zeros([n], (Kind::Float, Device::Cpu)).set_requires_grad(true);
            (name.to_owned(), zeros)
        };
        let parameters = vec![parameter("a.weight", 2), parameter("b.weight", 1)];
        let adam = FusedAdam::new(parameters, idiom_torch_ext::AdamConfig::default()).unwrap();
        let good = Tensor::from_slice(&[3.0_f32, 4.0]);
        let finite = [good.shallow_clone(), Tensor::from_slice(&[12.0_f32])];
        let (norm, fault) = checked_norm(&finite, &adam).unwrap();
        assert_eq!((norm, fault), (13.0, None));
        let (_, fault) = checked_norm(&[good, Tensor::from_slice(&[f32::NAN])], &adam).unwrap();
        assert_eq!(fault.unwrap().layer, "b.weight");
    }
}
