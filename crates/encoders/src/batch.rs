//! Which texts go through the network together: pure decisions, no tensors.

use std::collections::HashMap;

/// The distinct texts in order of appearance, and for each text the place of its twin among them.
pub(crate) fn distinct<'a>(texts: &[&'a str]) -> (Vec<&'a str>, Vec<usize>) {
    let mut places = HashMap::with_capacity(texts.len());
    let mut found = Vec::new();
    let place_of = |text: &&'a str| {
        *places.entry(*text).or_insert_with(|| {
            found.push(*text);
            found.len() - 1
        })
    };
    let twins = texts.iter().map(place_of).collect();
    (found, twins)
}

/// Places of the texts, shortest first, in batches of one length each and at most `token_budget` tokens, or one text.
pub(crate) fn of_equal_length(lengths: &[usize], token_budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&place| lengths[place]);
    order
        .chunk_by(|&a, &b| lengths[a] == lengths[b])
        .flat_map(|equal| equal.chunks((token_budget / lengths[equal[0]].max(1)).max(1)))
        .map(<[usize]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_comes_twice_is_kept_once() {
        assert_eq!(distinct(&["b", "a", "b"]), (vec!["b", "a"], vec![0, 1, 0]));
    }

    #[test]
    fn a_batch_holds_one_length_within_the_budget() {
        assert_eq!(
            of_equal_length(&[3, 9, 3, 3, 2], 7),
            [vec![4], vec![0, 2], vec![3], vec![1]]
        );
    }

    #[test]
    fn no_texts_make_no_batches() {
        assert!(of_equal_length(&[], 7).is_empty());
    }
}
