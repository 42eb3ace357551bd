//! The parts that transformers share: linear layers, layer norms, activations, attention. No gradient flows.

use crate::EncoderError;
use crate::weights::{Weight, Weights};
use tch::{TchError, Tensor};

/// What stands between the two linear layers of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Activation {
    Gelu,
    GeluTanh,
    /// `x * sigmoid(1.702 x)`, as CLIP was trained with.
    QuickGelu,
    Relu,
}

impl Activation {
    /// By the name in a `config.json`.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        match name {
            "gelu" => Ok(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Ok(Self::GeluTanh),
            "quick_gelu" => Ok(Self::QuickGelu),
            "relu" => Ok(Self::Relu),
            other => Err(format!(
                "`hidden_act` is `{other}`, but must be one of gelu, gelu_new, quick_gelu, relu"
            )),
        }
    }

    pub(crate) fn apply(self, x: &Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::Gelu => x.f_gelu("none"),
            Self::GeluTanh => x.f_gelu("tanh"),
            Self::QuickGelu => x.f_mul_scalar(1.702)?.f_sigmoid()?.f_mul(x),
            Self::Relu => x.f_relu(),
        }
    }
}

/// `x W^T + b`, or without `b`.
#[derive(Clone)]
pub(crate) struct Linear {
    weight: Weight,
    bias: Option<Weight>,
}

impl Linear {
    /// `[n_out, n_in]` with a bias.
    pub(crate) fn read(
        weights: &Weights<'_>,
        name: &str,
        [n_out, n_in]: [i64; 2],
    ) -> Result<Self, EncoderError> {
        let bias = weights.float(&format!("{name}.bias"), &[n_out])?;
        let without = Self::without_bias(weights, name, [n_out, n_in])?;
        Ok(Self {
            bias: Some(bias),
            ..without
        })
    }

    pub(crate) fn without_bias(
        weights: &Weights<'_>,
        name: &str,
        shape: [i64; 2],
    ) -> Result<Self, EncoderError> {
        Ok(Self {
            weight: weights.float(&format!("{name}.weight"), &shape)?,
            bias: None,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_linear(&self.weight, self.bias.as_deref())
    }
}

/// A layer norm over the last dimension.
#[derive(Clone)]
pub(crate) struct Norm {
    gain: Weight,
    bias: Weight,
    epsilon: f64,
}

impl Norm {
    pub(crate) fn read(
        weights: &Weights<'_>,
        name: &str,
        size: i64,
        epsilon: f64,
    ) -> Result<Self, EncoderError> {
        Ok(Self {
            gain: weights.float(&format!("{name}.weight"), &[size])?,
            bias: weights.float(&format!("{name}.bias"), &[size])?,
            epsilon,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_layer_norm(
            self.gain.size(),
            Some(&*self.gain),
            Some(&*self.bias),
            self.epsilon,
            false,
        )
    }
}

/// Which tokens a token looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sight {
    Everything,
    /// Itself and what stands before it.
    Past,
}

/// Queries, keys and values of several heads, side by side in one linear layer. Its output is not projected here.
#[derive(Clone)]
pub(crate) struct Attention {
    query_key_value: Linear,
    n_heads: i64,
    sight: Sight,
}

impl Attention {
    /// Reads `NAME` for query, key and value, in this order.
    pub(crate) fn read(
        weights: &Weights<'_>,
        names: [String; 3],
        hidden: i64,
        n_heads: i64,
        sight: Sight,
    ) -> Result<Self, EncoderError> {
        let mut parts = Vec::new();
        for name in &names {
            parts.push(Linear::read(weights, name, [hidden, hidden])?);
        }
        let below = |of: fn(&Linear) -> Option<&Weight>| -> Result<Weight, TchError> {
            let tensors: Vec<Tensor> = parts
                .iter()
                .filter_map(of)
                .map(|part| part.shallow_clone())
                .collect();
            Ok(Weight::new(Tensor::f_cat(&tensors, 0)?))
        };
        let query_key_value = Linear {
            weight: below(|part| Some(&part.weight))?,
            bias: Some(below(|part| part.bias.as_ref())?),
        };
        Ok(Self {
            query_key_value,
            n_heads,
            sight,
        })
    }

    /// `[batch, length, hidden]` -> the same shape.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let (n, length, hidden) = x.size3()?;
        let shape = [n, length, 3, self.n_heads, hidden / self.n_heads];
        let parts = self.query_key_value.forward(x)?.f_view(shape)?;
        let part = |idx| parts.f_select(2, idx)?.f_transpose(1, 2);
        let attended = Tensor::f_scaled_dot_product_attention(
            &part(0)?,
            &part(1)?,
            &part(2)?,
            None::<Tensor>,
            0.0,
            self.sight == Sight::Past,
            None,
            false,
        )?;
        attended.f_transpose(1, 2)?.f_reshape([n, length, hidden])
    }
}

/// Whether a size can be shared evenly by the heads; the reason where it cannot.
pub(crate) fn check_heads(hidden: i64, heads: i64) -> Result<(), String> {
    if hidden < 1 || heads < 1 || hidden % heads != 0 {
        return Err(format!(
            "`hidden_size` {hidden} cannot be shared by `num_attention_heads` {heads}"
        ));
    }
    Ok(())
}
