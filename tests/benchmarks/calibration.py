"""Print how often the statistics are wrong where the truth is known, beside how often they say they are.

    python tests/benchmarks/calibration.py [--quick] [--workers N]

Seeded. Each line is a simulation: what was promised, what was seen, whether that is within the band. `low` marks a
test or interval that is on the safe side by more than the band; `FAIL` one that is not what it promises, and the exit
code is then 1. `info` lines judge nothing: they show what the promised methods replace.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalrun.stats.distribution import binomial_tail
from evalrun.stats.interval import Interval, beta_binomial, unit_mean, wilson
from evalrun.stats.nights import Night, drift, log_quantile_night, quantile_interval
from evalrun.stats.paired import Flips, difference_interval, flips, margin_sides, mcnemar
from evalrun.stats.percentile import compare_quantiles
from evalrun.stats.power import mde_flips, mde_mean, mde_ratio, needed_pairs, repeats_error
from evalrun.stats.resample import compare_means, compare_ratios, sign_flip
from evalrun.stats.sequence import sequential_interval, sequential_sides
from evalrun.stats.verdict import Comparison, Sides

Floats = NDArray[np.float64]

ALPHA = 0.05
MARGIN = 0.02


class Line(NamedTuple):
    """One simulated rate. kind: alpha (at most), power (80 +- 3), cover (95 +- band) or info."""

    kind: str
    what: str
    hits: int
    runs: int
    promised: float
    band: float = 0.0

    def mark(self) -> str:
        """Judge the rate: alpha and fixed coverage by the binomial 99 % band, the others by their own."""
        seen = self.hits / self.runs
        if self.kind == "info":
            return "info"
        if self.kind == "alpha":
            chance_of_more = binomial_tail(self.hits, self.runs, self.promised)
            chance_of_less = 1 - binomial_tail(self.hits + 1, self.runs, self.promised)
            return "FAIL" if chance_of_more < 0.005 else "low" if chance_of_less < 0.005 else "ok"
        noise = 2.58 * math.sqrt(self.promised * (1 - self.promised) / self.runs) if self.kind == "cover" else 0.0
        if abs(seen - self.promised) <= self.band + noise:
            return "ok"
        return "low" if self.kind == "cover" and seen > self.promised else "FAIL"


def holds(found: Interval | Comparison | None, truth: float) -> bool:
    """Say whether the interval has the truth in it; one that was not given does not."""
    return found is not None and None not in (found.low, found.high) and found.low <= truth <= found.high


# ---------------------------------------------------------------- right and wrong


def answers(rng: np.random.Generator, n: int, p: float, *, alike: float, repeats: int) -> tuple[Floats, Floats]:
    """Give two runs of the same samples, as the means of their repeats. `alike` 0: all samples are equally hard."""
    odds = (1 - alike) / alike if alike else 0.0
    chance = rng.beta(p * odds, (1 - p) * odds, n) if alike else np.full(n, p)
    return rng.binomial(repeats, chance) / repeats, rng.binomial(repeats, chance) / repeats


@cache
def binary_sides(better: int, worse: int, n: int, margin: float) -> Sides:
    """`margin_sides`, remembered."""
    return margin_sides(Flips(better, worse, n, 1.0, None), margin)


def accuracy_alarms(runs: int) -> Iterator[Line]:
    """No true difference: how often is it called regressed, or different?"""
    for repeats in (1, 4):
        for n in (30, 200, 1000):
            for p in (0.5, 0.9, 0.99):
                rng = np.random.default_rng([1, repeats, n, int(100 * p)])
                one = two = beyond = 0
                for _ in range(runs):
                    base, new = answers(rng, n, p, alike=0.3, repeats=repeats)
                    d = new - base
                    if repeats == 1:
                        up, down = int((d > 0).sum()), int((d < 0).sum())
                        worse, both = binary_sides(up, down, n, 0.0).worse, mcnemar(up, down)
                        far = binary_sides(up, down, n, MARGIN).worse
                    else:
                        both, _, worse = sign_flip(d, rounds=400)
                        far = margin_sides(flips(d.tolist()), MARGIN).worse
                    one, two, beyond = one + (worse <= ALPHA), two + (both <= ALPHA), beyond + (far <= ALPHA)
                where = f"accuracy, n={n}, p={p}, repeats={repeats}"
                yield Line("alpha", f"{where}: regressed, margin 0", one, runs, ALPHA)
                yield Line("alpha", f"{where}: p <= 0.05, two-sided", two, runs, ALPHA)
                yield Line("alpha", f"{where}: regressed, margin 2 points", beyond, runs, ALPHA)


def margin_alarms(runs: int) -> Iterator[Line]:
    """Exactly the margin worse: how often does that pass, how often is it called regressed?"""
    for n in (30, 200, 1000):
        for noise in (0.02, 0.1, 0.4):
            for margin in (0.02, 0.1):
                rng = np.random.default_rng([2, n, int(100 * noise), int(100 * margin)])
                counts = rng.multinomial(n, [noise / 2, noise / 2 + margin, 1 - noise - margin], runs)
                sides = [binary_sides(int(up), int(down), n, margin) for up, down, _ in counts]
                where = f"accuracy, n={n}, {noise:.0%} flip, {margin:.0%} worse, margin {margin:.0%}"
                yield Line("alpha", f"{where}: pass", sum(s.within <= ALPHA for s in sides), runs, ALPHA)
                # as an approximation it may miss by little where a handful of flips decide
                kind = "alpha" if n * (noise + margin) >= 20 else "info"
                yield Line(kind, f"{where}: regressed", sum(s.worse <= ALPHA for s in sides), runs, ALPHA)


def accuracy_power(runs: int) -> Iterator[Line]:
    """As much worse as `plan` says can be seen: how often is it seen?"""
    for n in (30, 200, 1000):
        for noise in (0.05, 0.2):
            for sides, margin in ((2, 0.0), (1, 0.0), (1, MARGIN)):
                drop = mde_flips(n, noise, sides=sides, margin=margin)
                if drop is None:
                    continue
                rng = np.random.default_rng([3, n, int(100 * noise), sides])
                counts = rng.multinomial(n, [noise / 2, noise / 2 + drop, 1 - noise - drop], runs)
                seen = sum(
                    (binary_sides(int(u), int(d), n, margin).worse if sides == 1 else mcnemar(int(u), int(d))) <= ALPHA
                    for u, d, _ in counts
                )
                what = f"accuracy, n={n}, {noise:.0%} flip, {sides}-sided, margin {margin:.0%}: mde {drop:.3f}"
                yield Line("power", what, seen, runs, 0.8, 0.03)
    wanted = needed_pairs(0.1, 0.05, sides=1) or 0
    counts = np.random.default_rng(4).multinomial(wanted, [0.05, 0.1, 0.85], runs)
    seen = sum(binary_sides(int(u), int(d), wanted, 0.0).worse <= ALPHA for u, d, _ in counts)
    yield Line("power", f"accuracy, 5 points worse, 10% flip: needed n {wanted}", seen, runs, 0.8, 0.03)
    for n in (200, 1000):
        chance = 0.7
        noise = 2 * chance * (1 - chance)  # of one answer, both sides
        drop = mde_mean(repeats_error(n, between=0.0, within=noise, repeats=4), n)
        rng, seen = np.random.default_rng([5, n]), 0
        for _ in range(runs):
            d = (rng.binomial(4, chance - drop, n) - rng.binomial(4, chance, n)) / 4
            seen += sign_flip(d, rounds=400).both <= ALPHA
        yield Line("power", f"accuracy, n={n}, repeats=4: mde {drop:.3f}", seen, runs, 0.8, 0.03)


# ---------------------------------------------------------------- latency


def requests(rng: np.random.Generator, *shape: int) -> Floats:
    """Give latencies with a heavy tail: log-normal, one in fifty ten times as long."""
    return rng.lognormal(0.0, 0.6, shape) * np.where(rng.random(shape) < 0.02, 10.0, 1.0)


def latency_alarms(runs: int) -> Iterator[Line]:
    """Pairs of one session that differ by nothing, or by the margin; intervals of their ratio."""
    for q, n in ((0.5, 60), (0.95, 200), (0.95, 1000)):
        rng = np.random.default_rng([6, n])
        alarms = far = passed = inside = 0
        rounds = runs if n <= 200 else runs // 4
        for seed in range(rounds):
            hard = rng.lognormal(0, 0.5, n)  # long prompts are slow on both sides
            base, new = hard * requests(rng, n), hard * requests(rng, n)
            found = compare_quantiles(base, new, q, margin=0.0, seed=seed, rounds=400)
            assert found.sides
            alarms, inside = alarms + (found.sides.worse <= ALPHA), inside + holds(found, 0.0)
            slower = compare_quantiles(base, 1.15 * new, q, margin=0.15, seed=seed, rounds=400).sides
            assert slower
            far, passed = far + (slower.worse <= ALPHA), passed + (slower.within <= ALPHA)
        where = f"p{100 * q:g}, one session, heavy tail, n={n}"
        yield Line("alpha", f"{where}: regressed, margin 0", alarms, rounds, ALPHA)
        yield Line("alpha", f"{where}, 15% worse, margin 15%: regressed", far, rounds, ALPHA)
        yield Line("alpha", f"{where}, 15% worse, margin 15%: pass", passed, rounds, ALPHA)
        yield Line("cover", f"{where}: interval of the ratio", inside, rounds, 0.95, 0.02)


def latency_power(runs: int) -> Iterator[Line]:
    """A rise by the mde of a percentile, from its true standard error."""
    q, n, rounds = 0.95, 500, max(40, runs // 4)
    rng = np.random.default_rng(7)
    pairs = rng.lognormal(0.0, 0.6, (4000, 2, n))
    error = float(np.diff(np.log(np.quantile(pairs, q, axis=2, method="inverted_cdf")), axis=1).std())
    rise, seen = mde_ratio(error, n), 0
    for seed in range(rounds):
        base, new = rng.lognormal(0.0, 0.6, (2, n))
        p = compare_quantiles(base, new * (1 + rise), q, seed=seed, rounds=400).p
        seen += p is not None and p <= ALPHA
    yield Line("power", f"p95, one session, n={n}: mde {rise:.1%}", seen, rounds, 0.8, 0.03)


def night_effects(rng: np.random.Generator, kind: str, nights: int) -> Floats:
    """Give the drift of log latency over nights, about 10 % in size."""
    steps = rng.normal(0, 0.1, nights)
    if kind == "wandering":
        return np.cumsum(steps / 2)
    if kind == "lasting":
        for i in range(1, nights):
            steps[i] = 0.8 * steps[i - 1] + 0.6 * steps[i]
    return steps * (kind != "steady")


def night_alarms(runs: int) -> Iterator[Line]:
    """TTFT p95 with a heavy tail on nights that drift; tonight is like any other."""
    for nights in (3, 5, 10, 20):
        for kind in ("steady", "independent", "lasting", "wandering"):
            rng = np.random.default_rng([8, nights, len(kind)])
            alarms = naive = passed = seen = 0
            for _ in range(runs):
                effects = night_effects(rng, kind, nights + 1)
                values = requests(rng, nights + 1, 200) * np.exp(effects)[:, None]
                *before, last = [log_quantile_night(sorted(row), 0.95) for row in values.tolist()]
                found = drift(before, last)
                alarms += found.sides.worse <= ALPHA
                naive += drift(before[-1:], last).sides.worse <= ALPHA
                slower = Night(last.value + math.log(1.15), last.error)
                passed += drift(before, slower, margin=math.log(1.15)).sides.within <= ALPHA
                seen += drift(before, Night(last.value + found.mde, last.error)).sides.worse <= ALPHA
            where = f"TTFT p95, {nights} {kind} nights, n=200"
            yield Line("alpha", f"{where}: regressed", alarms, runs, ALPHA)
            yield Line("alpha", f"{where}, 15% worse, margin 15%: pass", passed, runs, ALPHA)
            yield Line("info", f"{where}: one night trusted instead", naive, runs, ALPHA)
            kind_of = "power" if kind == "independent" else "info"
            yield Line(kind_of, f"{where}: power at its own mde", seen, runs, 0.8, 0.03)


# ---------------------------------------------------------------- intervals


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
                hits += holds(unit_mean(means.tolist()), p)
                dispersed += holds(beta_binomial((4 * means).astype(int).tolist(), [4] * n).interval, p)
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


def difference_cover(runs: int) -> Iterator[Line]:
    """Paired differences: one answer, repeats, clusters; skewed means and ratios; a percentile alone."""
    for n in (30, 200, 1000):
        for p in (0.5, 0.9, 0.99):
            for repeats in (1, 4):
                rng, hits = np.random.default_rng([12, n, int(100 * p), repeats]), 0
                known = cache(lambda u, d, n=n: difference_interval(Flips(u, d, n, 1.0, None)))
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
        rng, means, ratios, alone = np.random.default_rng([14, n]), 0, 0, 0
        truth = math.exp(0.18) * (1 + 9 * 0.02)
        for seed in range(runs):
            base, new = requests(rng, 2, n)
            means += holds(compare_means(base, new, seed=seed), 0.0)
            ratios += holds(compare_ratios((base, np.ones(n)), (new, np.ones(n)), seed=seed), 0.0)
            alone += holds(quantile_interval(sorted(base.tolist()), 0.5), TRUE_MEDIAN)
        yield Line("cover", f"difference of means, heavy tail of mean {truth:.1f}, n={n}", means, runs, 0.95, 0.02)
        yield Line("cover", f"ratio of means, heavy tail, n={n}", ratios, runs, 0.95, 0.02)
        yield Line("cover", f"median alone, n={n}", alone, runs, 0.95, 0.02)


TRUE_MEDIAN = float(np.quantile(requests(np.random.default_rng(0), 2_000_000), 0.5))


# ---------------------------------------------------------------- looks


def sequential_alarms(runs: int) -> Iterator[Line]:
    """At the edge of the hypothesis, looking again and again: how often is it ever rejected?"""
    for margin, flip in ((0.0, 0.2), (MARGIN, 0.1), (MARGIN, 0.02)):
        for every in (20, 1):
            rounds = runs if every == 20 else runs // 10
            rng = np.random.default_rng([15, int(100 * margin), int(100 * flip), every])
            alarms = wrong = left = naive = 0
            for _ in range(rounds):
                d = rng.choice([1.0, -1.0, 0.0], 400, p=[flip / 2, flip / 2 + margin, 1 - flip - margin])
                seen = [d[:n] for n in range(every, 401, every)]
                looks = [sequential_sides(part, margin=margin) for part in seen]
                alarms += any(look.worse <= ALPHA for look in looks)
                wrong += any(look.within <= ALPHA for look in looks)
                if every == 20:
                    bounds = [sequential_interval(part) for part in seen]
                    left += any(not low <= -margin <= high for low, high in bounds)
                    ups = [(int((part > 0).sum()), int((part < 0).sum()), len(part)) for part in seen]
                    naive += any(binary_sides(*counts, margin).worse <= ALPHA for counts in ups)
            where = f"{400 // every} looks at 400 pairs, {flip:.0%} flip, margin {margin:.0%}"
            yield Line("alpha", f"{where}: regressed", alarms, rounds, ALPHA)
            yield Line("alpha", f"{where}: pass", wrong, rounds, ALPHA)
            if every == 20:
                yield Line("alpha", f"{where}: interval ever misses", left, rounds, ALPHA)
                yield Line("info", f"{where}: an ordinary p instead", naive, rounds, ALPHA)
    rng, alarms = np.random.default_rng(16), 0
    for _ in range(runs):
        shifts = rng.permutation(np.repeat([0.3, -0.3], 25))  # these samples differ; over all of them nothing does
        d = np.array([np.sign(shifts + rng.uniform(-1, 1, 50)) * (rng.random(50) < 0.6) for _ in range(20)])
        looks = [sequential_sides(d[: n + 1].ravel()) for n in range(20)]
        alarms += any(min(look) <= ALPHA / 2 for look in looks)
    yield Line("alpha", "20 rounds over the same 50 samples: any verdict", alarms, runs, ALPHA)


CHECKS: tuple[Callable[[int], Iterator[Line]], ...] = (
    accuracy_alarms, latency_alarms, night_alarms, margin_alarms, accuracy_power, latency_power, wilson_cover,
    repeats_cover, difference_cover, sequential_alarms,
)  # fmt: skip


def simulate(job: tuple[int, int]) -> list[Line]:
    """Run one check; called in a worker."""
    number, runs = job
    return list(CHECKS[number](runs))


def main() -> int:
    """Run all checks and print their lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="60 runs in place of 2,000: only shows that it works")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    runs, started, failed = 60 if options.quick else 2000, time.perf_counter(), 0
    with ProcessPoolExecutor(options.workers) as pool:
        for lines in pool.map(simulate, [(number, runs) for number in range(len(CHECKS))]):
            for line in lines:
                mark = line.mark()
                failed += mark == "FAIL"
                rate = f"{line.promised:6.1%} {line.hits / line.runs:6.1%} of {line.runs:<6}"
                print(f"{line.kind:<6} {rate} {mark:<5} {line.what}", flush=True)
    print(f"\n{failed} failed, {time.perf_counter() - started:.0f} s")
    return int(failed > 0 and not options.quick)


if __name__ == "__main__":
    sys.exit(main())
