//! Draws by hash: what is drawn for a row depends on the seed and the row's key, never on the order of work.

use sha2::{Digest as _, Sha256};

/// A stream of numbers that belongs to a seed, a purpose and a key.
#[derive(Debug)]
pub(crate) struct Draw {
    state: [u8; 32],
    counter: u64,
}

impl Draw {
    pub(crate) fn new(purpose: &str, seed: u64, key: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(seed.to_le_bytes());
        hasher.update(purpose.as_bytes());
        hasher.update([0]);
        hasher.update(key.as_bytes());
        Self {
            state: hasher.finalize().into(),
            counter: 0,
        }
    }

    /// A number that is uniform over all of `u64`.
    pub(crate) fn next(&mut self) -> u64 {
        let mut hasher = Sha256::new();
        hasher.update(self.state);
        hasher.update(self.counter.to_le_bytes());
        self.counter += 1;
        let digest: [u8; 32] = hasher.finalize().into();
        u64::from_le_bytes(std::array::from_fn(|i| digest[i]))
    }

    /// A number in `0..n`; `n` is small, so the bias of the product is below 2^-32.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
