"""The part of a source that is asked: the first rows, or a seeded sample; how many rows there are in all."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.data.context import Needle
from evalrun.data.files import Csv, Jsonl, Parquet
from evalrun.data.graded import Arithmetic
from evalrun.data.ladder import LadderSource
from evalrun.data.places import Places, Row
from evalrun.data.portion import Portion, count, draw
from evalrun.data.prompt import Prompt
from evalrun.data.samples import samples, survey
from evalrun.data.source import Inline, PythonSource
from evalrun.errors import SuiteError

PROMPT = Prompt(template="{{ q }}")
FORTY = [{"q": f"question {n}"} for n in range(40)]


def inline(rows: list[Any]) -> Inline:
    return Inline.model_validate_json(json.dumps({"kind": "inline", "rows": rows}))


def asked(rows: list[Any], **portion: Any) -> list[str]:
    """Return the questions that are asked of some rows."""
    found = samples("t", inline(rows), PROMPT, Places(root=Path()), portion=Portion(**portion))
    return [sample.messages[-1].content for sample in found]


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=40), st.randoms(use_true_random=False), st.integers(0, 3),
    st.integers(1, 40), st.integers(1, 40),
)  # fmt: skip
def test_a_sample_does_not_depend_on_order_and_grows(numbers: list[int], dice: Any, seed: int, n: int, m: int) -> None:
    """Of any rows, copies among them: shuffled, the same contents are drawn; fewer are a part of more."""
    rows = [{"q": f"question {number}"} for number in numbers]
    shuffled = dice.sample(rows, len(rows))
    few, more = sorted((n, m))
    one = Counter(asked(rows, sample=few, seed=seed))
    assert one == Counter(asked(shuffled, sample=few, seed=seed))
    assert one <= Counter(asked(rows, sample=more, seed=seed))
    assert one.total() == min(few, len(rows))


def test_every_row_is_as_likely_as_any_other() -> None:
    """2 of 5 rows by 2,000 seeds: each row 800 times expected, standard deviation sqrt(2000 * 0.4 * 0.6) = 22.

    Each of the 10 pairs 200 times, standard deviation 13.4. Four of them are allowed.
    """
    pairs = Counter(tuple(sorted(draw(FORTY[:5], 2, seed=seed).numbers)) for seed in range(2000))
    rows = Counter(number for pair, times in pairs.items() for number in pair for _ in range(times))
    assert len(pairs) == 10
    assert all(abs(times - 200) < 4 * 13.4 for times in pairs.values()), pairs
    assert all(abs(times - 800) < 4 * 22 for times in rows.values()), rows


def test_copies_of_a_row_are_not_drawn_together() -> None:
    """20 rows that are equal and 20 others that are: of 20 drawn about 10 are of each kind, not all of one.

    Hypergeometric: standard deviation sqrt(20 * 1/2 * 1/2 * 20/39) = 1.6.
    """
    halves = [{"q": "easy"}] * 20 + [{"q": "hard"}] * 20
    easy = [Counter(asked(halves, sample=20, seed=seed))["easy"] for seed in range(50)]
    assert all(3 <= each <= 17 for each in easy)
    assert 9 < sum(easy) / len(easy) < 11


def test_samples_keep_the_order_and_the_numbers_of_the_source() -> None:
    """A row that is drawn has the id that it has when all rows are asked."""
    found = list(samples("t", inline(FORTY), PROMPT, Places(root=Path()), portion=Portion(sample=10)))
    assert [f"question {int(sample.id) - 1}" for sample in found] == [sample.messages[-1].content for sample in found]
    assert [int(sample.id) for sample in found] == sorted(int(sample.id) for sample in found)


def test_a_limit_makes_a_sample_smaller_and_not_first() -> None:
    """Of both the smaller number is drawn, so that what is asked is a sample still."""
    assert asked(FORTY, sample=20, limit=5) == asked(FORTY, sample=5)
    assert asked(FORTY, sample=5, limit=20) == asked(FORTY, sample=5)
    assert asked(FORTY, limit=2) == ["question 0", "question 1"]


def test_another_seed_is_another_sample() -> None:
    """And a sample of all rows is all rows."""
    assert len({tuple(asked(FORTY, sample=20, seed=seed)) for seed in range(20)}) == 20
    assert asked(FORTY, sample=40) == asked(FORTY, sample=99, seed=3) == asked(FORTY)


def test_the_survey_knows_how_many_rows_there_are(tmp_path: Path) -> None:
    """40 rows in every form; of a function that yields, no more than one row beyond the limit is fetched."""
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, FORTY)) + "\n\nnot json\n")
    (tmp_path / "rows.csv").write_text("q\n" + "".join(f"{row['q']}\n" for row in FORTY))
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(FORTY), tmp_path / "rows.parquet")
    (tmp_path / "forty_rows_for_a_test.py").write_text(
        "def listed():\n    return [{'q': str(n)} for n in range(40)]\n"
        "def endless():\n    n = 0\n    while True:\n        n += 1\n        yield {'q': str(n)}\n"
        "def twenty():\n    yield from ({'q': str(n)} for n in range(20))\n"
        "def costly():\n    yield from ({'q': str(n)} for n in range(21))\n    raise SystemExit('went too far')\n"
    )
    places = Places(root=tmp_path)
    sources: list[tuple[Any, int | None]] = [
        (Jsonl(kind="jsonl", path="rows.jsonl"), 40),
        (Csv(kind="csv", path="rows.csv"), 40),
        (Parquet(kind="parquet", path="rows.parquet"), 40),
        (PythonSource(kind="python", call="forty_rows_for_a_test:listed"), 40),
        (PythonSource(kind="python", call="forty_rows_for_a_test:endless"), None),
        (PythonSource(kind="python", call="forty_rows_for_a_test:twenty"), 20),
        (PythonSource(kind="python", call="forty_rows_for_a_test:costly"), None),
    ]
    for source, rows in sources:
        found = survey(samples("t", source, PROMPT, places, portion=Portion(limit=20)))
        assert (found.count, found.rows) == (20, rows), source
    assert survey(samples("t", inline(FORTY), PROMPT, places, portion=Portion(limit=20))).rows == 40
    assert survey(samples("t", inline(FORTY), PROMPT, places, portion=Portion(sample=20))).rows == 40
    assert survey(samples("t", inline(FORTY), PROMPT, places, portion=Portion(limit=99))).rows == 40
    assert count(Arithmetic(kind="arithmetic", n_per_level=7, levels=(1, 2, 2)), places, asked=3) == 14


def test_rows_beyond_a_count_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source is not read to its end for the sake of a word, however long it is."""

    class Endless:
        def rows(self, places: Places, /) -> Iterator[Row]:
            while True:
                yield {"q": "again"}

    monkeypatch.setattr("evalrun.data.portion.MOST_AHEAD", 10)
    assert count(Endless(), Places(root=Path()), asked=3) is None


