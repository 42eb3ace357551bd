//! Pictures that look like an earlier one: their perceptual hashes differ in few bits.
//!
//! With at most `d` bits different, two hashes cut into `d + 1` bands agree in at least one band. So each kept hash stands
//! in one table a band, and a new one is compared only with those that share a band with it (multi-index hashing, Norouzi
//! et al. 2012): far from comparing each with each, and no pair is missed.

use std::collections::HashMap;

/// The kept hashes.
pub(crate) struct Seen {
    distance: u32,
    bands: Vec<HashMap<u64, Vec<u64>>>,
}

impl Seen {
    /// For pairs that differ in at most `distance` bits.
    pub(crate) fn new(distance: u32) -> Self {
        let bands = (0..=distance).map(|_| HashMap::new()).collect();
        Self { distance, bands }
    }

    /// Keeps a hash unless it is near one that was kept; `false` where it is.
    pub(crate) fn keep(&mut self, hash: u64) -> bool {
        let n_bands = self.bands.len();
        let near = |kept: &u64| (kept ^ hash).count_ones() <= self.distance;
        let found = self.bands.iter().enumerate().any(|(i, band)| {
            let sharing = band.get(&part(hash, i, n_bands));
            sharing.is_some_and(|hashes| hashes.iter().any(near))
        });
        if !found {
            for (i, band) in self.bands.iter_mut().enumerate() {
                band.entry(part(hash, i, n_bands)).or_default().push(hash);
            }
        }
        !found
    }
}

/// Band `i` of `n`, as even as they can be.
fn part(hash: u64, i: usize, n: usize) -> u64 {
    let (start, end) = (64 * i / n, 64 * (i + 1) / n);
    let width = end - start;
    let mask = if width == 64 {
        u64::MAX
    } else {
        (1 << width) - 1
    };
    (hash >> start) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_what_comparing_each_with_each_keeps() {
        // A walk in which neighbours differ in few bits.
        let mut state = 7_u64;
        let mut hashes = vec![0_u64];
        for _ in 0..3_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let flips = (1_u64 << (state >> 58)) ^ (1_u64 << ((state >> 40) & 63));
            let from = hashes[(state >> 20) as usize % hashes.len()];
            hashes.push(from ^ flips);
        }
        for distance in [0, 1, 3, 6, 16] {
            let mut seen = Seen::new(distance);
            let mut kept: Vec<u64> = Vec::new();
            for hash in &hashes {
                let expected = kept
                    .iter()
                    .all(|other| (other ^ hash).count_ones() > distance);
                assert_eq!(seen.keep(*hash), expected, "distance {distance}");
                if expected {
                    kept.push(*hash);
                }
            }
            assert!(kept.len() > 1);
        }
    }
}
