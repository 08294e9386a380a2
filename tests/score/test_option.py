"""The option `extract` of every scorer, and the other options that all have."""

import json
import re
import typing
from pathlib import Path

import pytest

from evalrun.errors import SuiteError
from evalrun.score.option import Extract
from evalrun.score.pool import score_all
from evalrun.score.scorer import Scorer
from evalrun.score.spec import ADAPTER, ScorerSpec
from evalrun.suite.read import read_suite
from evalrun.types import Completion, Sample, Score

NEEDED = {"regex": {"pattern": "42"}, "python": {"call": "evalrun.score:tests_only"}}
KINDS = sorted(
    typing.get_args(kind.model_fields["kind"].annotation)[0] for kind in typing.get_args(typing.get_args(ScorerSpec)[0])
)


def scorer(kind: str, **options: object) -> Scorer:
    """Read a scorer as a suite does."""
    (spec,) = ADAPTER.validate_json(json.dumps([{"kind": kind, **NEEDED.get(kind, {}), **options}]))
    return spec


def judged(
    text: str, extract: dict[str, str], *, kind: str = "exact", expected: str = "42", cut: bool = False
) -> Score:
    """Score a text."""
    sample = Sample(task="t", id="1", messages=(), expected=expected)
    spec = scorer(kind, extract=extract)
    return spec(sample, Completion(text=text, finish_reason="length" if cut else "stop"))


@pytest.mark.parametrize(
    ("extract", "text", "found"),
    [
        ({"regex": "ANSWER: (.+)"}, "ANSWER: 41\nANSWER: 42", "42"),
        ({"regex": "ANSWER: (.+)", "take": "first"}, "ANSWER: 41\nANSWER: 42", "41"),
        ({"regex": "[0-9]+"}, "from 41 to 42.", "42"),
        ({"regex": "^= (?P<x>.*)$"}, "a\n= 42\nb", "42"),
        ({"json_path": "a"}, 'It is {"a": 42}, I think.', "42"),
        ({"json_path": "a.b[1]"}, '```json\n{"a": {"b": [1, "42"]}}\n```', "42"),
        ({"json_path": "$.a[-1].b"}, '{"a": [{"b": 1}, {"b": 42}]}', "42"),
        ({"json_path": "['a.b']"}, '{"a.b": 42}', "42"),
        ({"json_path": "a"}, '{"a": 1} {"b": 3} {"a": 42} {"c": 1}', "42"),
        ({"json_path": "a", "take": "first"}, '{"b": 1} {"a": 41} {"a": 42}', "41"),
        ({"json_path": "a"}, '{"a": {"x": 1}}', '{"x": "1"}'),
        ({"xml_tag": "final"}, "<final>41</final><FINAL lang='en'> 42 </FINAL>", "42"),
        ({"xml_tag": "final", "take": "first"}, "<final>41</final><final>42</final>", "41"),
        ({"xml_tag": "a"}, "<a>40<a>42</a></a>", "42"),
    ],
)
def test_what_is_found(extract: dict[str, str], text: str, found: str) -> None:
    """The first or the last match; its first group where it has one."""
    assert Extract.model_validate(extract).find(text) == found


