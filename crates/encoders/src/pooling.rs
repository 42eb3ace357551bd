//! From a vector a token to one vector a sentence, as the model's `1_Pooling/config.json` says.
//!
//! Batches hold sentences of one length, so there is no padding to leave out.

use crate::EncoderError;
use serde_json::Value;
use std::path::Path;
use tch::{Kind, TchError, Tensor};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pooling {
    Mean,
    FirstToken,
    LastToken,
    Max,
    SumOverSqrtLength,
}

/// Keys of the file, each true or false.
const MODES: [(&str, Pooling); 5] = [
    ("pooling_mode_mean_tokens", Pooling::Mean),
    ("pooling_mode_cls_token", Pooling::FirstToken),
    ("pooling_mode_lasttoken", Pooling::LastToken),
    ("pooling_mode_max_tokens", Pooling::Max),
    (
        "pooling_mode_mean_sqrt_len_tokens",
        Pooling::SumOverSqrtLength,
    ),
];

impl Pooling {
    /// What the file asks for. Exactly one way is known; sentence-transformers would put several side by side.
    pub(crate) fn from_json(path: &Path, config: &Value) -> Result<Self, EncoderError> {
        let is_on =
            |(key, _): &&(&str, Pooling)| config.get(*key).and_then(Value::as_bool) == Some(true);
        let on: Vec<_> = MODES.iter().filter(is_on).collect();
        match on.as_slice() {
            [(_, pooling)] => Ok(*pooling),
            several => {
                let names: Vec<_> = several.iter().map(|(key, _)| *key).collect();
                let reason = format!("exactly one way of pooling is wanted, but found {names:?}");
                Err(EncoderError::Unsupported {
                    path: path.into(),
                    reason,
                })
            }
        }
    }

    /// `[batch, length, dim]` -> `[batch, dim]`.
    pub(crate) fn apply(self, tokens: &Tensor) -> Result<Tensor, TchError> {
        let length = tokens.size()[1];
        match self {
            Self::Mean => tokens.f_mean_dim([1i64].as_slice(), false, Kind::Float),
            Self::FirstToken => tokens.f_select(1, 0),
            Self::LastToken => tokens.f_select(1, length - 1),
            Self::Max => tokens.f_amax([1i64], false),
            Self::SumOverSqrtLength => tokens
                .f_sum_dim_intlist([1i64].as_slice(), false, Kind::Float)?
                .f_mul_scalar(1.0 / (length as f64).sqrt()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pooling: Pooling, wanted: [f32; 2]) {
        let tokens = Tensor::from_slice(&[1f32, 2., 3., 8., 5., 5., 7., 1.]).view([1, 4, 2]);
        let found: Vec<f32> = Vec::try_from(pooling.apply(&tokens).unwrap().view([-1])).unwrap();
        assert_eq!(found, wanted);
    }

    #[test]
    fn each_way_gives_its_formula() {
        check(Pooling::Mean, [4., 4.]);
        check(Pooling::FirstToken, [1., 2.]);
        check(Pooling::LastToken, [7., 1.]);
        check(Pooling::Max, [7., 8.]);
        check(Pooling::SumOverSqrtLength, [8., 8.]);
    }

    #[test]
    fn two_ways_at_once_are_refused() {
        let config =
            serde_json::json!({"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true});
        assert!(Pooling::from_json(Path::new("config.json"), &config).is_err());
    }
}
