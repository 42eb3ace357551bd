//! The linear probe, on vectors whose classes are known to be apart, or not.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use idiom_encoders::probe::{Accuracy, Example, RIDGE, probe};

/// `n` points of each class around its own corner of the plane, in two groups; every third is held out.
fn check(corners: [[f32; 2]; 2], noise: f32, n: usize) -> Vec<Accuracy> {
    let mut vectors = Vec::new();
    for idx in 0..n {
        for (class, corner) in ["a", "b"].into_iter().zip(corners) {
            // A fixed spiral: mean zero, no chance.
            let (sin, cos) = (idx as f32 * 2.4).sin_cos();
            vectors.push((
                class,
                [corner[0] + noise * sin, corner[1] + noise * cos],
                idx,
            ));
        }
    }
    let group = |idx: usize| if idx.is_multiple_of(2) { "even" } else { "odd" };
    let examples: Vec<Example<'_>> = vectors
        .iter()
        .map(|(class, vector, idx)| Example {
            vector,
            class,
            group: group(*idx),
            is_fitted_on: idx % 3 != 0,
        })
        .collect();
    probe(&examples, RIDGE).unwrap()
}

#[test]
fn classes_in_two_corners_are_told_apart() {
    let found = check([[1.0, 0.0], [0.0, 1.0]], 0.2, 60);
    assert_eq!(
        found
            .iter()
            .map(|found| found.group.as_str())
            .collect::<Vec<_>>(),
        ["even", "odd"]
    );
    assert!(
        found
            .iter()
            .all(|found| found.n == 20 && found.n_right == 20),
        "{found:?}"
    );
}

#[test]
fn a_common_offset_does_not_matter() {
    let found = check([[101.0, 100.0], [100.0, 101.0]], 0.2, 60);
    assert!(found.iter().all(|found| found.share() == 1.0), "{found:?}");
}

#[test]
fn classes_in_one_place_are_guessed_at_chance() {
    let found = check([[1.0, 1.0], [1.0, 1.0]], 1.0, 60);
    let right: usize = found.iter().map(|found| found.n_right).sum();
    assert_eq!(
        right, 20,
        "each point comes once with either class, so half of 40 can be right"
    );
}

#[test]
fn nothing_to_fit_on_gives_no_accuracy() {
    let example = Example {
        vector: &[1.0],
        class: "a",
        group: "en",
        is_fitted_on: false,
    };
    assert_eq!(probe(&[example], RIDGE).unwrap(), []);
}