def test_bad_rows_are_told_of_once(tmp_path: Path) -> None:
    """Drawing reads the source twice; a row that is left out is reported by the second reading alone."""
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, FORTY[:3])) + "\nnot json\n" + json.dumps(FORTY[3]))
    told: list[str] = []
    places = Places(root=tmp_path, skip_bad_rows=True, on_skip=told.append)
    found = samples("t", Jsonl(kind="jsonl", path="rows.jsonl"), PROMPT, places, portion=Portion(sample=4))
    assert len(list(found)) == 4
    assert len(told) == 1


def test_a_ladder_is_asked_whole() -> None:
    """Its questions are drawn already, and a pair of cold and warm prompts must stay together."""
    source = LadderSource(kind="ladder", probe=Needle(kind="needle"), sizes=(300, 600), per_size=2, cache="both")
    places = Places(root=Path())
    prompt = Prompt(template="{{ prompt }}", expected="{{ answer }}")
    whole = [sample.id for sample in samples("t", source, prompt, places)]
    assert [sample.id for sample in samples("t", source, prompt, places, portion=Portion(sample=3))] == whole


def test_a_surrogate_in_a_row_that_is_not_drawn_is_no_obstacle() -> None:
    """It is refused only where it would be sent."""
    rows = [*FORTY, {"q": "half \ud800"}]
    drawn = draw(rows, 41, seed=0)
    assert (len(drawn.numbers), drawn.rows) == (41, 41)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def rows():\n    return [{'q': {}['x']}]\n", r"KeyError: 'x' \(.*own\d\.py:2: in rows: return"),
        ("def rows():\n    yield {'q': '1'}\n    1 / 0\n", r"ZeroDivisionError: division by zero \(.*own\d\.py:3"),
        ("import sys\ndef rows():\n    sys.exit('no data')\n", r"SystemExit: no data \(.*own\d\.py:3: in rows"),
        ("import sys\ndef rows():\n    sys.exit()\n", r"SystemExit \(.*own\d\.py:3: in rows"),
        ("import json\ndef rows():\n    json.loads('')\n", r"JSONDecodeError: .*own\d\.py:3: in rows"),
        ("raise RuntimeError('\\x1b[31m')\n", r"RuntimeError: \\x1b\[31m \(.*own\d\.py:1"),
        ("def rows(:\n", r"SyntaxError: .*own\d\.py, line 1"),
        ("def rows(n):\n    return []\n", "TypeError: .*missing 1 required.*fix the function, or its `args`"),
        ("def rows():\n    pass\n", "returns a NoneType; return a list of dicts, or yield dicts"),
        ("def rows():\n    return {'q': '1'}\n", "returns a dict; return a list"),
    ],
)
def test_what_a_function_of_the_users_raises_is_shown_with_its_line(
    tmp_path: Path, body: str, said: str, request: pytest.FixtureRequest
) -> None:
    """It is the suite that is wrong, not evalrun: exit 2, and the line to look at, be it a call of `sys.exit`."""
    name = f"own{request.node.callspec.indices['body']}"
    (tmp_path / f"{name}.py").write_text(body)
    with pytest.raises(SuiteError, match=said):
        list(PythonSource(kind="python", call=f"{name}:rows").rows(Places(root=tmp_path)))
