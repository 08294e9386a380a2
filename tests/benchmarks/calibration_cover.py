"""How often intervals hold the truth: the coverage lines of calibration.py. Not here: tests."""

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
from simulated import Line, answers, holds, requests

from evalrun.stats.interval import unit_mean, wilson
from evalrun.stats.quantile import quantile_interval
from evalrun.stats.resample import compare_ratios
from evalrun.stats.scores import Flips, difference_interval, flips


def wilson_cover(runs: int) -> Iterator[Line]:
    """Wilson at fixed p, where steps of 1/n show, and with p from a neighbourhood, where they even out."""
    for n in (30, 200, 1000):
        intervals = [wilson(k, n) for k in range(n + 1)]
        for p, spread in ((0.5, 0.0), (0.9, 0.0), (0.99, 0.0), (0.5, 0.05), (0.9, 0.05), (0.985, 0.01)):
            rng = np.random.default_rng([9, n, int(1000 * p), int(100 * spread)])
            truth = p + spread * rng.uniform(-1, 1, 10 * runs)
            hits = sum(
                holds(intervals[k], t) for k, t in zip(rng.binomial(n, truth).tolist(), truth.tolist(), strict=True)
            )
            about = f"p={p}" if not spread else f"p about {p}"
            yield Line("cover", f"Wilson, n={n}, {about}", hits, 10 * runs, 0.95, 0.02 if n == 30 else 0.01)


def repeats_cover(runs: int) -> Iterator[Line]:
    """Means of 4 repeats, near the middle and near 1, samples alike or not; the same with clusters of samples."""
    for n in (30, 200, 1000):
        for p, alike in ((0.5, 0.3), (0.9, 0.0), (0.9, 0.3), (0.9, 0.7), (0.99, 0.3)):
            rng = np.random.default_rng([10, n, int(100 * p), int(10 * alike)])
            hits = clipped = dispersed = 0
            for _ in range(runs):
                means = answers(rng, n, p, alike=alike, repeats=4)[0]
                hits += holds(unit_mean(means), p)
                dispersed += holds(unit_mean(means, answers=np.full(n, 4)), p)
                half = 2.0 * means.std(ddof=1) / math.sqrt(n)
                clipped += abs(means.mean() - p) <= half or (half == 0 and p >= 0.9)
            where = f"mean of 4 repeats, n={n}, p={p}, likeness {alike}"
            band = 0.02 if n == 30 else 0.01
            yield Line("cover", where, hits, runs, 0.95, band)
            yield Line("cover", f"{where}, beta-binomial", dispersed, runs, 0.95, band)
            yield Line("info", f"{where}, mean +- t se instead", clipped, runs, 0.95)
    for clusters in (15, 50):
        rng, hits = np.random.default_rng([11, clusters]), 0
        names = [i for i in range(clusters) for _ in range(10)]
        for _ in range(runs):
            right = rng.random((clusters, 10)) < rng.beta(1.4, 0.6, clusters)[:, None]
            hits += holds(unit_mean(right.ravel().astype(float).tolist(), clusters=names), 0.7)
        yield Line("cover", f"mean over {clusters} clusters of 10", hits, runs, 0.95, 0.02)
    rng, hits, names = np.random.default_rng(20), 0, np.repeat(np.arange(50), 10)
    for _ in range(runs):
        logs = (rng.normal(0, 0.5, (50, 1)) + rng.normal(0, 0.5, (50, 10))).ravel()
        order = np.argsort(logs)
        hits += holds(quantile_interval(logs[order].tolist(), 0.5, clusters=names[order]), 0.0)
    yield Line("cover", "median over 50 clusters of 10", hits, runs, 0.95, 0.02)


def difference_cover(runs: int) -> Iterator[Line]:
    """Paired differences: one answer, repeats, clusters; skewed means and ratios; a percentile alone."""
    for n in (30, 200, 1000):
        for p in (0.5, 0.9, 0.99):
            for repeats in (1, 4):
                rng, hits = np.random.default_rng([12, n, int(100 * p), repeats]), 0
                known = cache(lambda u, d, n=n: difference_interval(Flips(u, d, n)))
                for _ in range(runs):
                    base, new = answers(rng, n, p, alike=0.0 if p == 0.99 else 0.3, repeats=repeats)
                    d = new - base
                    pair = known(float((d > 0).sum()), float((d < 0).sum())) if repeats == 1 else None
                    low, high = pair or difference_interval(flips(d.tolist()))
                    hits += low <= 0 <= high
                what = f"paired difference, n={n}, p={p}, repeats={repeats}"
                yield Line("cover", what, hits, runs, 0.95, 0.02 if n == 30 else 0.01)
    rng, hits = np.random.default_rng(13), 0
    names = [i for i in range(50) for _ in range(10)]
    for _ in range(runs):
        d = np.sign(rng.normal(0, 1, (50, 1)) + rng.normal(0, 1, (50, 10))) * (rng.random((50, 10)) < 0.3)
        low, high = difference_interval(flips(d.ravel().tolist(), clusters=names))
        hits += low <= 0 <= high
    yield Line("cover", "paired difference, 50 clusters of 10", hits, runs, 0.95, 0.01)
    for n in (50, 300):
        rng, ratios, alone, half = np.random.default_rng([14, n]), 0, 0, runs // 2
        for _ in range(half):
            base, new = requests(rng, 2, n)
            ratios += holds(compare_ratios((base, np.ones(n)), (new, np.ones(n))), 0.0)
            alone += holds(quantile_interval(sorted(base.tolist()), 0.5), TRUE_MEDIAN)
        yield Line("cover", f"ratio of means, heavy tail, n={n}", ratios, half, 0.95, 0.02)
        yield Line("cover", f"median alone, n={n}", alone, half, 0.95, 0.02)


TRUE_MEDIAN = float(np.quantile(requests(np.random.default_rng(0), 2_000_000), 0.5))
