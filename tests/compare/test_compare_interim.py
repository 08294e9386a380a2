"""A run that was asked again to decide what changed: time, money and load are of what was planned, on every page."""

from pathlib import Path

import pytest
from written_runs import PRICES, asked, write_run

from evalrun.compare import baseline
from evalrun.compare.contrast import compare
from evalrun.compare.figures import invalid
from evalrun.compare.interim import interim
from evalrun.compare.read import load, read_run
from evalrun.compare.side import Side
from evalrun.compare.values import ComparedRow
from evalrun.gate.judge import judge, rules
from evalrun.rule import MEASURES

PLACE = ("add", "sim")
WORD = "r" * 40
PLANNED = asked(WORD, prompt=100)
ADDED = [
    one
    for repeat in (1, 2, 3)
    for one in asked("w" * 40, repeat=repeat, session=2, ttft_s=0.001, prompt=100, cached=90, output=2)
]
"""Prompts that came from the provider's cache, sooner and cheaper, while the client was late; wrong answers."""


def night(folder: Path, *, again: bool, day: int = 1) -> Side:
    """Write a run of one repeat, with or without three more."""
    return read_run(
        write_run(
            folder,
            [*PLANNED, *ADDED] if again else PLANNED,
            day=day,
            repeats=1,
            later_lag_s=0.05,
            prices={**PRICES, "cached": "0.1"},
            slo={"ttft": "0.2 s"},
        )
    )


def test_one_number_a_run_is_of_what_was_planned(tmp_path: Path) -> None:
    """Throughput, goodput and the client's lag stay what they were before the repeats."""
    plain, again = (night(tmp_path / str(flag), again=flag).cells[PLACE] for flag in (False, True))
    assert again.attempted == 4 * plain.attempted
    for name in ("throughput", "goodput", "lag_s", "conditions"):
        assert getattr(again, name) == getattr(plain, name), name
    assert plain.goodput is not None
    assert not any(invalid(interim(again).planned, measure) for measure in MEASURES.values())


@pytest.mark.parametrize(
    "text",
    ["client_lag <= 3 ms", "ttft_p50 <= 150 ms", "good >= 0.5", "ttft_p50 within 20 %", "cost within 10 %",
     "cost <= 0.001 USD", "prompt_tokens within 20 %", "good no worse than 10 points"],
)  # fmt: skip
def test_paying_for_repeats_turns_no_verdict(tmp_path: Path, text: str) -> None:
    """What passed as planned passes with repeats, whichever side was asked again: the model did nothing."""
    for number, flags in enumerate([(False, False), (False, True), (True, False), (True, True)]):
        base, new = (night(tmp_path / f"{number}-{day}", again=flag, day=day) for day, flag in enumerate(flags, 1))
        baseline.save(base, f"main-{number}", root=tmp_path / "baselines")
        (kept,) = load([f"main-{number}"], baselines=tmp_path / "baselines")
        (said,) = judge(rules([text]), new, kept).rulings
        assert said.word == "pass", (flags, said.why)


def test_a_night_is_what_was_planned(tmp_path: Path) -> None:
    """A baseline keeps every answer of the run, and of its night what was planned."""
    kept = []
    for flag in (False, True):
        baseline.save(night(tmp_path / str(flag), again=flag), f"main-{flag}".lower(), root=tmp_path / "baselines")
        (side,) = load([f"main-{flag}".lower()], baselines=tmp_path / "baselines")
        kept.append(side.cells[PLACE])
    plain, again = kept
    assert (plain.attempted, again.attempted) == (40, 160)
    assert again.nights[0].logs == plain.nights[0].logs
    for name in ("prompt", "cached", "output"):
        assert getattr(again.nights[0], name) == getattr(plain.nights[0], name)


def test_compare_reads_answers_of_all_and_time_of_what_was_planned(tmp_path: Path) -> None:
    """Accuracy is of 160 answers, of which 40 are right; everything of time and money as without the repeats; said."""
    base = night(tmp_path / "base", again=False)
    pairs = [compare(base, night(tmp_path / str(flag), again=flag, day=2)).pairs[0] for flag in (False, True)]
    plain, again = ({row.measure.name: row for row in pair.rows} for pair in pairs)
    for name in ("good", "ttft_p50", "e2e_p95", "throughput", "goodput", "prompt_tokens", "cost", "cost_per_correct"):
        assert value(again[name]) == value(plain[name]), MEASURES[name].label
    assert (value(plain["accuracy"]), value(again["accuracy"])) == (1.0, 0.25)
    assert not any("asked again" in note for note in pairs[0].notes)
    assert "its 120 further requests count for accuracy" in pairs[1].notes[-1]


def value(row: ComparedRow) -> float | None:
    return None if row.new is None else row.new.value
