//! Brightness, saturation and contrast, each picture by its own amounts (DiffAugment's `color`).

use tch::{Device, Kind, Tensor};

/// Amounts for each sample, as tensors `[batch, 1, 1, 1]`.
#[derive(Debug)]
pub struct Jitter {
    /// Added to every channel; 0 changes nothing.
    pub brightness: Tensor,
    /// Factor on the distance from the pixel's grey; 1 changes nothing.
    pub saturation: Tensor,
    /// Factor on the distance from the picture's mean; 1 changes nothing.
    pub contrast: Tensor,
}

impl Jitter {
    /// Amounts from three numbers in `[0, 1)` a sample: brightness within +-0.5, saturation 0 to 2, contrast 0.5 to 1.5, all
    /// brought nearer to "no change" by `strength` below 1.
    #[must_use]
    pub fn from_uniforms(uniforms: &[Vec<f64>], strength: f64) -> Self {
        let column = |idx: usize, amount: &dyn Fn(f64) -> f64| {
            let values: Vec<f32> = uniforms
                .iter()
                .map(|sample| amount(sample[idx]) as f32)
                .collect();
            Tensor::from_slice(&values).view([-1, 1, 1, 1])
        };
        Self {
            brightness: column(0, &|u| strength * (u - 0.5)),
            saturation: column(1, &|u| 1.0 + strength * (2.0 * u - 1.0)),
            contrast: column(2, &|u| 1.0 + strength * (u - 0.5)),
        }
    }

    /// Brightness, then saturation, then contrast, on `pictures [batch, 3, side, side]`.
    pub fn apply(&self, pictures: &Tensor) -> Tensor {
        let brighter = pictures + &self.brightness;
        let grey = brighter.mean_dim([1_i64].as_slice(), true, Kind::Float);
        let saturated = (&brighter - &grey) * &self.saturation + grey;
        let mean = saturated.mean_dim([1_i64, 2, 3].as_slice(), true, Kind::Float);
        (&saturated - &mean) * &self.contrast + mean
    }

    pub(super) fn to_device(&self, device: Device) -> Self {
        Self {
            brightness: self.brightness.to_device(device),
            saturation: self.saturation.to_device(device),
            contrast: self.contrast.to_device(device),
        }
    }
}
