"""Few-shot examples from rows: of a file, another split, or the task's own data, which then is not asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from evalrun.data.places import Places
from evalrun.data.portion import Portion
from evalrun.data.prompt import Prompt
from evalrun.data.samples import Samples, samples, survey
from evalrun.data.source import Inline
from evalrun.errors import SuiteError
from evalrun.suite.read import read_suite

ROWS = [{"q": f"q{n}", "a": f"a{n}"} for n in range(10)]


def of(few_shot: dict[str, Any], *, root: Path = Path(), rows: Any = ROWS, **more: Any) -> Samples:
    prompt = {"template": "{{ q }}?", "expected": "{{ a }}", "few_shot": few_shot, **more.pop("prompt", {})}
    source = Inline.model_validate_json(json.dumps({"kind": "inline", "rows": rows}))
    return samples("t", source, Prompt.model_validate_json(json.dumps(prompt)), Places(root=root), **more)


def shown(found: Samples) -> list[tuple[str, str]]:
    """Return the examples of the first sample, as (question, answer)."""
    texts = [message.content for message in next(iter(found)).messages[:-1]]
    return list(zip(texts[::2], texts[1::2], strict=True))


def test_examples_from_a_file_beside_the_suite(tmp_path: Path) -> None:
    """The first rows without a seed; by a seed the same in every run; after those of `examples`."""
    train = [{"q": f"train {n}", "a": f"right {n}"} for n in range(50)]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, train)))
    data = {"kind": "jsonl", "path": "train.jsonl"}
    first = of({"data": data, "n": 2}, root=tmp_path, prompt={"examples": [{"user": "u", "assistant": "v"}]})
    assert shown(first) == [("u", "v"), ("train 0?", "right 0"), ("train 1?", "right 1")]
    assert len(list(first)) == 10
    drawn = of({"data": data, "n": 5, "seed": 1}, root=tmp_path)
    assert shown(drawn) == shown(of({"data": data, "n": 5, "seed": 1}, root=tmp_path))
    assert shown(drawn) != shown(of({"data": data, "n": 5, "seed": 2}, root=tmp_path))
    assert len({sample.messages[:-1] for sample in drawn}) == 1


def test_own_rows_that_are_examples_are_not_asked() -> None:
    """Nor their copies; ids stay those of the rows, a limit and a sample are of the rest, which is counted."""
    found = of({"n": 3}, rows=[*ROWS, ROWS[0]])
    assert [sample.id for sample in found] == ["4", "5", "6", "7", "8", "9", "10"]
    limited = survey(of({"n": 3}, portion=Portion(limit=2)))
    assert (limited.count, limited.rows) == (2, 7)
    sampled = of({"n": 3}, portion=Portion(sample=5))
    assert survey(sampled).rows == 7
    assert {sample.id for sample in sampled} <= {"4", "5", "6", "7", "8", "9", "10"}
    assert len(list(sampled)) == 5
    drawn = of({"n": 3, "seed": 0})
    asked = {sample.messages[-1].content for sample in drawn}
    assert asked.isdisjoint(question for question, _ in shown(drawn))
    assert len(asked) == 7


def test_a_test_row_in_the_training_file_is_not_asked(tmp_path: Path) -> None:
    """It would be shown with its answer."""
    (tmp_path / "train.jsonl").write_text(json.dumps(ROWS[4]))
    found = of({"data": {"kind": "jsonl", "path": "train.jsonl"}, "n": 1}, root=tmp_path)
    assert [sample.id for sample in found] == ["1", "2", "3", "4", "6", "7", "8", "9", "10"]


def test_other_examples_are_another_prompt(tmp_path: Path) -> None:
    """The survey knows by what is in the file, not by its name."""
    found = []
    for text in ("one", "one", "two"):
        (tmp_path / "train.jsonl").write_text(json.dumps({"q": text, "a": "x"}))
        found.append(survey(of({"data": {"kind": "jsonl", "path": "train.jsonl"}, "n": 1}, root=tmp_path)))
    assert found[0] == found[1]
    assert found[0].sha256 == found[2].sha256
    assert found[0].examples != found[2].examples


def test_too_few_examples_and_ladders_are_refused(tmp_path: Path) -> None:
    """With the place, and what to do."""
    with pytest.raises(SuiteError, match=r"^tasks\.t\.prompt\.few_shot: has 10 rows, and n is 11; lower n$"):
        of({"n": 11})
    (tmp_path / "s.yaml").write_text(
        "name: s\ntasks:\n  t:\n    data: {kind: ladder, probe: {kind: needle}, sizes: [300]}\n"
        "    prompt: {template: '{{ prompt }}', expected: '{{ answer }}', few_shot: {n: 1}}\n"
        "    scorers: [{kind: exact}]\n"
    )
    with pytest.raises(SuiteError, match="`few_shot` would change the sizes of a ladder's prompts; remove it"):
        read_suite(tmp_path / "s.yaml", environ={})
