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

import numpy as np
from calibration_cover import difference_cover, repeats_cover, wilson_cover
from simulated import ALPHA, MARGIN, Floats, Line, answers, binary_sides, holds, requests

from evalrun.stats.nights import Night, compare_nights, log_quantile_night
from evalrun.stats.power import mde_flips, mde_mean, mde_ratio, needed_pairs
from evalrun.stats.quantile import compare_quantiles
from evalrun.stats.resample import sign_flip
from evalrun.stats.scores import flips, margin_sides, mcnemar, sequential_sides
from evalrun.stats.verdict import Sides

# ---------------------------------------------------------------- right and wrong


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


def repeated_margin_alarms(runs: int) -> Iterator[Line]:
    """The same with repeats, where every sample is a little worse."""
    for n in (30, 200):
        for repeats in (4, 16, 64):
            for margin in (0.05, 0.2):
                rng = np.random.default_rng([19, n, repeats, int(100 * margin)])
                chance = margin + (1 - margin) * rng.beta(1.4, 0.6, (runs, n))
                base, new = (rng.binomial(repeats, p) / repeats for p in (chance, chance - margin))
                sides = [margin_sides(flips(row.tolist()), margin) for row in new - base]
                where = f"accuracy, n={n}, repeats={repeats}, {margin:.0%} worse, margin {margin:.0%}"
                yield Line("alpha", f"{where}: pass", sum(s.within <= ALPHA for s in sides), runs, ALPHA)
                yield Line("alpha", f"{where}: regressed", sum(s.worse <= ALPHA for s in sides), runs, ALPHA)


def accuracy_power(runs: int) -> Iterator[Line]:
    """As much worse as `plan` says can be seen: how often is it seen?"""
    for n in (30, 200, 1000):
        for noise in (0.05, 0.2):
            for sides in (2, 1):
                drop = mde_flips(n, noise, sides=sides)
                if drop is None:
                    continue
                rng = np.random.default_rng([3, n, int(100 * noise), sides])
                counts = rng.multinomial(n, [noise / 2, noise / 2 + drop, 1 - noise - drop], runs)
                seen = sum(
                    (binary_sides(int(u), int(d), n, 0.0).worse if sides == 1 else mcnemar(int(u), int(d))) <= ALPHA
                    for u, d, _ in counts
                )
                what = f"accuracy, n={n}, {noise:.0%} flip, {sides}-sided: mde {drop:.3f}"
                yield Line("power", what, seen, runs, 0.8, 0.03)
    wanted = needed_pairs(0.1, 0.05, sides=1) or 0
    counts = np.random.default_rng(4).multinomial(wanted, [0.05, 0.1, 0.85], runs)
    seen = sum(binary_sides(int(u), int(d), wanted, 0.0).worse <= ALPHA for u, d, _ in counts)
    yield Line("power", f"accuracy, 5 points worse, 10% flip: needed n {wanted}", seen, runs, 0.8, 0.03)
    for n in (200, 1000):
        chance = 0.7
        noise = 2 * chance * (1 - chance)  # of one answer, both sides
        drop = mde_mean(math.sqrt(noise / 4 / n), n)
        rng, seen = np.random.default_rng([5, n]), 0
        for _ in range(runs):
            d = (rng.binomial(4, chance - drop / 2, n) - rng.binomial(4, chance + drop / 2, n)) / 4
            seen += sign_flip(d, rounds=1000).both <= ALPHA
        yield Line("power", f"accuracy, n={n}, repeats=4: mde {drop:.3f}", seen, runs, 0.8, 0.03)


# ---------------------------------------------------------------- latency


