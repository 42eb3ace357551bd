//! Adam (Kingma & Ba 2015, arXiv:1412.6980) in libtorch's fused kernel, with moments that have names.
//!
//! `tch`'s optimisers hide their state, so a resumed run would restart its moments. Here each moment is an ordinary tensor
//! that can be saved under its parameter's name and put back. Gradients come in as a list, so that nothing has to be zeroed and a
//! generator's step never fills the discriminator's gradients. Learning-rate schedules are not here: the caller sets the rate.

use crate::ffi::{self, AdamTensors};
use crate::{TorchError, tensors};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor, nn};

/// Adam's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Step size, above 0.
    pub learning_rate: f64,
    /// Decay of the first moment, in `[0, 1)`; GANs take 0.
    pub beta1: f64,
    /// Decay of the second moment, in `[0, 1)`.
    pub beta2: f64,
    /// Added to the root of the second moment, above 0.
    pub epsilon: f64,
    /// L2 pull added to the gradient, 0 or above; 0 switches it off.
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta1: 0.0,
            beta2: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

impl AdamConfig {
    fn check(&self) -> Result<(), TorchError> {
        let rules = [
            (
                "learning_rate",
                self.learning_rate,
                self.learning_rate > 0.0,
                "above 0",
            ),
            (
                "beta1",
                self.beta1,
                (0.0..1.0).contains(&self.beta1),
                "at least 0 and below 1",
            ),
            (
                "beta2",
                self.beta2,
                (0.0..1.0).contains(&self.beta2),
                "at least 0 and below 1",
            ),
            ("epsilon", self.epsilon, self.epsilon > 0.0, "above 0"),
            (
                "weight_decay",
                self.weight_decay,
                self.weight_decay >= 0.0,
                "at least 0",
            ),
        ];
        match rules
            .into_iter()
            .find(|(_, value, holds, _)| !holds || !value.is_finite())
        {
            Some((name, value, _, allowed)) => Err(TorchError::Setting {
                name,
                value,
                allowed,
            }),
            None => Ok(()),
        }
    }
}

/// Adam over a fixed list of parameters, sorted by name.
#[derive(Debug)]
pub struct FusedAdam {
    config: AdamConfig,
    names: Vec<String>,
    parameters: Vec<Tensor>,
    first_moments: Vec<Tensor>,
    second_moments: Vec<Tensor>,
    n_steps: i64,
}

impl FusedAdam {
    /// Adam over `(name, parameter)` pairs, with moments of zero.
    ///
    /// # Errors
    /// A setting outside its range, or two parameters of one name.
    pub fn new(parameters: Vec<(String, Tensor)>, config: AdamConfig) -> Result<Self, TorchError> {
        config.check()?;
        let mut sorted = BTreeMap::new();
        for (name, parameter) in parameters {
            if sorted.insert(name.clone(), parameter).is_some() {
                return Err(TorchError::Duplicate { name });
            }
        }
        let (names, parameters): (Vec<_>, Vec<_>) = sorted.into_iter().unzip();
        let zeros = || {
            parameters
                .iter()
                .map(Tensor::zeros_like)
                .map(|zero| zero.set_requires_grad(false))
                .collect()
        };
        let (first_moments, second_moments) = (zeros(), zeros());
        Ok(Self {
            config,
            names,
            parameters,
            first_moments,
            second_moments,
            n_steps: 0,
        })
    }

    /// Adam over all trainable variables of a store, under the names they have there.
    ///
    /// # Errors
    /// As [`FusedAdam::new`].
    pub fn over(store: &nn::VarStore, config: AdamConfig) -> Result<Self, TorchError> {
        let trainable = store
            .variables()
            .into_iter()
            .filter(|(_, variable)| variable.requires_grad());
        Self::new(trainable.collect(), config)
    }

    /// The parameters' names, sorted; the order of every list here.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The parameters, in the order of [`FusedAdam::names`].
    pub fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    /// Steps taken so far.
    #[must_use]
    pub fn n_steps(&self) -> i64 {
        self.n_steps
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> &AdamConfig {
        &self.config
    }

    /// Sets the step size for the steps to come.
    ///
    /// # Errors
    /// A rate that is not above 0.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<(), TorchError> {
        let config = AdamConfig {
            learning_rate,
            ..self.config
        };
        config.check()?;
        self.config = config;
        Ok(())
    }

