"""Makes `oracle.safetensors`: numbers that `tests/oracle.rs` compares with.

From scipy and numpy, by the formulas of clean-fid and torch-fidelity (KID, FID), of the authors of precision/recall and
density/coverage (`prdc`), of scikit-image (SSIM) and of Meehan et al. (`C_T`), each written with loops where the original is
vectorised. Run by hand: `python make.py` (needs numpy, scipy, safetensors). Neither the tests nor CI run it.
"""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy import linalg, optimize, signal, stats

rng = np.random.default_rng(3)
out = {}


def put(name, value):
    assert name not in out, name
    out[name] = np.ascontiguousarray(np.asarray(value, dtype=np.float64).reshape(np.shape(value) or (1,)))


n, m, dim = 40, 30, 6
real = rng.normal(size=(n, dim)) @ rng.normal(size=(dim, dim)) + 0.3
drawn = rng.normal(size=(m, dim)) @ rng.normal(size=(dim, dim))
put("real", real)
put("drawn", drawn)

# KID, as clean-fid's kernel_distance and torch-fidelity's polynomial_mmd, unbiased.
k = lambda a, b: (a @ b / dim + 1) ** 3
xx = sum(k(a, b) for i, a in enumerate(real) for j, b in enumerate(real) if i != j) / (n * (n - 1))
yy = sum(k(a, b) for i, a in enumerate(drawn) for j, b in enumerate(drawn) if i != j) / (m * (m - 1))
xy = sum(k(a, b) for a in real for b in drawn) / (n * m)
put("kid", xx + yy - 2 * xy)

# FID, as clean-fid's frechet_distance.
c1, c2 = np.cov(real, rowvar=False), np.cov(drawn, rowvar=False)
root = linalg.sqrtm(c1 @ c2)
delta = real.mean(0) - drawn.mean(0)
put("fid", delta @ delta + np.trace(c1) + np.trace(c2) - 2 * np.trace(root.real))

# Precision, recall, density, coverage, as prdc's compute_prdc.
d = lambda a, b: np.linalg.norm(a - b)
radius = lambda rows, i, k: sorted(d(rows[i], rows[j]) for j in range(len(rows)))[k]
for k_near in (3, 5):
    r_real = [radius(real, i, k_near) for i in range(n)]
    r_drawn = [radius(drawn, j, k_near) for j in range(m)]
    inside = np.array([[d(real[i], drawn[j]) < r_real[i] for j in range(m)] for i in range(n)])
    inside_drawn = np.array([[d(real[i], drawn[j]) < r_drawn[j] for j in range(m)] for i in range(n)])
    put(f"prdc{k_near}", [inside.any(0).mean(), inside_drawn.any(1).mean(), inside.sum() / (k_near * m), inside.any(1).mean()])

# Ranks.
a, b = rng.integers(0, 12, 50) / 4.0, rng.integers(0, 12, 50) / 4.0
b = b + 0.5 * a
put("rank/a", a)
put("rank/b", b)
put("rank/spearman", stats.spearmanr(a, b).statistic)
put("rank/u", stats.mannwhitneyu(a, b).statistic)
put("rank/auc", stats.mannwhitneyu(a, b).statistic / 2500)
put("rank/ranks", stats.rankdata(a))

# Platt scaling and temperature by maximum likelihood; calibration error in 15 equal bins.
scores = rng.normal(size=200) * 2
labels = (rng.uniform(size=200) < 1 / (1 + np.exp(-(0.7 * scores - 0.4)))).astype(float)
put("calibration/scores", scores)
put("calibration/labels", labels)


def loss(p):
    z = p[0] * scores + (p[1] if len(p) > 1 else 0)
    return np.sum(np.logaddexp(0, z) - labels * z)


exact = dict(method="BFGS", options={"gtol": 1e-10})
platt = optimize.minimize(loss, [1.0, 0.0], **exact).x
put("calibration/platt", platt)
put("calibration/temperature", optimize.minimize(loss, [1.0], **exact).x)
p = 1 / (1 + np.exp(-(platt[0] * scores + platt[1])))
ece = 0
for i in range(15):
    inside = (p >= i / 15) & (p < (i + 1) / 15)
    if inside.any():
        ece += inside.mean() * abs(p[inside].mean() - labels[inside].mean())
put("calibration/probabilities", p)
put("calibration/error", ece)

# SSIM over whole Gaussian windows of 11, colour by colour, as scikit-image's structural_similarity with gaussian_weights.
x = rng.uniform(-1, 1, (2, 3, 20, 24))
y = np.clip(x + rng.normal(size=x.shape) * np.array([0.1, 0.6]).reshape(2, 1, 1, 1), -1, 1)
put("ssim/x", x)
put("ssim/y", y)
g = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
w = np.outer(g, g) / np.outer(g, g).sum()
blur = lambda image: signal.correlate2d(image, w, mode="valid")
result = []
for i in range(2):
    channels = []
    for c in range(3):
        u, v = x[i, c], y[i, c]
        mu, mv = blur(u), blur(v)
        suu, svv, suv = blur(u * u) - mu**2, blur(v * v) - mv**2, blur(u * v) - mu * mv
        c1_, c2_ = 0.02**2, 0.06**2
        channels.append(((2 * mu * mv + c1_) * (2 * suv + c2_) / ((mu**2 + mv**2 + c1_) * (suu + svv + c2_))).mean())
    result.append(np.mean(channels))
put("ssim/value", result)

# C_T with one cell, as Meehan et al.'s data_copying_tests.Zu; AuthPct by its definition.
training, held_out, copies = (rng.normal(size=(s, dim)) for s in (60, 25, 35))
copies[:20] = training[:20] + 0.05 * rng.normal(size=(20, dim))
for name, rows in (("training", training), ("held_out", held_out), ("copies", copies)):
    put(f"audit/{name}", rows)
near = lambda row: min(d(row, t) for t in training)
p_d, q_d = [near(row) for row in held_out], [near(row) for row in copies]
u = stats.mannwhitneyu(q_d, p_d, alternative="less").statistic
np_, nq = len(p_d), len(q_d)
put("audit/c_t", (u - np_ * nq / 2) / np.sqrt(np_ * nq * (np_ + nq + 1) / 12))
authentic = []
for row in copies:
    i = int(np.argmin([d(row, t) for t in training]))
    authentic.append(d(row, training[i]) > min(d(training[i], t) for j, t in enumerate(training) if j != i))
put("audit/authentic", np.mean(authentic))

path = Path(__file__).parent / "oracle.safetensors"
save_file(out, path)
print(len(out), "arrays,", path.stat().st_size, "bytes")
