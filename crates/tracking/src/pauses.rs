//! The times in which a run that was taken up again stood still, so that they do not count as its duration.
//!
//! MLflow keeps one start and one end of a run; what lies between its processes stands in a tag beside them, which our pages
//! take off a run's duration and its relative time.

/// `[[from, to], ...]` in milliseconds since 1970, oldest first.
pub(crate) const PAUSES_TAG: &str = "idiom.pauses";

/// More would not fit into a tag; then the oldest become one of the same length.
const MOST: usize = 200;

/// The pauses so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pauses(Vec<[i64; 2]>);

impl Pauses {
    /// What the tag says; none where it cannot be read.
    pub(crate) fn read(tag: &str) -> Self {
        Self(serde_json::from_str(tag).unwrap_or_default())
    }

    /// The tag's value with one pause more.
    pub(crate) fn and(mut self, from: i64, to: i64) -> String {
        self.0.push([from.min(to), to]);
        if self.0.len() > MOST {
            let first = self.0.remove(0);
            self.0[0][0] -= first[1] - first[0];
        }
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_kept_in_order_and_too_many_keep_their_sum() {
        assert_eq!(Pauses::read("").and(5, 9), "[[5,9]]");
        assert_eq!(Pauses::read("[[5,9]]").and(20, 21), "[[5,9],[20,21]]");
        assert_eq!(Pauses::read("nonsense").and(3, 2), "[[2,2]]");
        let mut tag = String::new();
        (0..300).for_each(|i| tag = Pauses::read(&tag).and(10 * i, 10 * i + 3));
        let Pauses(kept) = Pauses::read(&tag);
        assert_eq!(kept.len(), MOST);
        assert_eq!(kept.iter().map(|[from, to]| to - from).sum::<i64>(), 900);
        assert!(kept.windows(2).all(|pair| pair[0][1] <= pair[1][0]));
        assert!(tag.len() < 8000, "{}", tag.len());
    }
}
