"""Samples and their survey: count, content hash, no id twice, nothing empty."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalrun.data.places import Places, Row
from evalrun.data.portion import Portion
from evalrun.data.prompt import Prompt
from evalrun.data.samples import Samples, Survey, samples, survey
from evalrun.data.source import Inline, PythonSource
from evalrun.errors import SuiteError

PLACES = Places(root=Path())
PROMPT = Prompt(template="{{ q }}", expected="{{ a }}", meta=("a",))


def given(*rows: dict[str, Any], limit: int | None = None) -> Samples:
    inline = Inline.model_validate_json(json.dumps({"kind": "inline", "rows": rows}))
    return samples("t", inline, PROMPT, PLACES, portion=Portion(limit=limit))


def test_a_survey_counts_and_can_be_repeated() -> None:
    """Samples are read again from the start each time; `limit` takes the first ones."""
    rows = [{"q": str(n), "a": str(n)} for n in range(10)]
    three = given(*rows, limit=3)
    assert [sample.id for sample in three] == ["1", "2", "3"]
    assert survey(three) == survey(three)
    assert survey(three).sha256 == survey(given(*rows[:3])).sha256
    assert survey(three).count == 3


def test_the_hash_is_of_the_rows() -> None:
    """Question, answer and order change it, the task's name and the prompt do not; what is expected does.

    Pinned: resumes depend on it.
    """
    one, two = {"q": "1+1", "a": "2"}, {"q": "é", "a": "3"}
    assert survey(given(one, two)) == Survey(2, "3a4147092e9c5bb579cccbe3efe2f5cd6c21842d30972aedfbb36af3597dac6a", 2)
    others = ((one,), (two,), (one, two), (two, one), (one, two | {"a": "5"}))
    assert len({survey(given(*rows)).sha256 for rows in others}) == len(others)
    source = Inline.model_validate_json(json.dumps({"kind": "inline", "rows": (one, two)}))
    poem = samples("p", source, Prompt(template="A poem on {{ q }}", expected="{{ a }}"), PLACES)
    assert survey(poem) == survey(given(one, two))
    other_key = samples("t", source, Prompt(template="{{ q }}", expected="{{ a }}0"), PLACES)
    assert survey(other_key) != survey(given(one, two))


def test_a_field_that_json_has_no_form_for_may_be_in_a_row(tmp_path: Path) -> None:
    """A picture beside the question is no obstacle, and two runs of the same rows have one hash."""

    class Pictures:
        def rows(self, places: Places, /) -> Iterator[Row]:
            yield {"q": "1", "a": "2", "picture": object()}  # type: ignore[dict-item]

    twice = [survey(samples("t", Pictures(), PROMPT, PLACES)) for _ in range(2)]
    assert twice[0] == twice[1]


def test_no_rows_are_refused() -> None:
    """A survey of nothing would be 100 % of 0 (D03)."""

    class Nothing:
        def rows(self, places: Places, /) -> Iterator[Row]:
            return iter(())

    with pytest.raises(SuiteError, match=r"tasks\.t\.data: has no rows"):
        survey(samples("t", Nothing(), PROMPT, PLACES))


def test_the_first_five_pairs_of_twin_ids_are_named() -> None:
    """All twins are found, five are listed with both rows (D06)."""
    rows = [{"id": n % 7, "q": "q", "a": "a"} for n in range(14)]
    with pytest.raises(SuiteError) as error:
        survey(given(*rows))
    pairs = ", ".join(f"'{n}' (rows {n + 1} and {n + 8})" for n in range(5))
    assert f"tasks.t.prompt.id: duplicate ids: {pairs};" in str(error.value)


def test_the_hash_does_not_depend_on_the_hash_seed() -> None:
    """Two interpreters with different PYTHONHASHSEED agree on the generated suite and on its hash."""
    code = """
from pathlib import Path
from evalrun.data.samples import samples, survey
from evalrun.data.places import Places
from evalrun.data.portion import Portion
from evalrun.data.prompt import Prompt
from evalrun.data.graded import Arithmetic, WordProblems
prompt = Prompt(template="{{ question }}", expected="{{ answer }}", meta=("level",))
for source in (Arithmetic(kind="arithmetic", seed=1), WordProblems(kind="word_problems", seed=1)):
    print(survey(samples("t", source, prompt, Places(root=Path()))).sha256)
"""
    outputs = {
        subprocess.check_output([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, text=True)
        for seed in ("1", "2")
    }
    arithmetic = "f76516e118095a363c5cc3436560b82c26cdebb43002b9ef0967e4f90a2d5b51"
    words = "a6765c8ce131f5e1dfdc372b9ba9894d2d892d8ff640fac3b41b25b9c11f82b6"
    assert outputs == {f"{arithmetic}\n{words}\n"}


def test_rows_from_a_function_beside_the_suite(tmp_path: Path) -> None:
    """`kind: python` imports by name, passes its arguments and wants dicts."""
    (tmp_path / "own_rows_for_a_test.py").write_text(
        "def rows(n):\n    return ({'q': str(i), 'a': 'x'} for i in range(n))\n\ndef wrong():\n    return [1]\n"
    )
    places = Places(root=tmp_path)
    path = list(sys.path)
    assert len(list(PythonSource(kind="python", call="own_rows_for_a_test:rows", args={"n": 3}).rows(places))) == 3
    assert sys.path == path
    for call, said in (
        ("own_rows_for_a_test:missing", "has no attribute 'missing'"),
        ("no_such_module_here:rows", "No module named"),
        ("own_rows_for_a_test:wrong", "row 1 is a int; yield dicts"),
    ):
        with pytest.raises(SuiteError, match=said):
            list(PythonSource(kind="python", call=call).rows(places))
