// Means over seeds and what can be said of their difference: Student's t, Welch's test. Pure.

/** How many, their mean and their standard deviation (n - 1); numbers only. */
export function summary(values) {
  const numbers = values.filter(Number.isFinite);
  const n = numbers.length;
  const mean = numbers.reduce((sum, value) => sum + value, 0) / n;
  const deviation = Math.sqrt(numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  return { n, mean: n ? mean : NaN, deviation: n > 1 ? deviation : NaN };
}

/** Half the width of the interval that holds the mean with 95 % confidence; NaN for fewer than two. */
export function halfWidth({ n, deviation }) {
  return n > 1 ? (quantile(n - 1) * deviation) / Math.sqrt(n) : NaN;
}

/** Welch's test of two samples: `{ t, df, p }`, two-sided; NaN where it says nothing. */
export function welch(one, other) {
  const [a, b] = [summary(one), summary(other)];
  const [va, vb] = [a.deviation ** 2 / a.n, b.deviation ** 2 / b.n];
  const t = (a.mean - b.mean) / Math.sqrt(va + vb);
  const df = (va + vb) ** 2 / (va ** 2 / (a.n - 1) + vb ** 2 / (b.n - 1));
  return { t, df, p: twoSided(t, df) };
}

/** The chance of a t at least so far from 0. */
export function twoSided(t, df) {
  if (!Number.isFinite(t) || !Number.isFinite(df)) return NaN;
  return incompleteBeta(df / 2, 0.5, df / (df + t * t));
}

/** The t that is passed with a chance of 2.5 %, by halving. */
export function quantile(df) {
  let [low, high] = [0, 1000];
  for (let i = 0; i < 80; i += 1) {
    const middle = (low + high) / 2;
    if (twoSided(middle, df) > 0.05) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Lanczos' approximation of ln Γ. */
function lnGamma(x) {
  const terms = [
    76.18009172947146, -86.50532032941677, 24.01409824083091, -1.231739572450155, 0.001208650973866179,
    -0.000005395239384953,
  ];
  const base = x + 5.5 - (x + 0.5) * Math.log(x + 5.5);
  const sum = terms.reduce((total, term, i) => total + term / (x + 1 + i), 1.000000000190015);
  return -base + Math.log((2.5066282746310005 * sum) / x);
}

/** The regularised incomplete beta function by its continued fraction (Lentz). */
function incompleteBeta(a, b, x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log(1 - x));
  return x < (a + 1) / (a + b + 2) ? (front * fraction(a, b, x)) / a : 1 - (front * fraction(b, a, 1 - x)) / b;
}

function fraction(a, b, x) {
  const tiny = 1e-300;
  const keep = (value) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / keep(1 - ((a + b) * x) / (a + 1));
  let product = d;
  for (let m = 1; m <= 300; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / keep(1 + even * d);
    c = keep(1 + even / c);
    product *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / keep(1 + odd * d);
    c = keep(1 + odd / c);
    product *= d * c;
    if (Math.abs(d * c - 1) < 1e-14) break;
  }
  return product;
}
