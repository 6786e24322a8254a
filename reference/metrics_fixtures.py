"""Scores of small random predictions, each by another route than the TypeScript takes: np.corrcoef throughout.

Matthews' coefficient is the correlation of the one-hot confusion variables, F1 comes from precision and recall, and
Spearman's rho from ranks counted pair by pair. Run from the project root: python reference/metrics_fixtures.py
"""
import json
from pathlib import Path

import numpy as np


def ranks(x):
    return np.array([np.sum(x < v) + (np.sum(x == v) + 1) / 2 for v in x])


def classification(p, t, k):
    one_hot_p, one_hot_t = np.eye(k)[p], np.eye(k)[t]
    covariance = lambda a, b: sum(np.cov(a[:, j], b[:, j], bias=True)[0, 1] for j in range(k))
    tp = np.sum((p == 1) & (t == 1))
    precision, recall = tp / max(np.sum(p == 1), 1), tp / max(np.sum(t == 1), 1)
    return {
        "accuracy": float(np.mean(p == t)),
        "f1": float(2 * precision * recall / (precision + recall)) if tp else 0.0,
        "matthews_correlation": float(
            covariance(one_hot_p, one_hot_t) / np.sqrt(covariance(one_hot_p, one_hot_p) * covariance(one_hot_t, one_hot_t))
        ),
    }


def main():
    g = np.random.default_rng(7)
    cases = []
    for n, k in [(12, 2), (40, 2), (97, 3), (200, 4)]:
        t = g.integers(0, k, n)
        p = np.where(g.random(n) < 0.6, t, g.integers(0, k, n))
        cases.append({"predictions": p.tolist(), "labels": t.tolist(), "scores": classification(p, t, k)})
    for n, digits, offset in [(3, 3, 0), (50, 3, 0), (50, 0, 0), (80, 1, 1e6)]:
        t = np.round(g.random(n) * 5, digits)
        p = np.round(t + g.normal(size=n), digits) + offset
        scores = {"pearson": np.corrcoef(p, t)[0, 1], "spearmanr": np.corrcoef(ranks(p), ranks(t))[0, 1]}
        cases.append({"predictions": p.tolist(), "labels": t.tolist(), "scores": {m: float(v) for m, v in scores.items()}})
    Path("reference/fixtures/metrics.json").write_text(json.dumps(cases, separators=(",", ":"), allow_nan=False) + "\n")


main()
