//! Random numbers that depend on a seed, a stream's name and a sample's number, and on nothing else.
//!
//! Every sample has a generator of its own (SplitMix64, Steele, Lea & Flood 2014), so that a draw is the same whatever the batch
//! size, the number of processes, the thread that asks, or what was drawn before: the property that makes a resumed run
//! equal an uninterrupted one. libtorch's global generator is not used.

use std::f64::consts::TAU;
use tch::Tensor;

/// One named stream of draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws {
    key: u64,
}

impl Draws {
    /// The stream `name` under `seed`; two names give independent streams.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        // FNV-1a spreads the name, one SplitMix64 step mixes it with the seed.
        let name_hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self {
            key: mixed(seed ^ mixed(name_hash)),
        }
    }

    /// The generator of one sample; `sample` is its number in the whole training, from 0.
    #[must_use]
    pub fn sample(&self, sample: u64) -> SampleDraws {
        SampleDraws {
            state: mixed(self.key ^ mixed(sample)),
        }
    }

    /// Standard normal numbers `[n_samples, per_sample]` for the samples from `first_sample` on, on the CPU.
    pub fn normals(&self, first_sample: u64, n_samples: i64, per_sample: i64) -> Tensor {
        self.tensor(first_sample, n_samples, per_sample, |draws, values, n| {
            while values.len() < n {
                let [first, second] = draws.normal_pair();
                values.push(first as f32);
                if values.len() < n {
                    values.push(second as f32);
                }
            }
        })
    }

    /// Numbers from `[0, 1)`, `[n_samples, per_sample]`, for the samples from `first_sample` on, on the CPU.
    pub fn uniforms(&self, first_sample: u64, n_samples: i64, per_sample: i64) -> Tensor {
        self.tensor(first_sample, n_samples, per_sample, |draws, values, n| {
            while values.len() < n {
                values.push(draws.uniform() as f32);
            }
        })
    }

    fn tensor(
        &self,
        first_sample: u64,
        n_samples: i64,
        per_sample: i64,
        fill: impl Fn(&mut SampleDraws, &mut Vec<f32>, usize),
    ) -> Tensor {
        let (n, width) = (
            usize::try_from(n_samples).unwrap_or(0),
            usize::try_from(per_sample).unwrap_or(0),
        );
        let mut values = Vec::with_capacity(n * width);
        for idx in 0..n {
            fill(
                &mut self.sample(first_sample + idx as u64),
                &mut values,
                (idx + 1) * width,
            );
        }
        Tensor::from_slice(&values).view([n_samples, per_sample])
    }
}

/// The draws of one sample, one after another.
#[derive(Debug, Clone)]
pub struct SampleDraws {
    state: u64,
}

impl SampleDraws {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        finished(self.state)
    }

    /// A number from `[0, 1)` with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number from `0..bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of a wide product; its bias is below 2^-40 for any bound met here.
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// Two independent standard normal numbers (Box & Muller 1958).
    pub fn normal_pair(&mut self) -> [f64; 2] {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let angle = TAU * self.uniform();
        [radius * angle.cos(), radius * angle.sin()]
    }
}

/// One SplitMix64 step from `state`.
fn mixed(state: u64) -> u64 {
    finished(state.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

fn finished(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Draws, SampleDraws};
    use tch::{Kind, Tensor};

    #[test]
    fn the_generator_is_splitmix64() {
        // The first values of the reference implementation for the seed 1234567.
        let mut draws = SampleDraws { state: 1_234_567 };
        let found = [draws.bits(), draws.bits(), draws.bits()];
        assert_eq!(
            found,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn a_sample_does_not_depend_on_the_batch_it_is_drawn_in() {
        let draws = Draws::new(7, "latent");
        let whole = draws.normals(100, 8, 5);
        let halves = Tensor::cat(&[draws.normals(100, 4, 5), draws.normals(104, 4, 5)], 0);
        assert_eq!(whole, halves);
    }

    #[test]
    fn streams_of_other_names_or_seeds_differ() {
        let first = Draws::new(7, "latent").normals(0, 1, 4);
        assert_ne!(first, Draws::new(7, "noise").normals(0, 1, 4));
        assert_ne!(first, Draws::new(8, "latent").normals(0, 1, 4));
    }

    #[test]
    fn normals_have_mean_0_and_variance_1_and_uniforms_lie_below_1() {
        let normals = Draws::new(1, "n")
            .normals(0, 1000, 101)
            .to_kind(Kind::Double);
        assert!(normals.mean(Kind::Double).double_value(&[]).abs() < 0.02);
        assert!((normals.std(true).double_value(&[]) - 1.0).abs() < 0.01);
        let uniforms = Draws::new(1, "u").uniforms(0, 1000, 10);
        assert!(uniforms.max().double_value(&[]) < 1.0 && uniforms.min().double_value(&[]) >= 0.0);
        assert!((uniforms.mean(Kind::Double).double_value(&[]) - 0.5).abs() < 0.02);
    }
}
