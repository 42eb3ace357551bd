//! Ranks, and what is read off them: AUC, Mann & Whitney's U, Spearman's correlation.

/// Ranks from 1, ties sharing the mean of theirs.
#[must_use]
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && values[order[end]] == values[order[start]] {
            end += 1;
        }
        for place in &order[start..end] {
            ranks[*place] = (start + 1 + end) as f64 / 2.0;
        }
        start = end;
    }
    ranks
}

/// Mann & Whitney's U: pairs in which the value of `first` is above that of `second`, ties counting half.
#[must_use]
pub fn mann_whitney_u(first: &[f64], second: &[f64]) -> f64 {
    let all: Vec<f64> = first.iter().chain(second).copied().collect();
    let n = first.len() as f64;
    ranks(&all)[..first.len()].iter().sum::<f64>() - n * (n + 1.0) / 2.0
}

/// The area under the ROC curve: the chance that a positive scores above a negative. `None` where one side is empty.
#[must_use]
pub fn auc(positives: &[f64], negatives: &[f64]) -> Option<f64> {
    let pairs = positives.len() as f64 * negatives.len() as f64;
    (pairs > 0.0).then(|| mann_whitney_u(positives, negatives) / pairs)
}

/// Spearman's correlation: Pearson's of the ranks. `None` where a side never changes or lengths differ.
#[must_use]
pub fn spearman(first: &[f64], second: &[f64]) -> Option<f64> {
    if first.len() != second.len() || first.len() < 2 {
        return None;
    }
    let (a, b) = (ranks(first), ranks(second));
    let middle = (first.len() as f64 + 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| -> f64 {
        x.iter()
            .zip(y)
            .map(|(x, y)| (x - middle) * (y - middle))
            .sum()
    };
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    (scale > 0.0).then(|| product(&a, &b) / scale)
}

/// The middle value; the mean of the two middle ones of an even number, `None` of none.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[half]),
        _ => Some((sorted[half - 1] + sorted[half]) / 2.0),
    }
}
