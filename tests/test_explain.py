"""Every printed number has one definition, and the documentation has the same one."""

from pathlib import Path

import pytest

from evalrun import explain
from evalrun.errors import SuiteError
from evalrun.rule import MEASURES

DOCS = Path(__file__).parents[1] / "docs" / "metrics.md"


def test_docs_are_the_definitions() -> None:
    """docs/metrics.md ends in exactly what `explain` knows. To update: paste `explain.markdown()` below the marker."""
    written = DOCS.read_text(encoding="utf-8").partition("<!-- from evalrun/explain.py -->\n\n")[2]
    assert written == explain.markdown()


@pytest.mark.parametrize("asked", ["ttft_s", "TTFT", " ttft "])
def test_a_number_is_found_by_name_and_by_label(asked: str) -> None:
    """With or without its unit, in any case."""
    assert explain.explain(asked).name == "ttft_s"
    assert explain.describe(explain.explain(asked)).startswith("Time to first token: first token event - sent")


def test_every_definition_can_be_asked_for() -> None:
    """No name or label hides another one."""
    for name, definition in explain.DEFINITIONS.items():
        assert explain.explain(name) is definition
        assert explain.explain(definition.label) is definition


def test_what_a_rule_may_name_can_be_asked_for() -> None:
    """Percentiles and means of a gate's rules have the definition of what they are of."""
    assert explain.explain("ttft_p95").name == "ttft_s"
    assert explain.explain("cost_per_correct").name == "cost_per_correct_usd"
    for name, measure in MEASURES.items():
        assert explain.explain(name) is explain.explain(measure.label)


def test_marks_and_warnings_can_be_asked_for() -> None:
    """By their names; a loud warning is one of them."""
    for warning, text in explain.WARNINGS.items():
        assert explain.explain(warning).brief == text
    for mark, (_, text) in explain.MARKS.items():
        assert mark in explain.DEFINITIONS or explain.explain(mark).brief == f"mark: {text}"
    assert explain.LOUD.issubset(explain.WARNINGS)


def test_a_misspelt_name_gets_a_hint() -> None:
    """The error names the nearest number."""
    with pytest.raises(SuiteError, match=r"explain: 'acuracy': no such number; did you mean 'accuracy'\?"):
        explain.explain("acuracy")
