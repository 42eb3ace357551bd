//! Each metric against numbers from numpy and scipy (`oracle/make.py`, run by hand), and against what it must say of plain cases.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use idiom_evaluate::metrics::agreement::{Pairs, agreement};
use idiom_evaluate::metrics::bootstrap::{gap_interval, gap_of_largest, mean_interval};
use idiom_evaluate::metrics::calibration::{Calibration, Shift, expected_error};
use idiom_evaluate::metrics::fid::fid;
use idiom_evaluate::metrics::kid::{KidOptions, discrepancy, kid};
use idiom_evaluate::metrics::manifold::manifold;
use idiom_evaluate::metrics::memorisation::{Sets, audit, nearest_pairs};
use idiom_evaluate::metrics::rank::{auc, mann_whitney_u, median, ranks, spearman};
use idiom_evaluate::metrics::retrieval::{RPrecisionOptions, found_at, r_precision};
use idiom_evaluate::metrics::ssim::ssim;
use idiom_gan::Draws;
use safetensors::SafeTensors;
use tch::{Device, Kind, Tensor};

fn oracle(name: &str) -> Tensor {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/oracle.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let view = file.tensor(name).unwrap();
    let shape: Vec<i64> = view.shape().iter().map(|side| *side as i64).collect();
    Tensor::from_data_size(view.data(), &shape, Kind::Double)
}

fn list(name: &str) -> Vec<f64> {
    Vec::try_from(&oracle(name)).unwrap()
}

fn check(name: &str, found: f64, expected: f64) {
    let tolerance = 1e-7 * expected.abs().max(1.0);
    assert!(
        (found - expected).abs() <= tolerance,
        "{name} is {found}, but the oracle says {expected}"
    );
}

fn normals(n: i64, dim: i64, stream: &str) -> Tensor {
    Draws::new(1, stream).normals(0, n, dim)
}

#[test]
fn kid_is_the_unbiased_discrepancy_of_the_cubic_kernel() {
    let found = discrepancy(&oracle("real"), &oracle("drawn")).unwrap();
    check("kid", found, list("kid")[0]);
}

#[test]
fn kid_over_subsets_averages_the_same_discrepancy() {
    let options = KidOptions {
        n_subsets: 400,
        subset_size: 20,
        seed: 3,
    };
    let found = kid(&oracle("real"), &oracle("drawn"), &options).unwrap();
    let error = 5.0 * found.deviation / 20.0;
    assert!(
        (found.mean - list("kid")[0]).abs() < error,
        "{found:?} is more than {error} from the whole"
    );
}

#[test]
fn kid_of_two_halves_of_one_cloud_is_about_0() {
    let found = kid(
        &normals(600, 8, "a"),
        &normals(600, 8, "b"),
        &KidOptions::default(),
    )
    .unwrap();
    assert!(found.mean.abs() < 3.0 * found.deviation, "{found:?}");
}

#[test]
fn fid_is_the_frechet_distance() {
    check(
        "fid",
        fid(&oracle("real"), &oracle("drawn")).unwrap(),
        list("fid")[0],
    );
    let same = fid(&oracle("real"), &oracle("real")).unwrap();
    assert!(same.abs() < 1e-9, "{same}");
}

#[test]
fn features_of_other_lengths_are_refused() {
    let error = fid(&oracle("real"), &oracle("audit/training").narrow(1, 0, 3)).unwrap_err();
    assert!(error.to_string().contains("[60, 3]"), "{error}");
}

#[test]
fn the_manifold_is_that_of_its_authors() {
    for k in [3_i64, 5] {
        let found = manifold(&oracle("real"), &oracle("drawn"), [k, k]).unwrap();
        let expected = list(&format!("prdc{k}"));
        check("precision", found.precision, expected[0]);
        check("recall", found.recall, expected[1]);
        check("density", found.density, expected[2]);
        check("coverage", found.coverage, expected[3]);
    }
}

#[test]
fn ranks_share_ties() {
    let (a, b) = (list("rank/a"), list("rank/b"));
    assert_eq!(ranks(&a), list("rank/ranks"));
    check("u", mann_whitney_u(&a, &b), list("rank/u")[0]);
    check("auc", auc(&a, &b).unwrap(), list("rank/auc")[0]);
    check(
        "spearman",
        spearman(&a, &b).unwrap(),
        list("rank/spearman")[0],
    );
}