def latency_alarms(runs: int) -> Iterator[Line]:
    """Pairs of one session that differ by nothing, or by the margin; intervals of their ratio."""
    for q, n in ((0.5, 60), (0.95, 200), (0.95, 1000)):
        rng = np.random.default_rng([6, n])
        alarms = far = passed = inside = 0
        rounds = runs if n <= 200 else runs // 4
        for _ in range(rounds):
            hard = rng.lognormal(0, 0.5, n)  # long prompts are slow on both sides
            base, new = hard * requests(rng, n), hard * requests(rng, n)
            found = compare_quantiles(base, new, q, margin=0.0, rounds=400)
            assert found.sides
            alarms, inside = alarms + (found.sides.worse <= ALPHA), inside + holds(found, 0.0)
            slower = compare_quantiles(base, 1.15 * new, q, margin=0.15, rounds=400).sides
            assert slower
            far, passed = far + (slower.worse <= ALPHA), passed + (slower.within <= ALPHA)
        where = f"p{100 * q:g}, one session, heavy tail, n={n}"
        yield Line("alpha", f"{where}: regressed, margin 0", alarms, rounds, ALPHA)
        yield Line("alpha", f"{where}, 15% worse, margin 15%: regressed", far, rounds, ALPHA)
        yield Line("alpha", f"{where}, 15% worse, margin 15%: pass", passed, rounds, ALPHA)
        yield Line("cover", f"{where}: interval of the ratio", inside, rounds, 0.95, 0.02)