    /// The gradients of `loss`, a scalar, by these parameters and no others; frees the graph.
    ///
    /// # Errors
    /// A parameter that the loss does not depend on, or what libtorch throws.
    pub fn gradients(&self, loss: &Tensor) -> Result<Vec<Tensor>, TorchError> {
        let gradients = tensors::gradients(loss, &self.parameters)?;
        match gradients.iter().position(|gradient| !gradient.defined()) {
            Some(missing) => Err(TorchError::NoGradient {
                name: self.names[missing].clone(),
            }),
            None => Ok(gradients),
        }
    }

    /// Moves every parameter against its gradient; `gradients` in the order of [`FusedAdam::names`].
    ///
    /// # Errors
    /// Another number of gradients than parameters, another shape, or what libtorch throws.
    pub fn step(&mut self, gradients: &[Tensor]) -> Result<(), TorchError> {
        let expected = self.parameters.len();
        if gradients.len() != expected {
            return Err(TorchError::Count {
                what: "gradients",
                found: gradients.len(),
                expected,
            });
        }
        for (name, (gradient, parameter)) in self
            .names
            .iter()
            .zip(gradients.iter().zip(&self.parameters))
        {
            check_shape(name, gradient, parameter)?;
        }
        let step = Tensor::from((self.n_steps + 1) as f32).to_device(self.device());
        let tensors = AdamTensors {
            parameters: &self.parameters,
            gradients,
            first_moments: &self.first_moments,
            second_moments: &self.second_moments,
            step: &step,
        };
        ffi::fused_adam(&tensors, &self.config)?;
        self.n_steps += 1;
        Ok(())
    }

    /// Everything that must be saved to go on later: `NAME/first_moment`, `NAME/second_moment`, and `step` (`i64`, `[1]`).
    /// The tensors share memory with the optimiser.
    #[must_use]
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let first = self
            .names
            .iter()
            .zip(&self.first_moments)
            .map(|(name, m)| (first_of(name), m.shallow_clone()));
        let second = self
            .names
            .iter()
            .zip(&self.second_moments)
            .map(|(name, v)| (second_of(name), v.shallow_clone()));
        let step = ("step".to_owned(), Tensor::from_slice(&[self.n_steps]));
        first.chain(second).chain([step]).collect()
    }

    /// Copies a state made by [`FusedAdam::state`] back, whatever the order. Nothing changes unless all of it fits.
    ///
    /// # Errors
    /// A missing tensor, or one of another shape.
    pub fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<(), TorchError> {
        let by_name: BTreeMap<&str, &Tensor> = state
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
            .collect();
        let find = |name: String| match by_name.get(name.as_str()) {
            Some(tensor) => Ok((name, *tensor)),
            None => Err(TorchError::Missing { name }),
        };
        let (_, step) = find("step".to_owned())?;
        let mut copies = Vec::with_capacity(2 * self.names.len());
        for (idx, name) in self.names.iter().enumerate() {
            for (key, target) in [
                (first_of(name), &self.first_moments[idx]),
                (second_of(name), &self.second_moments[idx]),
            ] {
                let (key, source) = find(key)?;
                check_shape(&key, source, target)?;
                copies.push((target.shallow_clone(), source));
            }
        }
        for (mut target, source) in copies {
            tch::no_grad(|| target.f_copy_(source))?;
        }
        self.n_steps = step.to_kind(Kind::Int64).f_int64_value(&[0])?;
        Ok(())
    }

    fn device(&self) -> Device {
        self.parameters.first().map_or(Device::Cpu, Tensor::device)
    }
}

fn first_of(name: &str) -> String {
    format!("{name}/first_moment")
}

fn second_of(name: &str) -> String {
    format!("{name}/second_moment")
}

fn check_shape(name: &str, found: &Tensor, expected: &Tensor) -> Result<(), TorchError> {
    let (found, expected) = (found.size(), expected.size());
    if found == expected {
        return Ok(());
    }
    Err(TorchError::Shape {
        name: name.to_owned(),
        found,
        expected,
    })
}
