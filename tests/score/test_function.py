"""The scorer `python`: what a function of the user's may return, how long it may take, and how its errors are told."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from evalrun.errors import SuiteError
from evalrun.score.pool import score_all
from evalrun.score.spec import PythonScorer
from evalrun.suite.check import check_run
from evalrun.suite.read import read_suite
from evalrun.types import Completion, Sample, Score

OURS = '''\
"""Scores of our own."""

import sys
import time
from evalrun.types import Score

RETURNED = {
    "true": True, "half": 0.5, "one": 1, "none": None,
    "dict": {"value": 0.25, "answer": "a", "why": "because", "rule": "r"},
    "unscored": {"value": None, "why": "too vague"},
    "score": Score(value=1.0, answer="42"),
    "typo": {"valu": 1}, "text": "yes", "two": 2, "list": [1],
}


def fn(sample, completion):
    if completion.text == "exit":
        sys.exit("no more")
    if completion.text == "sleep":
        time.sleep(60)
    if completion.text == "raise":
        return inner({})
    return RETURNED[completion.text]


def inner(found):
    return found["missing"]
'''


def scored(folder: Path, texts: Sequence[str], *, module: str = OURS, timeout_s: float = 10) -> list[Score]:
    """Score texts by a module that is beside the suite, and nowhere else."""
    (folder / "our_own_scores.py").write_text(module)
    sample = Sample(task="t", id="1", messages=(), expected="42")
    spec = PythonScorer(kind="python", call="our_own_scores:fn", timeout_s=timeout_s)
    items = [(text, sample, Completion(text=text)) for text in texts]
    return [one.score for one in score_all(items, [spec], workers=1, beside=folder)]


def test_what_may_be_returned(tmp_path: Path) -> None:
    """A number from 0 to 1, a bool, a dict, a Score, or None for an answer that cannot be judged."""
    assert scored(tmp_path, ["true", "half", "one", "none", "dict", "unscored", "score"]) == [
        Score(value=1.0, answer="true"),
        Score(value=0.5, answer="half"),
        Score(value=1.0, answer="one"),
        Score(value=None, error="no_score", why="our_own_scores:fn returned None"),
        Score(value=0.25, answer="a", why="because", rule="r"),
        Score(value=None, error="no_score", answer="unscored", why="too vague"),
        Score(value=1.0, answer="42"),
    ]


def test_what_may_not_be_returned_is_told(tmp_path: Path) -> None:
    """In words about what was returned."""
    typo, text, two, items = scored(tmp_path, ["typo", "text", "two", "list"])
    assert "a dict with the keys ['valu']; it needs 'value' and may have answer, disputed, error" in typo.why
    assert "returned 'yes'; a score is a number from 0 to 1" in text.why
    assert "returned 2; a score is a number from 0 to 1" in two.why
    assert "returned [1]; a score is a number from 0 to 1" in items.why
    assert {one.error for one in (typo, text, two, items)} == {"scorer"}


def test_an_error_is_shown_with_its_own_line(tmp_path: Path) -> None:
    """The last line of the user's code that it came through, first what it says."""
    failed, left, after = scored(tmp_path, ["raise", "exit", "true"])
    line = OURS.splitlines().index('    return found["missing"]') + 1
    assert failed.why == f"KeyError: 'missing' ({tmp_path / 'our_own_scores.py'}:{line}, in inner)"
    line = OURS.splitlines().index('        sys.exit("no more")') + 1
    assert left.why == f"SystemExit: no more ({tmp_path / 'our_own_scores.py'}:{line}, in fn)"
    assert (left.error, after.value) == ("scorer", 1)


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("import sys\nsys.exit(3)\n", "SystemExit: 3 ({file}:2, in <module>)"),
        ("\n\ndef fn(:\n", "SyntaxError: invalid syntax ({file}:3)"),
        ("import no_such_thing\n", "ModuleNotFoundError: No module named 'no_such_thing' ({file}:1, in <module>)"),
        ("x = 1\n", "AttributeError: module 'our_own_scores' has no attribute 'fn'"),
    ],
)
def test_a_module_that_cannot_be_imported_stops_the_scoring(module: str, told: str, tmp_path: Path) -> None:
    """With its own line, and not as a lack of memory."""
    with pytest.raises(SuiteError) as raised:
        scored(tmp_path, ["1"], module=module)
    assert told.format(file=tmp_path / "our_own_scores.py") in str(raised.value)
    assert "memory" not in str(raised.value)


def test_the_time_limit_is_the_scorers_own(tmp_path: Path) -> None:
    """An answer that takes longer is unscored, the next one is scored."""
    slow, after = scored(tmp_path, ["sleep", "true"], timeout_s=1)
    assert (slow.error, slow.why) == ("scorer_timeout", "no score within 1 s, the scorer's `timeout_s`")
    assert after.value == 1


def test_a_module_that_cannot_be_imported_is_found_before_anything_is_asked(tmp_path: Path) -> None:
    """By the check of the suite, at the line that names it; one that can be imported is not called."""
    suite = tmp_path / "s.yaml"
    suite.write_text(
        "name: s\ntasks:\n  t:\n    data: {kind: inline, rows: [{q: a}]}\n    prompt: {template: '{{ q }}'}\n"
        "    scorers:\n      - kind: python\n        call: our_checked_scores:fn\n"
    )
    module = tmp_path / "our_checked_scores.py"
    loaded = read_suite(suite, environ={})
    module.write_text("fn = 1 / 0\n")
    with pytest.raises(SuiteError) as raised:
        check_run(loaded, [])
    assert str(raised.value) == (
        f"{suite}:8:15: tasks.t.scorers[0].call: ZeroDivisionError: division by zero ({module}:1, in <module>)"
    )
    module.write_text("def fn(sample, completion):\n    raise SystemExit\n")
    check_run(loaded, [])