def latency_power(runs: int) -> Iterator[Line]:
    """A rise by the mde of a percentile, from its true standard error."""
    q, n, rounds = 0.95, 500, max(40, runs // 2)
    rng = np.random.default_rng(7)
    pairs = rng.lognormal(0.0, 0.6, (4000, 2, n))
    error = float(np.diff(np.log(np.quantile(pairs, q, axis=2, method="inverted_cdf")), axis=1).std())
    rise, seen = mde_ratio(error, n), 0
    for _ in range(rounds):
        base, new = rng.lognormal(0.0, 0.6, (2, n))
        p = compare_quantiles(base, new * (1 + rise), q, rounds=400).p
        seen += p is not None and p <= ALPHA
    yield Line("power", f"p95, one session, n={n}: mde {rise:.1%}", seen, rounds, 0.8, 0.05)  # it finds a little more
    for nights in (5, 10):
        rng, seen = np.random.default_rng([17, nights]), 0
        for _ in range(runs):
            effects = rng.normal(0, 0.2, nights + 1)  # more than the noise within nights
            *before, last = [log_quantile_night(sorted(requests(rng, 200) * math.exp(e)), q) for e in effects]
            slower = Night(last.value + math.log1p(compare_nights(before, last).mde or 0.0), last.error)
            p = compare_nights(before, slower).p
            seen += p is not None and p <= ALPHA
        yield Line("power", f"p95, {nights} nights that differ by 20%, n=200: own mde", seen, runs, 0.8, 0.03)


def night_effects(rng: np.random.Generator, kind: str, nights: int) -> Floats:
    """Return the drift of log latency over nights, about 10 % in size."""
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
                found = compare_nights(before, last)
                alarms += found.sides.worse <= ALPHA
                naive += compare_nights(before[-1:], last).sides.worse <= ALPHA
                slower = Night(last.value + math.log(1.15), last.error)
                passed += compare_nights(before, slower, margin=0.15).sides.within <= ALPHA
                p = compare_nights(before, Night(last.value + math.log1p(found.mde or 0.0), last.error)).p
                seen += p is not None and p <= ALPHA
            where = f"TTFT p95, {nights} {kind} nights, n=200"
            yield Line("alpha", f"{where}: regressed", alarms, runs, ALPHA)
            yield Line("alpha", f"{where}, 15% worse, margin 15%: pass", passed, runs, ALPHA)
            yield Line("info", f"{where}: one night trusted instead", naive, runs, ALPHA)
            yield Line("info", f"{where}: power at its own mde", seen, runs, 0.8)


# ---------------------------------------------------------------- looks


def sequential_alarms(runs: int) -> Iterator[Line]:
    """At the edge of the hypothesis, looking again and again: how often is it ever rejected?"""
    for margin, flip in ((0.0, 0.2), (MARGIN, 0.1), (MARGIN, 0.02)):
        for every in (20, 1):
            rounds = runs if every == 20 else runs // 10
            rng = np.random.default_rng([15, int(100 * margin), int(100 * flip), every])
            alarms = wrong = naive = 0
            for _ in range(rounds):
                d = rng.choice([1.0, -1.0, 0.0], 400, p=[flip / 2, flip / 2 + margin, 1 - flip - margin])
                seen = [d[:n] for n in range(every, 401, every)]
                looks = [sequential_sides(part, margin=margin) for part in seen]
                alarms += any(look.worse <= ALPHA for look in looks)
                wrong += any(look.within <= ALPHA for look in looks)
                if every == 20:
                    ups = [(int((part > 0).sum()), int((part < 0).sum()), len(part)) for part in seen]
                    naive += any(binary_sides(*counts, margin).worse <= ALPHA for counts in ups)
            where = f"{400 // every} looks at 400 pairs, {flip:.0%} flip, margin {margin:.0%}"
            yield Line("alpha", f"{where}: regressed", alarms, rounds, ALPHA)
            yield Line("alpha", f"{where}: pass", wrong, rounds, ALPHA)
            if every == 20:
                yield Line("info", f"{where}: an ordinary p instead", naive, rounds, ALPHA)
    rng, alarms = np.random.default_rng(16), 0
    for _ in range(runs):
        shifts = rng.permutation(np.repeat([0.3, -0.3], 25))  # these samples differ; over all of them nothing does
        d = np.array([np.sign(shifts + rng.uniform(-1, 1, 50)) * (rng.random(50) < 0.6) for _ in range(20)])
        looks = [sequential_sides(d[: n + 1].ravel()) for n in range(20)]
        alarms += any(min(look) <= ALPHA / 2 for look in looks)
    yield Line("alpha", "20 rounds over the same 50 samples: any verdict", alarms, runs, ALPHA)


def doubling_alarms(runs: int) -> Iterator[Line]:
    """`gate --decide`: a run whose repeats double 19 times, looked at each time against a baseline that stays.

    At the edge of what is tolerated; analysis k multiplies p-values by 2^k (`compare.interim`).
    """
    looks = [2**number for number in range(1, 21)]
    for n in (30, 200):
        for base_repeats in (1, 4):
            for margin, fall in ((MARGIN, 0.0), (MARGIN, MARGIN), (0.1, 0.1)):
                rng = np.random.default_rng([18, n, base_repeats, int(100 * margin), int(100 * fall)])
                alarms = passed = naive = 0
                for _ in range(runs):
                    sides = list(doubled(rng, n, base_repeats, margin=margin, fall=fall, looks=len(looks)))
                    alarms += any(s.worse * price <= ALPHA for s, price in zip(sides, looks, strict=True))
                    passed += any(s.within * price <= ALPHA for s, price in zip(sides, looks, strict=True))
                    naive += any(s.worse <= ALPHA for s in sides)
                where = f"20 looks, repeats 1 to 524,288, baseline {base_repeats}, n={n}, {fall:.0%} worse"
                yield Line("alpha", f"{where}, margin {margin:.0%}: regressed", alarms, runs, ALPHA)
                if fall:
                    yield Line("alpha", f"{where}, margin {margin:.0%}: pass", passed, runs, ALPHA)
                    yield Line("info", f"{where}, margin {margin:.0%}: an ordinary p instead", naive, runs, ALPHA)


def doubled(
    rng: np.random.Generator, n: int, base_repeats: int, *, margin: float, fall: float, looks: int
) -> Iterator[Sides]:
    """Return the evidence at each look of one run, whose samples are all worse by `fall`."""
    chance = fall + (1 - fall) * rng.beta(1.4, 0.6, n)
    base = rng.binomial(base_repeats, chance) / base_repeats
    right, times = np.zeros(n), 0
    for _ in range(looks):
        more = max(1, times)
        right, times = right + rng.binomial(more, chance - fall), times + more
        yield margin_sides(flips((right / times - base).tolist()), margin)


CHECKS: tuple[Callable[[int], Iterator[Line]], ...] = (
    accuracy_alarms, latency_alarms, night_alarms, margin_alarms, repeated_margin_alarms, accuracy_power,
    latency_power, wilson_cover, repeats_cover, difference_cover, sequential_alarms, doubling_alarms,
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
