//! Which units of work are one worker's, when several share a pipeline.

use crate::IngestError;

/// Worker `rank` of `world` workers; units are dealt out like cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    rank: usize,
    world: usize,
}

impl Share {
    /// All the work.
    pub const WHOLE: Self = Self { rank: 0, world: 1 };

    /// The share of worker `rank`, counted from 0.
    ///
    /// # Errors
    /// [`IngestError::BadShare`] where there is no such worker.
    pub fn new(rank: usize, world: usize) -> Result<Self, IngestError> {
        if rank < world {
            Ok(Self { rank, world })
        } else {
            Err(IngestError::BadShare { rank, world })
        }
    }

    /// Whether the unit of this number is this worker's.
    pub(crate) fn has(self, unit: usize) -> bool {
        unit % self.world == self.rank
    }

    /// Stands for this worker among those of its world.
    pub(crate) fn name(self) -> String {
        format!("rank-{}-of-{}", self.rank, self.world)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_exactly_one_workers() {
        for world in 1..6 {
            let shares: Vec<Share> = (0..world)
                .map(|rank| Share::new(rank, world).unwrap())
                .collect();
            for unit in 0..20 {
                assert_eq!(shares.iter().filter(|share| share.has(unit)).count(), 1);
            }
        }
        assert!(Share::new(2, 2).is_err() && Share::new(0, 0).is_err());
    }
}