#[test]
fn a_side_that_never_changes_has_no_correlation() {
    assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
    assert_eq!(auc(&[], &[1.0]), None);
    assert_eq!(median(&[3.0, 1.0, 2.0, 10.0]), Some(2.5));
}

#[test]
fn calibration_is_maximum_likelihood() {
    let scores = list("calibration/scores");
    let labels: Vec<bool> = list("calibration/labels")
        .iter()
        .map(|l| *l > 0.5)
        .collect();
    let platt = Calibration::fit(&scores, &labels, Shift::Free).unwrap();
    let expected = list("calibration/platt");
    assert!((platt.slope - expected[0]).abs() < 1e-5, "{platt:?}");
    assert!((platt.intercept - expected[1]).abs() < 1e-5, "{platt:?}");
    let temperature = Calibration::fit(&scores, &labels, Shift::Held).unwrap();
    assert!((temperature.slope - list("calibration/temperature")[0]).abs() < 1e-5);
    assert_eq!(temperature.intercept, 0.0);
    let found = expected_error(&list("calibration/probabilities"), &labels, 15);
    check("ece", found, list("calibration/error")[0]);
}

#[test]
fn nothing_is_fitted_on_matches_alone() {
    assert!(Calibration::fit(&[1.0, 2.0], &[true, true], Shift::Free).is_err());
}

#[test]
fn separable_pairs_end_with_a_steep_but_finite_probability() {
    let fit = Calibration::fit(
        &[-2.0, -1.0, 1.0, 2.0],
        &[false, false, true, true],
        Shift::Free,
    )
    .unwrap();
    assert!(fit.slope.is_finite() && fit.probability(1.0) > 0.99);
}

#[test]
fn a_score_that_sees_only_the_look_is_at_chance_on_subjects() {
    let line = |mean: f64, stream: &str| -> Vec<f64> {
        let values = Vec::<f32>::try_from(normals(1, 2000, stream).view([-1])).unwrap();
        values.iter().map(|v| f64::from(*v) + mean).collect()
    };
    let pairs = |stream: &str| Pairs {
        matched: line(2.0, &format!("{stream} matched")),
        other_look: line(0.0, &format!("{stream} look")),
        other_subject: line(2.0, &format!("{stream} subject")),
    };
    let found = agreement(&pairs("fitted"), &pairs("read")).unwrap();
    // Two unit normals 2 apart: Phi(2 / sqrt 2) = 0.9214.
    assert!(
        (found.auc_other_look.unwrap() - 0.9214).abs() < 0.01,
        "{found:?}"
    );
    assert!(
        (found.auc_other_subject.unwrap() - 0.5).abs() < 0.02,
        "{found:?}"
    );
    // A mixture of three normals is not quite logistic.
    assert!(found.calibration_error < 0.1, "{found:?}");
}

#[test]
fn the_sign_of_a_gap_does_not_depend_on_which_group_is_larger() {
    let (high, low, few) = ([1.0; 5], [0.25; 4], [0.5; 2]);
    let sets: [[(&str, &[f64]); 3]; 2] = [
        [("zh", &high), ("en", &low), ("yue", &few)],
        [("yue", &few), ("en", &low), ("zh", &high[..3])],
    ];
    for groups in sets {
        let gap = gap_of_largest(groups, 1).unwrap();
        assert_eq!((gap.names, gap.interval.value), (["en", "zh"], -0.75));
    }
    assert_eq!(gap_of_largest([("en", &high[..])], 1), None);
}

#[test]
fn the_interval_of_a_mean_is_about_two_standard_errors_wide() {
    let values: Vec<f64> = Vec::<f32>::try_from(normals(1, 400, "v").view([-1]))
        .unwrap()
        .iter()
        .map(|v| f64::from(*v))
        .collect();
    let found = mean_interval(&values, 1).unwrap();
    assert!(found.low < found.value && found.value < found.high);
    // 2 x 1.96 / sqrt(400) = 0.196, within the noise of the sample's own deviation.
    assert!((found.high - found.low - 0.196).abs() < 0.03, "{found:?}");
    let gap = gap_interval(&values, &values, 1).unwrap();
    assert!(gap.low < 0.0 && gap.value == 0.0 && gap.high > 0.0);
    assert_eq!(mean_interval(&[], 1), None);
}

