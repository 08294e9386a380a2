"""What it cost: exact sums, the cost under another price list, where the server's own figure differs.

A cost is kept as a float: a decimal of at most 15 significant digits comes back from a float as it was, by the float's
shortest repr, so that `exact_sum` adds the very decimals that the journal has. The cost of a request has more digits
only with prices of more than six.
"""

from decimal import Context, Decimal, localcontext
from typing import NamedTuple

import numpy as np

from evalrun import price
from evalrun.requests.rows import Requests
from evalrun.stats.interval import Floats
from evalrun.types import Json

_EXACT = Context(prec=200)
_SHORT = Context(prec=12)


class Total(NamedTuple):
    """A sum over `n` of `answers` answers, exact."""

    known: Decimal
    n: int
    answers: int

    @property
    def whole(self) -> Decimal | None:
        """Return the sum over all answers; None where any of them lacks its part, or there is none."""
        return self.known if 0 < self.n == self.answers else None


def total(requests: Requests, amounts: Floats) -> Total:
    """Return the sum of an amount over the answers: `cost_usd`, `reported_cost_usd`, or a count of tokens."""
    answered = requests.answered
    known = amounts[answered & ~np.isnan(amounts)]
    return Total(exact_sum(known), len(known), int(answered.sum()))


def exact_sum(values: Floats) -> Decimal:
    """Return the sum of decimals of at most 15 significant digits that are kept as floats."""
    each, times = np.unique(values, return_counts=True)
    with localcontext(_EXACT):
        return sum((Decimal(repr(v)) * n for v, n in zip(each.tolist(), times.tolist(), strict=True)), Decimal())


def per_answer(requests: Requests) -> Decimal | None:
    """Return the mean cost of an answer in US dollars, to 12 digits; None where any is unknown."""
    found = total(requests, requests.cost_usd)
    return None if found.whole is None else _SHORT.divide(found.whole, Decimal(found.n))


def per_right_answer(requests: Requests) -> Decimal | None:
    """Return cost / sum of the headline scores, to 12 digits; None where the cost is unknown or nothing was right."""
    spent, right = total(requests, requests.cost_usd).whole, float(np.nansum(requests.scores().value))
    return _SHORT.divide(spent, Decimal(right)) if spent is not None and right else None


def under(requests: Requests, prices: Json) -> Floats:
    """Return the cost of each request under a price list in US dollars, NaN where it is unknown: `price.cost`'s."""
    return priced(requests.prompt_tokens, requests.cached_tokens, requests.completion_tokens, prices)


def priced(prompt: Floats, cached: Floats, output: Floats, prices: Json) -> Floats:
    """Return the cost of so many tokens each in US dollars, NaN where it is unknown.

    Of floats, and not exact: differences between costs are estimates.
    """
    if prices is None:
        return np.full(len(prompt), np.nan)
    cached = np.nan_to_num(cached)
    at_cached = np.nan if prices.get("cached") is None else float(prices["cached"])
    for_cached = np.where(cached > 0, cached * at_cached, 0.0)
    fresh = np.where(cached > prompt, np.nan, prompt - cached)
    found: Floats = (fresh * float(prices["prompt"]) + for_cached + output * float(prices["completion"])) / 1e6
    return found


def disagreements(requests: Requests) -> int:
    """Return how many answers' reported cost is over 1 % off the price list: `price.disagreement`'s."""
    both = requests.take(requests.answered & ~np.isnan(requests.cost_usd + requests.reported_cost_usd))
    pairs, times = np.unique(both.cost_usd + 1j * both.reported_cost_usd, return_counts=True)
    return sum(
        n
        for pair, n in zip(pairs.tolist(), times.tolist(), strict=True)
        if price.disagreement(Decimal(repr(pair.real)), Decimal(repr(pair.imag)))
    )


def possibly_billed(requests: Requests) -> int:
    """Return how many attempts gave no answer and may have cost money, those that died with their session included."""
    return int(requests.possibly_billed.sum()) + sum(requests.run.billed.get(place, 0) for place in requests.places)
