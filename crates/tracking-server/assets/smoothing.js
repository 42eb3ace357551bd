// Smoothing of curves: an exponential moving average that is not biased towards its start.
//
// y_i = sum_j w^(i-j) x_j / sum_j w^(i-j) over the finite values up to i, as in Adam's bias correction
// (Kingma & Ba 2015). Values that are not finite stay where they are and do not enter the average.

/** Smooths `values` with `weight` in [0, 1): 0 leaves them as they are. */
export function smooth(values, weight) {
  if (!weight) return values;
  let sum = 0;
  let norm = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    sum = sum * weight + value * (1 - weight);
    norm = norm * weight + (1 - weight);
    return sum / norm;
  });
}