#[test]
fn ssim_is_wangs() {
    let found = ssim(&oracle("ssim/x"), &oracle("ssim/y")).unwrap();
    for (found, expected) in found.iter().zip(list("ssim/value")) {
        check("ssim", *found, expected);
    }
    let same = ssim(&oracle("ssim/x"), &oracle("ssim/x")).unwrap();
    check("ssim of equals", same[0], 1.0);
}

#[test]
fn keys_that_are_all_alike_find_nothing() {
    let keys = Tensor::ones([4, 3], (Kind::Float, Device::Cpu));
    let found = found_at(&keys, &keys, &[0, 1, 2, 3], 1).unwrap();
    assert_eq!(found, [false; 4]);
}

#[test]
fn retrieval_finds_what_is_nearest() {
    let keys = Tensor::eye(4, (Kind::Float, Device::Cpu));
    let queries = Tensor::cat(
        &[
            keys.narrow(0, 0, 2),
            keys.narrow(0, 0, 2) + keys.narrow(0, 2, 2) * 2.0,
        ],
        0,
    );
    // The last two point more to rows 2 and 3 than to their own 0 and 1.
    let at = |k| found_at(&queries, &keys, &[0, 1, 0, 1], k).unwrap();
    assert_eq!(at(1), [true, true, false, false]);
    assert_eq!(at(2), [true; 4]);
}

#[test]
fn r_precision_of_noise_is_chance() {
    let (queries, keys) = (normals(3000, 8, "q"), normals(3000, 8, "k"));
    let truths: Vec<i64> = (0..3000).collect();
    let pools = vec![truths.as_slice(); 3000];
    let options = RPrecisionOptions {
        n_distractors: 9,
        seed: 1,
    };
    let found = r_precision(&queries, &keys, &truths, &pools, options).unwrap();
    let share = found.iter().filter(|f| **f).count() as f64 / 3000.0;
    // Chance is 1 in 10; binomial sd 0.0055.
    assert!((share - 0.1).abs() < 0.025, "{share}");
    let units = &keys
        / keys
            .square()
            .sum_dim_intlist([1_i64].as_slice(), true, Kind::Float)
            .sqrt();
    let own = r_precision(&units, &units, &truths, &pools, options).unwrap();
    assert!(own.iter().all(|found| *found));
}

#[test]
fn a_pool_that_is_too_small_is_an_error() {
    let keys = normals(5, 3, "k");
    let pool: Vec<i64> = (0..5).collect();
    let error = r_precision(
        &keys,
        &keys,
        &[0, 1, 2, 3, 4],
        &[&pool[..]; 5],
        RPrecisionOptions::default(),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "99 distractors are wanted, but only 4 others are there"
    );
}

#[test]
fn the_copying_test_is_meehans_and_authenticity_alaas() {
    let [training, held_out, drawn] =
        ["training", "held_out", "copies"].map(|name| oracle(&format!("audit/{name}")));
    let sets = Sets {
        training: &training,
        held_out: &held_out,
        drawn: &drawn,
    };
    let found = audit(&sets, 1, 0).unwrap();
    check("c_t", found.c_t, list("audit/c_t")[0]);
    check("authentic", found.authentic, list("audit/authentic")[0]);
}

#[test]
fn a_planted_overfit_is_flagged_and_fresh_pictures_are_not() {
    let [training, held_out] = ["training", "held out"].map(|name| normals(400, 6, name));
    let fresh = normals(200, 6, "fresh");
    let copied = training.narrow(0, 0, 200) + normals(200, 6, "blur") * 0.02;
    let report = |drawn: &Tensor| {
        let sets = Sets {
            training: &training,
            held_out: &held_out,
            drawn,
        };
        audit(&sets, 4, 0).unwrap()
    };
    let (honest, planted) = (report(&fresh), report(&copied));
    assert!(!honest.is_copying(), "{honest:?}");
    assert!(planted.is_copying() && planted.c_t < -10.0, "{planted:?}");
    assert!(
        planted.distance_ratio < 0.2 && planted.authentic < 0.05,
        "{planted:?}"
    );
    // A tenth of copies does not hide from the pairs, whatever the medians say.
    let mixed = Tensor::cat(&[&fresh, &copied.narrow(0, 0, 20)], 0);
    let pairs = nearest_pairs(&training, &mixed, 20).unwrap();
    assert!(
        pairs
            .iter()
            .all(|pair| pair.drawn >= 200 && pair.training == pair.drawn - 200)
    );
}
