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
    /// Later tokens count more: token `i` (from 1) counts `i` times.
    WeightedMean,
}

/// Each way with its key in older files (true or false there) and its name in newer ones, in the order in which
/// sentence-transformers puts several side by side.
const MODES: [(&str, &str, Pooling); 6] = [
    ("pooling_mode_cls_token", "cls", Pooling::FirstToken),
    ("pooling_mode_max_tokens", "max", Pooling::Max),
    ("pooling_mode_mean_tokens", "mean", Pooling::Mean),
    (
        "pooling_mode_mean_sqrt_len_tokens",
        "mean_sqrt_len_tokens",
        Pooling::SumOverSqrtLength,
    ),
    (
        "pooling_mode_weightedmean_tokens",
        "weightedmean",
        Pooling::WeightedMean,
    ),
    ("pooling_mode_lasttoken", "lasttoken", Pooling::LastToken),
];

impl Pooling {
    /// What the file asks for, the mean where it says nothing. Several ways are put side by side.
    pub(crate) fn from_json(path: &Path, config: &Value) -> Result<Vec<Self>, EncoderError> {
        let names: Vec<&Value> = match config.get("pooling_mode") {
            Some(Value::Array(names)) => names.iter().collect(),
            Some(name) => vec![name],
            None => {
                let is_on = |key: &str| config.get(key).and_then(Value::as_bool) == Some(true);
                let on = MODES.iter().filter(|(key, ..)| is_on(key));
                let on: Vec<Self> = on.map(|(.., pooling)| *pooling).collect();
                return Ok(if on.is_empty() { vec![Self::Mean] } else { on });
            }
        };
        let by_name = |name: &&Value| {
            let known = MODES
                .iter()
                .find(|(_, known, _)| name.as_str() == Some(known));
            let reason = || format!("`pooling_mode` is {name}, which is not known");
            known
                .map(|(.., pooling)| *pooling)
                .ok_or_else(|| EncoderError::Unsupported {
                    path: path.into(),
                    reason: reason(),
                })
        };
        names.iter().map(by_name).collect()
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
            Self::WeightedMean => {
                let weights =
                    Tensor::f_arange_start(1, length + 1, (Kind::Float, tokens.device()))?;
                let weights = weights.f_div(&weights.f_sum(Kind::Float)?)?;
                weights
                    .f_view([1, 1, length])?
                    .f_matmul(tokens)?
                    .f_squeeze_dim(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pooling: Pooling, wanted: [f32; 2]) {
        let tokens = Tensor::from_slice(&[1f32, 2., 3., 8., 5., 5., 7., 1.]).view([1, 4, 2]);
        let found: Vec<f32> = Vec::try_from(pooling.apply(&tokens).unwrap().view([-1])).unwrap();
        for (found, wanted) in found.into_iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-6, "{pooling:?}: {found}");
        }
    }

    #[test]
    fn each_way_gives_its_formula() {
        check(Pooling::Mean, [4., 4.]);
        check(Pooling::FirstToken, [1., 2.]);
        check(Pooling::LastToken, [7., 1.]);
        check(Pooling::Max, [7., 8.]);
        check(Pooling::SumOverSqrtLength, [8., 8.]);
        // (1*1 + 2*3 + 3*5 + 4*7) / 10 and (1*2 + 2*8 + 3*5 + 4*1) / 10
        check(Pooling::WeightedMean, [5., 3.7]);
    }

    fn found(config: Value) -> Vec<Pooling> {
        Pooling::from_json(Path::new("config.json"), &config).unwrap()
    }

    #[test]
    fn old_and_new_files_say_the_same() {
        use serde_json::json;
        let old = json!({"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true});
        let new = json!({"pooling_mode": ["cls", "max"]});
        assert_eq!(found(old), [Pooling::FirstToken, Pooling::Max]);
        assert_eq!(found(new), [Pooling::FirstToken, Pooling::Max]);
        assert_eq!(
            found(json!({"pooling_mode": "lasttoken"})),
            [Pooling::LastToken]
        );
        assert_eq!(found(json!({})), [Pooling::Mean]);
    }

    #[test]
    fn a_way_that_is_not_known_is_refused() {
        let config = serde_json::json!({"pooling_mode": "median"});
        assert!(Pooling::from_json(Path::new("config.json"), &config).is_err());
    }
}
