//! Judges that decide together: each counts alike.
//!
//! A verdict is by cosine. So the judges' unit vectors, one after another and each divided by the root of their number, are a unit vector
//! again, whose cosine with another such is the mean of theirs: whoever compares vectors need not know how many judges there are. Networks
//! that were trained apart err apart, and their mean errs less (deep ensembles, Lakshminarayanan et al. 2017, arXiv:1612.01474).

use crate::EvaluateError;
use crate::judge::{self, Vectors};
use idiom_model::ContrastiveModel;
use tch::{Device, Tensor};

/// One judge or several, all of whom know the same looks.
#[derive(Debug)]
pub struct Panel {
    judges: Vec<ContrastiveModel>,
    looks: Vec<String>,
}

impl Panel {
    /// The judges together.
    ///
    /// # Errors
    /// None is given, one cannot tell looks, or two know other looks.
    pub fn new(judges: Vec<ContrastiveModel>) -> Result<Self, EvaluateError> {
        let sorted = |model: &ContrastiveModel| {
            let mut looks = model.config.looks.clone();
            looks.sort_unstable();
            looks
        };
        let looks = judges.first().map(sorted).unwrap_or_default();
        let blind = judges.iter().find(|judge| {
            judge.networks.anchors.is_none() || looks.is_empty() || sorted(judge) != looks
        });
        if let Some(judge) = blind {
            return Err(EvaluateError::UnlikeJudges {
                sha256: judge.sha256.clone(),
                knows: judge.config.looks.clone(),
                looks,
            });
        }
        Ok(Self { judges, looks })
    }

    /// The looks' names, in the order of [`Self::directions`].
    #[must_use]
    pub fn looks(&self) -> &[String] {
        &self.looks
    }

    /// The judges' hashes, between commas.
    #[must_use]
    pub fn sha256(&self) -> String {
        let hashes: Vec<&str> = self.judges.iter().map(|one| one.sha256.as_str()).collect();
        hashes.join(", ")
    }

    /// What they see in `pictures [n, 3, side, side]`: bytes, or `f32` in `[-1, 1]`. No gradient is kept.
    ///
    /// # Errors
    /// Pictures that an encoder does not take.
    pub fn vectors(&self, pictures: &Tensor, device: Device) -> Result<Vectors, EvaluateError> {
        let seen = (self.judges.iter()).map(|one| judge::vectors(&one.networks, pictures, device));
        let seen: Vec<Vectors> = seen.collect::<Result<_, _>>()?;
        let joined = |of: fn(&Vectors) -> &Tensor| self.joined(seen.iter().map(of).collect());
        Ok(Vectors {
            style: joined(|vectors| &vectors.style)?,
            subject: joined(|vectors| &vectors.subject)?,
        })
    }

    /// Where each look lies among the style vectors, `[looks, style_dim]`.
    ///
    /// # Errors
    /// What libtorch throws.
    pub fn directions(&self) -> Result<Tensor, EvaluateError> {
        let of_one = |one: &ContrastiveModel| {
            let place = |look| one.config.looks.iter().position(|own| own == look);
            let order = self
                .looks
                .iter()
                .filter_map(place)
                .map(|place| place as i64);
            let order = Tensor::from_slice(&order.collect::<Vec<i64>>());
            let anchors = one.networks.anchors.as_ref()?;
            let directions = tch::no_grad(|| anchors.directions());
            Some(directions.index_select(0, &order.to_device(directions.device())))
        };
        let all: Vec<Tensor> = self.judges.iter().filter_map(of_one).collect();
        self.joined(all.iter().collect())
    }

    fn joined(&self, parts: Vec<&Tensor>) -> Result<Tensor, EvaluateError> {
        Ok(Tensor::f_cat(&parts, 1)? / (self.judges.len() as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;
    use idiom_gan::{Draws, PictureEncoderConfig};
    use idiom_model::{ContrastiveConfig, ContrastiveNetworks, TextEncoderInfo};
    use std::collections::BTreeMap;
    use tch::{Kind, nn};

    fn judge(looks: &[&str], seed: u64) -> ContrastiveModel {
        let config = ContrastiveConfig {
            picture_encoder: PictureEncoderConfig {
                resolution: 32,
                fine_channels: 8,
                channels: vec![8, 8, 8],
                hidden_dim: 8,
                style_dim: 8 * seed as i64,
                subject_dim: 8,
            },
            looks: looks.iter().map(|look| (*look).to_owned()).collect(),
            has_anchors: true,
            style_head: None,
            subject_head: None,
            style_temperature: 1.0,
            subject_temperature: 1.0,
            text_encoder: TextEncoderInfo {
                name: "none".to_owned(),
                sha256: String::new(),
                dim: 8,
                scale: 1.0,
            },
            provenance: BTreeMap::new(),
        };
        let weights = nn::VarStore::new(Device::Cpu);
        ContrastiveModel {
            networks: ContrastiveNetworks::new(&weights.root(), &config, seed).unwrap(),
            config,
            sha256: format!("hash-{seed}"),
            weights,
        }
    }

    fn pictures() -> Tensor {
        let pixels = Draws::new(1, "pictures").normals(0, 3, 3 * 32 * 32);
        pixels.view([3, 3, 32, 32]).tanh()
    }

    /// Cosines of pictures and one look's direction.
    fn cosines(panel: &Panel, look: &str) -> Tensor {
        let style = panel.vectors(&pictures(), Device::Cpu).unwrap().style;
        let place = panel.looks().iter().position(|own| own == look).unwrap();
        style.matmul(&panel.directions().unwrap().get(place as i64))
    }

    #[test]
    fn a_panels_verdict_is_the_mean_of_its_judges_whatever_order_they_learnt_looks_in() {
        let (first, second) = (["clay", "ink"], ["ink", "clay"]);
        let alone = [judge(&first, 1), judge(&second, 2)].map(|one| Panel::new(vec![one]).unwrap());
        let both = Panel::new(vec![judge(&first, 1), judge(&second, 2)]).unwrap();
        for look in first {
            let mean = (cosines(&alone[0], look) + cosines(&alone[1], look)) / 2.0;
            let furthest = (cosines(&both, look) - &mean).abs().max();
            assert!(furthest.double_value(&[]) < 1e-6);
            let spread = (cosines(&alone[0], look) - mean).abs().max();
            assert!(spread.double_value(&[]) > 1e-3, "the judges should differ");
        }
        let vectors = both.vectors(&pictures(), Device::Cpu).unwrap();
        let lengths = vectors
            .subject
            .square()
            .sum_dim_intlist(1, false, Kind::Float);
        assert!((lengths - 1.0).abs().max().double_value(&[]) < 1e-5);
        assert_eq!(both.sha256(), "hash-1, hash-2");
    }

    #[test]
    fn judges_of_other_looks_do_not_sit_together() {
        let panel = Panel::new(vec![
            judge(&["clay", "ink"], 1),
            judge(&["clay", "line"], 2),
        ]);
        let error = panel.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the judge hash-2 knows the looks [\"clay\", \"line\"], the first of the panel [\"clay\", \"ink\"]"
        );
        assert!(error.hint().is_some());
    }
}
