//! The order in which training visits the rows: a permutation that is computed, never stored.
//!
//! Each epoch has its own permutation of `0..rows`, a four-round Feistel network over the smallest even number of bits that
//! holds the rows, with cycle walking for the numbers beyond them (Black and Rogaway, "Ciphers with Arbitrary Finite
//! Domains", 2002). The state of the order is (seed, images seen): any image's row follows from its number alone, so
//! resuming is exact and any number of workers or ranks sees the same global sequence.

/// Rounds of the network; four make a pseudo-random permutation out of pseudo-random functions (Luby and Rackoff, 1988).
const ROUNDS: u64 = 4;

/// Which row is the n-th image of a training run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleOrder {
    seed: u64,
    rows: u64,
    half_bits: u32,
}

impl SampleOrder {
    /// An order over `rows` rows.
    ///
    /// # Panics
    /// Where `rows` is zero: nothing can be drawn from nothing.
    #[must_use]
    pub fn new(seed: u64, rows: u64) -> Self {
        assert!(rows > 0, "an order needs at least one row");
        let bits = u64::BITS - (rows - 1).leading_zeros();
        Self {
            seed,
            rows,
            half_bits: bits.div_ceil(2).max(1),
        }
    }

    /// The row that follows after `images_seen` images; each run of `rows` images visits every row once.
    #[must_use]
    pub fn row(&self, images_seen: u64) -> u64 {
        let epoch_key = mix(self.seed ^ mix(images_seen / self.rows));
        let mut value = images_seen % self.rows;
        loop {
            value = self.permute(value, epoch_key);
            if value < self.rows {
                return value;
            }
        }
    }

    fn permute(&self, value: u64, key: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for round in 0..ROUNDS {
            let next = left ^ (mix(key ^ mix(right + (round << 32))) & mask);
            left = right;
            right = next;
        }
        (left << self.half_bits) | right
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood, 2014) after one step of its counter.
fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_visits_every_row_once() {
        for rows in [1, 2, 3, 5, 64, 1000, 9420] {
            let order = SampleOrder::new(7, rows);
            for epoch in 0..3 {
                let mut seen: Vec<u64> = (0..rows).map(|i| order.row(epoch * rows + i)).collect();
                seen.sort_unstable();
                assert_eq!(
                    seen,
                    (0..rows).collect::<Vec<_>>(),
                    "rows {rows}, epoch {epoch}"
                );
            }
        }
    }

    #[test]
    fn epochs_and_seeds_differ() {
        let draw = |seed, from: u64| -> Vec<u64> {
            let order = SampleOrder::new(seed, 1000);
            (from..from + 1000).map(|i| order.row(i)).collect()
        };
        assert_ne!(draw(1, 0), draw(1, 1000));
        assert_ne!(draw(1, 0), draw(2, 0));
        assert_eq!(draw(3, 0), draw(3, 0));
    }

    #[test]
    fn neighbours_land_anywhere() {
        // The mean distance of two independent uniform draws from 0..n is n/3.
        let rows = 4096_u64;
        let order = SampleOrder::new(5, rows);
        let total: u64 = (1..rows)
            .map(|i| order.row(i).abs_diff(order.row(i - 1)))
            .sum();
        let mean = total as f64 / (rows - 1) as f64;
        assert!(
            (mean - rows as f64 / 3.0).abs() < rows as f64 * 0.03,
            "mean distance {mean}"
        );
    }

    #[test]
    fn a_large_dataset_needs_no_memory() {
        let order = SampleOrder::new(1, 1 << 40);
        assert!(order.row(123) < 1 << 40);
    }
}