@pytest.mark.parametrize(
    ("extract", "text"),
    [
        ({"regex": "ANSWER: (.*)"}, "answer: 42"),
        ({"regex": "ANSWER: (.*)"}, "ANSWER: "),
        ({"json_path": "a.b"}, '{"a": 42}'),
        ({"json_path": "a[3]"}, '{"a": [42]}'),
        ({"json_path": "a"}, '{"a": null} [1] {"a": "cut'),
        ({"xml_tag": "final"}, "<final>42 </finale> <final>"),
    ],
)
def test_nothing_is_found(extract: dict[str, str], text: str) -> None:
    """What happens then is said: by default the answer is unscored."""
    assert (judged(text, extract).value, judged(text, extract).error) == (None, "not_extracted")
    wrong = judged(text, {**extract, "missing": "wrong"})
    assert (wrong.value, wrong.answer, wrong.rule) == (0, None, "none")
    assert judged(text, {**extract, "missing": "fall_through"}, expected=text.strip()).value == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_scorer_has_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that is added to the union later: it judges the part as if it were the whole reply."""
    monkeypatch.setattr("evalrun.score.tests_only", lambda _, completion: completion.text == "x 42", raising=False)
    expected = {"choice": "A", "items": "42", "recall": "x 42"}.get(kind, "42")
    part = {"exact": "42", "math": "42", "numeric": "42", "choice": "A"}.get(kind, "x 42")
    sample = Sample(task="t", id="1", messages=(), expected=expected)
    text = f"I had 17 and 18 at first, B and C.\n>> {part} <<\nSo 19 it was not, nor D."
    right = scorer(kind, extract={"regex": ">> (.*) <<"})(sample, Completion(text=text))
    assert right.value == 1
    assert right.rule.startswith("extract.regex")


def test_the_rule_that_fired_is_recorded() -> None:
    """Of the option, and of the scorer where it looked for more."""
    assert judged("A: 42", {"regex": "A: (.*)"}, kind="math").rule == "extract.regex"
    assert judged("A: so it is \\boxed{42}", {"regex": "A: (.*)"}, kind="math").rule == "extract.regex > boxed"
    assert judged("<a>42</a>", {"xml_tag": "a"}, kind="numeric").rule == "extract.xml_tag"


def test_what_a_cut_off_text_ends_in_may_not_be_whole() -> None:
    """A match that reaches the end of it does not count; a tag that closes does."""
    assert judged("A: 42", {"regex": "A: ([0-9]*)"}, cut=True).error == "not_extracted"
    assert judged("A: 42, and", {"regex": "A: ([0-9]*)"}, kind="math", cut=True).value == 1
    assert judged("<a>42</a>", {"xml_tag": "a"}, kind="math", cut=True).value == 1


def test_a_hostile_pattern_costs_its_own_answer() -> None:
    """It runs in a worker that is killed, for a scorer too that needs none otherwise."""
    sample = Sample(task="t", id="1", messages=(), expected="42")
    spec = scorer("exact", extract={"regex": "^(a+)+$"}, timeout_s=1)
    texts = ["a" * 60 + "b", "aa"]
    scores = list(score_all([(text, sample, Completion(text=text)) for text in texts], [spec]))
    assert [one.score.error for one in scores] == ["scorer_timeout", None]
    assert "no score within 1 s" in scores[0].score.why


@pytest.mark.parametrize(
    ("extract", "message"),
    [
        ("{regex: '('}", "extract.regex: not a regular expression: missing ), unterminated subpattern at position 0"),
        ("{json_path: 'a..b'}", "extract.json_path: 'a..b' is not a JSON path; write e.g. answer"),
        ("{xml_tag: '<a>'}", "extract.xml_tag"),
        ("{regex: a, xml_tag: b}", "extract: needs exactly one of 'regex', 'json_path' and 'xml_tag'"),
        ("{take: first}", "extract: needs exactly one of"),
        ("{regx: a}", "extract.regx: unknown key; did you mean 'regex'?"),
    ],
)
def test_mistakes_are_found_before_anything_is_asked(extract: str, message: str, tmp_path: Path) -> None:
    """With the line of the suite."""
    suite = tmp_path / "s.yaml"
    suite.write_text(
        "name: s\ntasks:\n  t:\n    data: {kind: inline, rows: [{q: a}]}\n    prompt: {template: '{{ q }}'}\n"
        f"    scorers:\n      - kind: math\n        extract: {extract}\n"
    )
    with pytest.raises(SuiteError, match=rf"s\.yaml:8:\d+: tasks\.t\.scorers\[0\]\.{re.escape(message)}"):
        read_suite(suite, environ={})


def test_exact_reads_the_final_answer_and_normalises() -> None:
    """Only where it is asked to."""
    sample = Sample(task="t", id="1", messages=(), expected="New York")
    for text in ("Answer: New York", "It is **New York**.", "答案：Ｎｅｗ Ｙｏｒｋ", "\\boxed{\\text{New York}}"):
        assert scorer("exact")(sample, Completion(text=text)).value == 0
        assert scorer("exact", answer="final")(sample, Completion(text=text)).value == 1
    assert scorer("exact")(sample, Completion(text="*New York*.")).value == 0
    assert scorer("exact", normalize=True)(sample, Completion(text="*New\u00a0York*.")).value == 1
    assert scorer("exact", normalize=True)(sample, Completion(text="New York City")).value == 0
