//! What becomes of each staged row, decided when all units are in: which are duplicates, which contradict each other, and
//! in which shard each of the rest goes. Pure: nothing is read or written here.

use idiom_dataset::Split;
use idiom_spec::pipeline::Duplicates;

use crate::similar::Seen;
use crate::units::StagedRow;

/// What becomes of a staged row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// A row of this shard of its split.
    Row {
        /// Number of the shard.
        shard: usize,
    },
    /// Dropped: another row has the same key and bytes, or the pipeline drops equal pictures.
    Duplicate,
    /// Refused: another row has the same key but other bytes.
    Conflict,
}

/// A staged row and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) row: StagedRow,
    pub(crate) unit: usize,
    pub(crate) lies: Lies,
    pub(crate) fate: Fate,
}

/// Where a row's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lies {
    /// In its unit's staging file.
    Staged,
    /// In a shard of the sealed dataset that a retry took apart.
    Sealed,
    /// Nowhere: the sealed dataset had dropped it.
    Dropped,
}

/// How rows are decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) duplicates: Duplicates,
    /// Rows that look like an earlier one are dropped: at most so many bits of their hashes differ.
    pub(crate) drop_similar: Option<u32>,
    /// A shard is closed when its pictures reach this many bytes.
    pub(crate) max_bytes: u64,
}

/// Decides every row's fate; `places` is sorted by key.
pub(crate) fn decide(places: &mut [Place], rules: Rules) {
    for same_key in places.chunk_by_mut(|a, b| a.row.key == b.row.key) {
        let equal = same_key
            .iter()
            .all(|place| place.row.sha256 == same_key[0].row.sha256);
        let rest = usize::from(equal);
        let fate = if equal {
            Fate::Duplicate
        } else {
            Fate::Conflict
        };
        if same_key.len() > 1 {
            same_key[rest..]
                .iter_mut()
                .for_each(|place| place.fate = fate);
        }
    }
    // What an earlier seal dropped stays dropped: its bytes are gone.
    for place in places
        .iter_mut()
        .filter(|place| place.lies == Lies::Dropped)
    {
        if matches!(place.fate, Fate::Row { .. }) {
            place.fate = Fate::Duplicate;
        }
    }
    if rules.duplicates == Duplicates::Drop {
        let mut kept: Vec<usize> = (0..places.len())
            .filter(|i| matches!(places[*i].fate, Fate::Row { .. }))
            .collect();
        let mut repeats: Vec<usize> = Vec::new();
        kept.sort_unstable_by_key(|i| (places[*i].row.sha256, *i));
        for same_bytes in kept.chunk_by(|a, b| places[*a].row.sha256 == places[*b].row.sha256) {
            repeats.extend(&same_bytes[1..]);
        }
        repeats
            .into_iter()
            .for_each(|i| places[i].fate = Fate::Duplicate);
    }
    if let Some(distance) = rules.drop_similar {
        let mut seen = Seen::new(distance);
        for place in places
            .iter_mut()
            .filter(|place| matches!(place.fate, Fate::Row { .. }))
        {
            if !seen.keep(place.row.phash) {
                place.fate = Fate::Duplicate;
            }
        }
    }
    for split in Split::ALL {
        let (mut shard, mut filled) = (0, 0);
        for place in places.iter_mut().filter(|place| place.row.split == split) {
            if !matches!(place.fate, Fate::Row { .. }) {
                continue;
            }
            if filled > 0 && filled + place.row.bytes > rules.max_bytes {
                shard += 1;
                filled = 0;
            }
            filled += place.row.bytes;
            place.fate = Fate::Row { shard };
        }
    }
}

/// Rows whose source bytes equal an earlier row's.
pub(crate) fn identical(places: &[Place]) -> u64 {
    let kept = places
        .iter()
        .filter(|place| matches!(place.fate, Fate::Row { .. }));
    let mut distinct: Vec<&[u8; 32]> = kept.map(|place| &place.row.sha256).collect();
    let n_kept = distinct.len();
    distinct.sort_unstable();
    distinct.dedup();
    (n_kept - distinct.len()) as u64
}

#[cfg(test)]
mod tests {
    use idiom_dataset::digest;

    use super::*;

    /// Rows as (key, source bytes), each picture 10 bytes, all in one split.
    fn check(rows: &[(&str, &str)], duplicates: Duplicates, max_bytes: u64) -> Vec<Fate> {
        let mut places: Vec<Place> = rows
            .iter()
            .enumerate()
            .map(|(unit, (key, bytes))| Place {
                row: StagedRow {
                    key: (*key).into(),
                    split: Split::Train,
                    bytes: 10,
                    sha256: digest::sha256(bytes.as_bytes()),
                    phash: 0,
                },
                unit,
                lies: Lies::Staged,
                fate: Fate::Row { shard: 0 },
            })
            .collect();
        let rules = Rules {
            duplicates,
            drop_similar: None,
            max_bytes,
        };
        decide(&mut places, rules);
        places.into_iter().map(|place| place.fate).collect()
    }

    #[test]
    fn shards_close_when_they_are_full() {
        let rows = [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5")];
        let shards = [0, 0, 1, 1, 2].map(|shard| Fate::Row { shard });
        assert_eq!(check(&rows, Duplicates::Keep, 20), shards);
        assert_eq!(check(&rows, Duplicates::Keep, 29), shards);
        assert_eq!(
            check(&rows, Duplicates::Keep, 5),
            [0, 1, 2, 3, 4].map(|shard| Fate::Row { shard })
        );
    }

    #[test]
    fn one_key_with_equal_bytes_is_a_duplicate_and_with_others_a_conflict() {
        let rows = [("a", "1"), ("a", "1"), ("b", "2"), ("b", "3"), ("c", "4")];
        let row = Fate::Row { shard: 0 };
        assert_eq!(
            check(&rows, Duplicates::Keep, 1_000),
            [row, Fate::Duplicate, Fate::Conflict, Fate::Conflict, row]
        );
    }

    #[test]
    fn equal_bytes_under_two_keys_are_kept_or_dropped_as_told() {
        let rows = [("a", "1"), ("b", "1"), ("c", "2")];
        let row = Fate::Row { shard: 0 };
        assert_eq!(check(&rows, Duplicates::Keep, 1_000), [row; 3]);
        assert_eq!(
            check(&rows, Duplicates::Drop, 1_000),
            [row, Fate::Duplicate, row]
        );
    }

    #[test]
    fn what_an_earlier_seal_dropped_stays_dropped() {
        let place = |key: &str, sha256: &str, lies| Place {
            row: StagedRow {
                key: key.into(),
                split: Split::Train,
                bytes: 10,
                sha256: digest::sha256(sha256.as_bytes()),
                phash: 0,
            },
            unit: 0,
            lies,
            fate: Fate::Row { shard: 0 },
        };
        // `b` was a copy of `a`; now `a` is contradicted by a new row and goes, but the bytes of `b` are gone.
        let mut places = [
            place("a", "1", Lies::Sealed),
            place("a", "2", Lies::Staged),
            place("b", "1", Lies::Dropped),
        ];
        let rules = Rules {
            duplicates: Duplicates::Drop,
            drop_similar: None,
            max_bytes: 1_000,
        };
        decide(&mut places, rules);
        let fates: Vec<Fate> = places.iter().map(|place| place.fate).collect();
        assert_eq!(fates, [Fate::Conflict, Fate::Conflict, Fate::Duplicate]);
    }
}
