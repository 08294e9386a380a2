"""What a suite will take, as values: of each task and target its requests, tokens, money, time and detectable drop.

How they are estimated is `run.estimate`'s.
"""

from dataclasses import dataclass
from decimal import Decimal


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
