"""What requests cost a run: each attempt booked once, and what earlier sessions spent. A cap holds for all of them."""

from decimal import Decimal
from pathlib import Path

from evalrun import price
from evalrun.price import Budget, Prices
from evalrun.store.lines import End, Intent, scan
from evalrun.store.reader import JOURNAL
from evalrun.types import Completion, Failure, Outcome, Record


def book(
    budget: Budget, reserved: Decimal, outcome: Outcome, prices: Prices | None, *, most_tokens: int | None
) -> Decimal | None:
    """Book what an attempt cost; return it where it is not simply what was `reserved`, else None.

    One that may have been billed is booked at what was reserved, and at the tokens that came where it was cut for
    having more than `most_tokens`.
    """
    if isinstance(outcome, Failure) and not outcome.possibly_billed:
        budget.release(reserved)
        return None
    cost = _charged(reserved, outcome, prices, most_tokens or 0)
    budget.settle(reserved, cost)
    return cost


def _charged(reserved: Decimal, outcome: Outcome, prices: Prices | None, most_tokens: int) -> Decimal | None:
    """Return what an attempt is charged, None where it is what was `reserved`."""
    if prices is None:
        return None
    if isinstance(outcome, Failure):
        more = (outcome.tokens or 0) - most_tokens
        return reserved + more * prices.completion / 1_000_000 if more > 0 else None
    known, reported = price.most(outcome.usage, prices), outcome.usage.reported_cost_usd
    return reported if known is None and reported is not None and reported > reserved else known


def cost_usd(outcome: Outcome, prices: Prices | None) -> Decimal | None:
    """Return what an answer cost; None for a failure and where it is unknown."""
    if isinstance(outcome, Failure) or prices is None:
        return None
    return price.cost(outcome.usage, prices)


def already_spent(folder: Path, *, as_planned: bool = False) -> Decimal:
    """Add up what every attempt cost; one of unknown cost counts as what was reserved for it.

    as_planned: only up to where all that was planned was asked, without the repeats that were asked later.
    Attempts are followed in the journal's order: the intents of a key, then the record that ends them.
    """
    total = Decimal(0)
    open_intents: dict[str, list[Decimal]] = {}
    for line in scan(folder / JOURNAL):
        if line.kind in (b"intent", b"record", b"measured", b"end"):
            match line.event():
                case End(reason="finished") if as_planned:
                    break
                case Intent(key=key, reserved_usd=reserved):
                    open_intents.setdefault(key, []).append(reserved or Decimal(0))
                case Record() as record:
                    total += _cost(record, open_intents.pop(record.key, []))
    return total + sum((sum(reserved) for reserved in open_intents.values()), Decimal(0))


def _cost(record: Record, reserved: list[Decimal]) -> Decimal:
    """Return what a record's attempts cost; `reserved` has one entry for each attempt, in order.

    There are more entries than attempts where an earlier session was killed with the request in flight.
    """
    outcomes: list[Outcome] = [*(attempt.failure for attempt in record.attempts), record.outcome]
    total = sum(reserved[: -len(outcomes)], Decimal(0))
    charged = record.cost_usd if record.most_usd is None else record.most_usd
    for outcome, aside in zip(reversed(outcomes), reversed(reserved), strict=False):
        if isinstance(outcome, Completion) or outcome.possibly_billed:
            total += aside if charged is None else charged
        charged = None  # of the last attempt alone
    return total
