"""May a run that goes on stop now? The sequential bound, the cap and what is unknown."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from written_runs import asked, write_run

from evalrun.compare.read import read_run
from evalrun.compare.side import Matching
from evalrun.gate.decide import Outlook, decide_next, paired_differences


def after(differences: list[float], **more: Any) -> Outlook:
    given = {"margin": 0.1, "spent_usd": Decimal("1.5"), "round_usd": Decimal("0.4"), "max_cost_usd": Decimal(2)}
    return decide_next(differences, **(given | more))


def test_it_stops_when_it_is_decided() -> None:
    """60 pairs that all fell regress, 60 that all held pass, 3 decide nothing and go on."""
    assert after([-1.0] * 60)[:2] == ("regressed", False)
    assert after([0.0] * 60)[:2] == ("pass", False)
    assert after([0.0] * 3)[:2] == ("inconclusive", True)


def test_the_cap_is_never_passed() -> None:
    """$1.50 spent and $0.50 more to come is the cap of $2; a cent more would pass it."""
    assert after([0.0], round_usd=Decimal("0.50")).go_on
    stopped = after([0.0], round_usd=Decimal("0.51"))
    assert stopped[:2] == ("inconclusive", False)
    assert "$2" in stopped.why


def test_an_unknown_price_stops() -> None:
    assert after([0.0], round_usd=None)[:2] == ("inconclusive", False)


@pytest.mark.parametrize(("rules", "word"), [(1, "regressed"), (50, "inconclusive")])
def test_rules_share_alpha(rules: int, word: str) -> None:
    """Evidence that is enough for one rule is not enough where fifty are looked at."""
    assert after([-1.0] * 10, rules=rules).word == word


def test_differences_are_of_requests(tmp_path: Path) -> None:
    """new - base of the requests that both sides scored."""
    cells = [read_run(write_run(tmp_path / n, asked(w))).cells["add", "sim"] for n, w in (("a", "rrwf"), ("b", "rwrr"))]
    assert sorted(paired_differences(Matching(cells[0], cells[1], prices=None))) == [-1.0, 0.0, 1.0]
