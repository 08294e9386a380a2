"""price: costs to the last digit, when they are unknown, and a budget that cannot be overdrawn."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import pytest

from evalrun.price import (
    TEMPLATE_TOKENS,
    Budget,
    Overrun,
    cost,
    disagreement,
    doubt,
    implausible,
    most,
    warnings,
    worst_case,
)
from evalrun.types import Usage


@dataclass(frozen=True)
class List:
    prompt: Decimal = Decimal("0.27")
    completion: Decimal = Decimal("0.40")
    cached: Decimal | None = Decimal("0.216")


def test_the_provider_page_costs_by_hand() -> None:
    """15 x 0.27 + 16 x 0.40 = 10.45 and 149 x 0.27 + 338 x 0.40 = 175.43 per million; the page reports other sums."""
    hello = Usage(prompt_tokens=15, completion_tokens=16, reported_cost_usd=Decimal("0.0000268"))
    lamb = Usage(prompt_tokens=149, completion_tokens=338, reported_cost_usd=Decimal("0.00035493"))
    assert cost(hello, List()) == Decimal("0.00001045")
    assert cost(lamb, List()) == Decimal("0.00017543")
    assert warnings(hello, List()) == ("reported cost differs: $0.0000268, the price list gives $0.00001045",)
    assert warnings(lamb, List()) == ("reported cost differs: $0.00035493, the price list gives $0.00017543",)


def test_cached_tokens_have_their_own_price() -> None:
    """1000 prompt tokens, 900 of them cached, 10 answered: 100 x 0.27 + 900 x 0.216 + 10 x 0.40 = 225.4."""
    usage = Usage(prompt_tokens=1000, cached_tokens=900, completion_tokens=10)
    assert cost(usage, List()) == Decimal("0.0002254")


def test_sums_are_exact_where_floats_and_28_digits_are_not() -> None:
    """The largest count times a price of 20 digits keeps every digit."""
    usage = Usage(prompt_tokens=2**53 - 1, completion_tokens=1)
    prices = List(prompt=Decimal("1.0000000000000000003"), completion=Decimal(0))
    assert cost(usage, prices) == Decimal("9007199254.7409910027021597764222973")


@pytest.mark.parametrize(
    ("usage", "prices"),
    [
        (Usage(completion_tokens=5), List()),
        (Usage(prompt_tokens=5), List()),
        (Usage(), List()),
        (Usage(prompt_tokens=5, completion_tokens=5, cached_tokens=1), List(cached=None)),
        (Usage(prompt_tokens=5, completion_tokens=5, cached_tokens=6), List()),
    ],
)
def test_an_unknown_part_makes_the_cost_unknown(usage: Usage, prices: List) -> None:
    """Never 0, never the part that is known."""
    assert cost(usage, prices) is None


def test_no_cached_tokens_need_no_cached_price() -> None:
    """0 cached tokens and no word about caching cost the same: 5 x 0.27 + 5 x 0.40 = 3.35."""
    for cached in (0, None):
        usage = Usage(prompt_tokens=5, completion_tokens=5, cached_tokens=cached)
        assert cost(usage, List(cached=None)) == Decimal("0.00000335")
        assert warnings(usage, List(cached=None)) == ()


def test_warnings_say_why_a_cost_is_unknown() -> None:
    """Impossible and unpriced cached tokens are named."""
    impossible = Usage(prompt_tokens=5, completion_tokens=5, cached_tokens=6)
    assert warnings(impossible, List()) == ("cost unknown: 6 cached of 5 prompt tokens cannot be",)
    unpriced = Usage(prompt_tokens=5, completion_tokens=5, cached_tokens=2)
    assert warnings(unpriced, List(cached=None)) == (
        "cost unknown: 2 cached tokens without a cached price; set prices.cached",
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "differs"),
    [
        ("1", "1.01", False),
        ("1", "1.0101", True),
        ("1", "0.99", False),
        ("1", "0.98", True),
        ("0", "0", False),
        ("0", "0.1", True),
        (None, "1", False),
        ("1", None, False),
    ],
)
def test_one_percent_is_the_line(ours: str | None, theirs: str | None, differs: bool) -> None:
    """More than 1 % of our figure, up or down, is a disagreement; 1 % itself is not."""
    assert disagreement(*(None if usd is None else Decimal(usd) for usd in (ours, theirs))) is differs


def test_the_worst_case_by_hand() -> None:
    """976 bytes + 1024 for the template at 0.27, twice 500 tokens at 0.40: 540 + 400 per million."""
    assert TEMPLATE_TOKENS == 1024
    assert worst_case(976, 2 * 500, List()) == Decimal("0.00094")
    assert worst_case(976, 0, List(cached=Decimal(1))) == Decimal("0.002")  # a cache that costs more than none


def test_a_budget_never_passes_its_cap() -> None:
    """1,000 random runs, with unknown costs and requests that were never sent: spent + reserved stays in the cap."""
    for seed in range(1000):
        random = Random(seed)
        budget, flying = Budget(Decimal("1.00")), []
        for _ in range(60):
            wanted = Decimal(random.randint(1, 20)) / 100
            if random.random() < 0.6 and budget.reserve(wanted):
                flying.append(wanted)
            elif flying:
                reserved = flying.pop(random.randrange(len(flying)))
                fate = random.choice(["billed", "unknown", "not sent"])
                if fate == "not sent":
                    budget.release(reserved)
                else:
                    budget.settle(reserved, None if fate == "unknown" else reserved * random.randint(0, 100) / 100)
            assert budget.spent + budget.reserved <= Decimal("1.00")
            assert budget.reserved == sum(flying)
            assert budget.assumed <= budget.spent


def test_an_unknown_cost_is_charged_in_full() -> None:
    """Without usage the reserved maximum is spent, and known to be assumed; what was not sent comes back."""
    budget = Budget(Decimal(1))
    assert budget.reserve(Decimal("0.6"))
    assert not budget.reserve(Decimal("0.5"))
    budget.settle(Decimal("0.6"), None)
    assert (budget.spent, budget.assumed, budget.reserved) == (Decimal("0.6"), Decimal("0.6"), Decimal(0))
    assert budget.reserve(Decimal("0.4"))
    budget.release(Decimal("0.4"))
    assert budget.reserve(Decimal("0.4"))
    budget.settle(Decimal("0.4"), Decimal("0.1"))
    assert (budget.spent, budget.assumed, budget.reserved) == (Decimal("0.7"), Decimal("0.6"), Decimal(0))


def test_a_budget_without_a_cap_only_counts() -> None:
    """No cap: everything may be spent, and the sum is kept."""
    budget = Budget()
    assert budget.reserve(Decimal(10**9))
    budget.settle(Decimal(10**9), Decimal(5))
    assert (budget.cap, budget.spent, budget.reserved) == (None, Decimal(5), Decimal(0))


def test_the_most_that_counts_allow() -> None:
    """100 x 0.27 + 400 x 0.40 = 187; with 800 output tokens 347; 50 tokens written to a cache may cost 13.5 more."""
    usage = {"prompt_tokens": 100, "completion_tokens": 400}
    assert most(Usage(**usage), List()) == cost(Usage(**usage), List()) == Decimal("0.000187")
    assert most(Usage(**usage, most_completion_tokens=800), List()) == Decimal("0.000347")
    assert most(Usage(**usage, written_tokens=50), List()) == Decimal("0.0002005")
    assert most(Usage(prompt_tokens=100), List()) is None


@pytest.mark.parametrize(
    ("usage", "is_so"),
    [
        (Usage(prompt_tokens=1034, completion_tokens=16), False),
        (Usage(prompt_tokens=1035, completion_tokens=16), True),  # 10 bytes and the template's 1024
        (Usage(prompt_tokens=5, completion_tokens=17), True),
        (Usage(prompt_tokens=5, completion_tokens=17, reasoning_tokens=1), False),
        (Usage(), False),
    ],
)
def test_counts_that_the_request_does_not_allow(usage: Usage, is_so: bool) -> None:
    """A prompt larger than its bytes, an answer larger than its limit; without a limit any answer may be."""
    assert implausible(usage, body_bytes=10, most_tokens=16) is is_so
    assert implausible(Usage(completion_tokens=2**40), body_bytes=10, most_tokens=None) is False


# ---------------------------------------------------------------- a server that bills more than it may


def test_the_servers_own_higher_figure_is_the_most() -> None:
    """5 x 0.27 + 5 x 0.40 = 3.35 millionths by the list; the higher figure counts, the lower one does not."""
    higher, lower = (Usage(prompt_tokens=5, completion_tokens=5, reported_cost_usd=Decimal(usd)) for usd in ("1", "0"))
    assert (most(higher, List()), most(lower, List())) == (Decimal(1), Decimal("0.00000335"))


def after(usage: Usage, charged: str, seen: Overrun | None = None) -> Overrun:
    """Take in an answer to a request of 976 bytes (2,000 tokens with the template's) and max_tokens 100."""
    return (seen or Overrun()).after(usage, Decimal(charged), body_bytes=976, most_tokens=100, prices=List())


def test_an_answer_within_its_worst_case_changes_nothing() -> None:
    """2,000 x 0.27 + 100 x 0.40 = 580 millionths."""
    assert after(Usage(prompt_tokens=5000, completion_tokens=1), "0.00058") == Overrun()


def test_what_was_billed_beyond_is_expected_again_by_kind() -> None:
    """50,000 of 2,000 prompt tokens are 2,500 %, 430 of 100 completion tokens 430 %; other requests grow by the larger
    of the excess and the ratio: one of half the bytes by 48,000 tokens, one of twice the tokens to 430 %."""
    seen = after(Usage(prompt_tokens=50_000, completion_tokens=430), "0.013672")
    assert seen == Overrun(
        prompt_tokens=48_000, prompt_percent=2500, completion_tokens=330, completion_percent=430
    )  # fmt: skip
    assert worst_case(976, 100, List(), seen) == Decimal("0.013672")
    assert worst_case(0, 200, List(), seen) == (Decimal(1024 + 48_000) * Decimal("0.27") + 860 * Decimal("0.4")) / 10**6
    assert after(Usage(prompt_tokens=2000, completion_tokens=430), "0.000712", seen) == seen


def test_a_price_of_its_own_is_expected_again() -> None:
    """$0.0116 where the counts explain $0.00058: twenty times as much, rounded up."""
    seen = after(Usage(prompt_tokens=10, completion_tokens=5), "0.0116")
    assert seen.cost_percent == 2001
    assert worst_case(976, 100, List(), seen) >= Decimal("0.0116")


def test_doubt_goes_with_answers() -> None:
    """Alone at first, then 32 times its worst case has to fit, after 16 answers twice."""
    assert [doubt(answers) for answers in (0, 1, 2, 4, 16, 1000)] == [None, 32, 16, 8, 2, 2]


def test_requests_beside_others_need_more_room() -> None:
    """Of a cap of 10, one that is alone may take all; beside another of 1, twice the sum has to fit; in doubt, none."""
    budget = Budget(Decimal(10))
    assert budget.reserve(Decimal(10), doubt=None)
    budget.release(Decimal(10))
    assert budget.reserve(Decimal(1), doubt=2)
    assert not budget.reserve(Decimal(1), doubt=None)
    assert not budget.reserve(Decimal("4.01"), doubt=2)
    assert budget.reserve(Decimal(4), doubt=2)


def test_who_waits_for_money_gets_it_or_is_told() -> None:
    """One waits until the other has settled; nobody waits where nothing is in flight."""

    async def waiting() -> list[Decimal | None]:
        budget = Budget(Decimal(10))
        assert budget.reserve(Decimal(6))
        second = asyncio.create_task(budget.take(lambda: Decimal(7), lambda: 1))
        await asyncio.sleep(0)
        assert not second.done()
        budget.settle(Decimal(6), Decimal(3))
        first, third = await second, asyncio.create_task(budget.take(lambda: Decimal(8), lambda: 1))
        await asyncio.sleep(0)
        budget.settle(Decimal(7), Decimal(7))
        return [first, await third]

    assert asyncio.run(waiting()) == [Decimal(7), None]
