"""Interim analyses of a run that is asked again: what each may read, its p-values, when more repeats are no use."""

from pathlib import Path

import numpy as np
import pytest
from written_runs import Asked, asked, write_run

from evalrun.compare.interim import Interim, interim
from evalrun.compare.read import read_run
from evalrun.compare.side import Side
from evalrun.gate.judge import judge, rules
from evalrun.gate.values import Ruling
from evalrun.stats.distribution import binomial_tail
from evalrun.stats.scores import flips, margin_sides

RULE = "accuracy no worse than 2 points"
PLACE = ("add", "sim")


def grown(folder: Path, *words: str, day: int = 2) -> Side:
    """Write a run whose suite asks each sample once, and which was asked again: a word for each repeat."""
    requests = [one for repeat, word in enumerate(words) for one in asked(word, repeat=repeat)]
    return read_run(write_run(folder, requests, day=day, repeats=1))


def ruling(new: Side, text: str, base: Side | None, *, deciding: bool = True) -> Ruling:
    (found,) = judge(rules([text]), new, base, deciding=deciding).rulings
    return found


@pytest.mark.parametrize(("repeats", "number", "whole"), [(1, 1, 1), (2, 2, 2), (3, 2, 2), (4, 3, 4), (7, 3, 4)])
def test_only_complete_rounds_are_analysed(tmp_path: Path, repeats: int, number: int, whole: int) -> None:
    """Rounds double: of 7 repeats the last 3 belong to a round that was cut off."""
    cell = grown(tmp_path / "a", *["rw"] * repeats).cells[PLACE]
    at = interim(cell)
    assert (at.number, at.repeats, at.p_factor) == (number, whole, 2**number)
    assert (at.planned.attempted, at.complete.attempted) == (2, 2 * whole)
    assert len(at.complete.score) == 2 * whole


def test_half_a_round_is_none(tmp_path: Path) -> None:
    """Of two samples one was asked twice when the process died: it is still analysis 1, and a note says so."""
    requests = [*asked("rw"), Asked("q0", "w", repeat=1)]
    side = read_run(write_run(tmp_path / "a", requests, samples=2, repeats=1))
    assert interim(side.cells[PLACE]).number == 1
    gate = judge(rules(["accuracy >= 0.01"]), side, None)
    assert gate.notes == ("add of sim: a further round was interrupted; its 1 requests are read by counted rules only",)


def test_the_analyses_share_the_false_alarms(tmp_path: Path) -> None:
    """7 flips to the worse of 180 are p = 0.035 against 2 points. As the only analysis: regressed. The first of
    several doubles it, the second takes it four times."""
    base = read_run(write_run(tmp_path / "base", asked("r" * 180)))
    worse = "w" * 7 + "r" * 173
    new = grown(tmp_path / "a", worse)
    assert ruling(new, RULE, base, deciding=False).word == "regressed"
    assert ruling(new, RULE, base).word == "inconclusive"
    again = grown(tmp_path / "b", worse, worse)
    assert ruling(again, RULE, base, deciding=False).word == "inconclusive"  # a plain gate of it is the same analysis
    assert "this is interim analysis 2" in judge(rules([RULE]), again, base).notes[0]


def test_what_repeats_do_not_sharpen_is_judged_as_planned(tmp_path: Path) -> None:
    """The first answers took 100 ms, the repeated prompts 1 ms out of a cache: that is no better latency. Counted facts
    are of every request."""
    requests = [*asked("r" * 40), *asked("t" + "r" * 39, repeat=1, ttft_s=0.001)]
    side = read_run(write_run(tmp_path / "a", requests, repeats=1))
    assert ruling(side, "ttft_p50 <= 50 ms", None).word == "regressed"
    assert ruling(side, "truncated <= 1 %", None).why.startswith("1 of 80")


def test_who_may_be_decided_by_repeats(tmp_path: Path) -> None:
    """A change of noisy answers may; a limit, a latency, a missing baseline and a fact may not."""
    base = read_run(write_run(tmp_path / "base", asked("w" * 30 + "r" * 170)))
    new = grown(tmp_path / "a", "r" * 28 + "w" * 30 + "r" * 142)
    assert ruling(new, "accuracy no worse than 5 points", base).by_repeats
    assert ruling(new, "accuracy no worse than 5 points", base, deciding=False).by_repeats
    for text in ("accuracy >= 0.85", "ttft_p50 within 0.001 %", "failed <= 1 %"):
        assert not ruling(new, text, base).by_repeats
    assert not ruling(new, RULE, None).by_repeats


def test_repeats_that_say_the_same_are_no_use(tmp_path: Path) -> None:
    """4 of 100 flip, and do so in every repeat: what is left is the samples' own. Where repeats differ, they help."""
    base = read_run(write_run(tmp_path / "base", asked("r" * 100)))
    word = "w" * 4 + "r" * 96
    assert not ruling(grown(tmp_path / "a", word, word), RULE, base).by_repeats
    noisy = read_run(write_run(tmp_path / "noisy", [*asked("rw" * 50), *asked("wr" * 50, repeat=1)]))
    found = ruling(grown(tmp_path / "b", "rw" * 50, "rw" * 30 + "wr" * 20), "accuracy no worse than 5 points", noisy)
    assert (found.word, found.by_repeats) == ("inconclusive", True)


@pytest.mark.parametrize("base_repeats", [1, 4])
@pytest.mark.parametrize("fall", [0.0, 0.05])
def test_alpha_holds_over_twenty_analyses(tmp_path: Path, base_repeats: int, fall: float) -> None:
    """400 runs of 100 samples, doubled 19 times, none worse than the 5 points that are tolerated: at most 5 % are ever
    called regressed (binomial 99.5 %); of those that are just as much worse, at most 5 % ever pass."""
    rng = np.random.default_rng([23, base_repeats, int(100 * fall)])
    cell = grown(tmp_path / "a", "r").cells[PLACE]
    factors = [Interim(cell, cell, number).p_factor for number in range(1, 21)]
    runs, regressed, passed = 400, 0, 0
    for _ in range(runs):
        chance = fall + (1 - fall) * rng.beta(1.6, 0.4, 100)
        base = rng.binomial(base_repeats, chance) / base_repeats
        right, times = np.zeros(100), 0
        analyses = []
        for factor in factors:
            more = max(1, times)
            right, times = right + rng.binomial(more, chance - fall), times + more
            p = margin_sides(flips((right / times - base).tolist()), 0.05)
            analyses.append((p.worse * factor, p.within * factor))
        regressed += any(worse <= 0.05 for worse, _ in analyses)
        passed += any(within <= 0.05 for _, within in analyses)
    assert binomial_tail(regressed, runs, 0.05) >= 0.005
    assert not fall or binomial_tail(passed, runs, 0.05) >= 0.005
