"""Verdicts, Holm, and the sides of a margin."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from evalrun.stats.interval import mean_spread
from evalrun.stats.resample import t_sides
from evalrun.stats.verdict import Sides, holm, verdict, verdicts


def test_holm_is_statsmodels() -> None:
    """Adjusted p, ties and ones included, in the order given."""
    for p in ([0.01, 0.04, 0.03, 0.2], [0.02, 0.02, 0.9, 1.0], [0.5], []):
        expected = multipletests(p, method="holm")[1] if p else []
        assert holm(p) == pytest.approx(list(expected), abs=1e-12)


def test_three_words() -> None:
    """Evidence of worse: regressed; of within: pass; of neither: inconclusive."""
    assert verdict(Sides(worse=0.01, within=0.99)) == "regressed"
    assert verdict(Sides(worse=0.9, within=0.04)) == "pass"
    assert verdict(Sides(worse=0.3, within=0.3)) == "inconclusive"
    assert verdict(Sides(worse=0.03, within=0.97), alpha=0.01) == "inconclusive"


def test_many_metrics_share_alpha_for_alarms_only() -> None:
    """0.03 alone is an alarm, among three it is not; passing needs no correction."""
    three = [Sides(0.03, 0.9), Sides(0.9, 0.04), Sides(0.5, 0.04)]
    assert verdicts(three[:1]) == ["regressed"]
    assert verdicts(three) == ["inconclusive", "pass", "pass"]


def test_sides_of_a_margin_are_statsmodels_tost() -> None:
    """Two one-sided t tests of a paired mean within +- 0.5: the clearer of both directions fails."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=40)
    y = x + rng.normal(0.2, 0.9, 40)
    mean, error = float(np.mean(y - x)), mean_spread(y - x).error
    rise, fall = t_sides(mean, error, 39, 0.5), t_sides(-mean, error, 39, 0.5)
    assert max(rise.within, fall.within) == pytest.approx(ttost_paired(y, x, -0.5, 0.5)[0], abs=1e-9)
