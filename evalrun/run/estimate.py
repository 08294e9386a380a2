"""What a suite will take, before it is asked: requests, tokens, money, time, and the difference it can detect.

Pure: numbers of a plan in, numbers out; earlier requests, where there are any, come in as `Seen`. Nothing is sent.
Premises, of every estimate here:

    prompt tokens    a token for every four bytes of text, where nothing was seen: a rough guess, made for English
    worst cost       every byte a token, every answer as long as may be, each request billed once (no resends)
    expected cost    as what was seen, nothing from the provider's cache
    time             as many requests in flight as may be, each as long as those that were seen
    difference       the two-sided test of `evalrun compare` at 5 %, found 4 times in 5: `stats.power.flips_power`
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from evalrun import price
from evalrun.estimate import Detects, Estimate
from evalrun.run.job import Job
from evalrun.stats.interval import unit_mean
from evalrun.stats.power import POWER, flips_power, mde_flips, needed_pairs, within_variance
from evalrun.types import Usage

BYTES_PER_TOKEN = 4
MOST_REPEATS = 100
UNSEEN = (0.5, "nothing is known of it: every answer a coin toss")
"""The share of samples that flip between two equal runs, and where that is from, before any was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What a task sends to a target. text_bytes: of all prompts. worst_usd: None without prices or `max_tokens`."""

    requests: int
    text_bytes: int
    worst_usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What earlier requests showed. source: in words. Means of a request; tokens_per_byte: of prompts; None unknown."""

    source: str
    tokens_per_byte: float | None = None
    prompt_tokens: float | None = None
    output_tokens: float | None = None
    seconds: float | None = None


# ---------------------------------------------------------------- in


def volume(jobs: Iterable[Job], prices: price.Prices | None) -> Volume:
    """Add up what jobs would send."""
    requests = text_bytes = 0
    worst: Decimal | None = Decimal(0)
    for job in jobs:
        requests += 1
        text_bytes += prompt_bytes(job)
        if worst is not None and prices is not None and job.most_tokens is not None:
            worst += job.worst_case(prices)
        else:
            worst = None
    return Volume(requests=requests, text_bytes=text_bytes, worst_usd=worst)


def prompt_bytes(job: Job) -> int:
    """Return the bytes of a prompt's text."""
    return sum(len(message.content.encode("utf-8", "replace")) for message in job.sample.messages)


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


# ---------------------------------------------------------------- out


def estimate(
    place: tuple[str, str], volume: Volume, *, samples: int, in_flight: int, prices: price.Prices | None,
    seen: Seen | None, noise: tuple[float, str], base_repeats: int | None = None,
) -> Estimate:  # fmt: skip
    """Estimate one (task, target). base_repeats: of what it is compared with, where that stands already."""
    repeats = volume.requests // samples
    prompt, tokens_from = _prompt_tokens(volume, seen)
    output = None if seen is None or seen.output_tokens is None else round(seen.output_tokens * volume.requests)
    expected = None
    if prices is not None and output is not None:
        expected = price.cost(Usage(prompt_tokens=prompt, completion_tokens=output), prices)
    usd = volume.worst_usd if expected is None else expected
    return Estimate(
        task=place[0],
        target=place[1],
        samples=samples,
        repeats=repeats,
        requests=volume.requests,
        prompt_tokens=prompt,
        tokens_from=tokens_from,
        worst_usd=volume.worst_usd,
        in_flight=in_flight,
        detects=detects(samples, repeats, noise=noise, base_repeats=base_repeats, usd=usd),
        seen_from="" if seen is None else seen.source,
        output_tokens=output,
        expected_usd=expected,
        seconds=_seconds(volume.requests, in_flight, seen),
    )


def _prompt_tokens(volume: Volume, seen: Seen | None) -> tuple[int, str]:
    if seen is not None and seen.tokens_per_byte is not None:
        return round(volume.text_bytes * seen.tokens_per_byte), seen.source
    if seen is not None and seen.prompt_tokens is not None:
        return round(volume.requests * seen.prompt_tokens), seen.source
    return math.ceil(volume.text_bytes / BYTES_PER_TOKEN), f"{BYTES_PER_TOKEN} bytes a token"


def _seconds(requests: int, in_flight: int, seen: Seen | None) -> float | None:
    """Return how long a closed loop takes."""
    if seen is None or seen.seconds is None:
        return None
    return seen.seconds * requests / min(in_flight, requests)


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
    times = _least(lambda n: flips_power(samples, flips(n), wanted) >= POWER, repeats + 1, MOST_REPEATS)
    return Detects(
        difference=found,
        noise=noise[0],
        why=noise[1],
        samples=more,
        samples_usd=None if usd is None or more is None else usd * more / samples,
        repeats=times,
        repeats_usd=None if usd is None or times is None else usd * times / repeats,
    )


def _least(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the least number from low to high that is enough; None where not even the highest is."""
    if low > high or not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high
