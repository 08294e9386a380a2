"""What requests cost a run: each attempt booked once, and what earlier sessions spent. A cap holds for all of them."""

from decimal import Decimal
from pathlib import Path

from evalrun import price
from evalrun.price import Budget, Prices
from evalrun.store.lines import Calibrated, End, Intent, scan
from evalrun.store.reader import JOURNAL
from evalrun.types import Completion, Failure, Outcome, Record


def book(budget: Budget, reserved: Decimal, outcome: Outcome, prices: Prices | None) -> Decimal:
    """Book what an attempt cost, and return it. One that may have been billed is booked at what was `reserved`."""
    if isinstance(outcome, Failure) and not outcome.possibly_billed:
        budget.release(reserved)
        return Decimal(0)
    cost = most_usd(outcome, prices)
    budget.settle(reserved, cost)
    return reserved if cost is None else cost


def cost_usd(outcome: Outcome, prices: Prices | None) -> Decimal | None:
    """Return what an answer cost; None for a failure and where it is unknown."""
    if isinstance(outcome, Failure) or prices is None:
        return None
    return price.cost(outcome.usage, prices)


def most_usd(outcome: Outcome, prices: Prices | None) -> Decimal | None:
    """Return the most that an answer may have cost; None for a failure and where it is unknown."""
    if isinstance(outcome, Failure) or prices is None:
        return None
    return price.most(outcome.usage, prices)


def already_spent(folder: Path, *, as_planned: bool = False) -> Decimal:
    """Add up what every attempt cost; one of unknown cost counts as what was reserved for it.

    as_planned: only up to where all that was planned was asked, without the repeats that were asked later.
    Attempts are followed in the journal's order: the intents of a key, then the record that ends them.
    """
    total = Decimal(0)
    open_intents: dict[str, list[Decimal]] = {}
    for line in scan(folder / JOURNAL):
        if line.kind in (b"intent", b"record", b"calibrated", b"end"):
            match line.event():
                case End(reason="finished") if as_planned:
                    break
                case Calibrated(cost_usd=cost):
                    total += cost or Decimal(0)
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
    for outcome, aside in zip(reversed(outcomes), reversed(reserved), strict=False):
        if isinstance(outcome, Completion):
            cost = record.cost_usd if record.most_usd is None else record.most_usd
            total += aside if cost is None else cost
        elif outcome.possibly_billed:
            total += aside
    return total
