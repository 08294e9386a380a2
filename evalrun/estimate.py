"""What a suite will take, as values; and the smallest detectable drop, which needs nothing but numbers of samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from evalrun.stats.interval import unit_mean
from evalrun.stats.power import POWER, flips_power, least, mde_flips, needed_pairs, within_variance

MOST_REPEATS = 100
UNSEEN = (0.5, "nothing is known of it: every answer a coin toss")
"""The share of samples that flip between two equal runs, and where that is from, before any was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detects:
    """The smallest fall of accuracy that would be found, None where not even a fall to nothing would be.

    noise: the share of samples that flip between two equal runs of one answer each; why: where it is from.
    samples, repeats: what it takes instead to find half of it, the other kept; None where no number below
    `MOST_REPEATS` does. The costs are of the whole task, in the expected dollars, else in the worst.
    """

    difference: float | None
    noise: float
    why: str
    samples: int | None = None
    samples_usd: Decimal | None = None
    repeats: int | None = None
    repeats_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One task at one target. tokens_from: how prompt tokens were estimated; seen_from: the rest, empty: not at all."""

    task: str
    target: str
    samples: int
    repeats: int
    requests: int
    prompt_tokens: int
    tokens_from: str
    worst_usd: Decimal | None
    in_flight: int
    detects: Detects
    seen_from: str = ""
    output_tokens: int | None = None
    expected_usd: Decimal | None = None
    seconds: float | None = None


def noise_of(right: Sequence[float], asked: Sequence[int]) -> tuple[float, str]:
    """Return the share of samples that flip between two equal runs, and where that is from.

    right: each sample's mean score, of so many answers as `asked` says. Without repeats nothing tells samples that are
    right by kind from those that are right by chance: then it is the most it can be at an accuracy in the interval.
    """
    within = within_variance(right, asked)
    if within is not None:
        return 2 * within, "as its repeats differ"
    found = unit_mean(right)
    if found is None or found.low is None or found.high is None:
        return UNSEEN
    p = min(max(0.5, found.low), found.high)
    return 2 * p * (1 - p), f"at most, at an accuracy of {found.value:.0%}; repeats would tell"


def detects(
    samples: int, repeats: int, *, noise: tuple[float, str], base_repeats: int | None = None, usd: Decimal | None = None
) -> Detects:
    """Return the smallest difference that is found, and what finding half of it takes.

    noise: see `noise_of`. base_repeats: of a base that stays as it is; None: the base is asked as often as the new
    side. Premise: a fall is samples that turn wrong for good; answers of one sample are otherwise independent.
    """

    def flips(times: int) -> float:
        """Return the noise that is left of means over so many repeats."""
        return noise[0] / 2 * (1 / times + 1 / (base_repeats or times))

    found = mde_flips(samples, flips(repeats))
    if found is None:
        return Detects(difference=None, noise=noise[0], why=noise[1])
    wanted = found / 2
    more = needed_pairs(flips(repeats), wanted)

    def enough(times: int) -> bool:
        return flips_power(samples, flips(times), wanted) >= POWER

    times = least(enough, repeats + 1, MOST_REPEATS) if repeats < MOST_REPEATS and enough(MOST_REPEATS) else None
    return Detects(
        difference=found,
        noise=noise[0],
        why=noise[1],
        samples=more,
        samples_usd=None if usd is None or more is None else usd * more / samples,
        repeats=times,
        repeats_usd=None if usd is None or times is None else usd * times / repeats,
    )
