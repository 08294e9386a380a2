"""Containers of an answer: tags, JSON objects, and a line of confidence beside it."""

import time

import pytest

from evalrun.score.container import contained, objects, without_confidence
from evalrun.score.spec import ADAPTER
from evalrun.types import Completion, Sample


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("<answer>42</answer>", "42"),
        ("<answer> 42 </answer>\nI took 3 steps.", "42"),
        ("<ANSWER>1</ANSWER> no: <answer>42</answer>", "42"),
        ("I put it in <answer></answer> tags: <answer>42</answer>", "42"),
        ("<answer>42</answer>, in <answer> tags as asked.", "42"),
        ("so <answer>42", "42"),  # the closing tag was the stop sequence
        ("<final_answer>42</final_answer>", "42"),
        ("<|begin_of_box|>42<|end_of_box|>", "42"),
        ("<output>42</output>", "42"),  # any tag that is around all of it
        ("[ANSWER]42[/ANSWER]", "42"),
        ('{"answer": 42, "confidence": 0.9}', "42"),
        ('```json\n{"answer": 1.50}\n```', "1.50"),  # as it was written
        ('First {"answer": 1}, then {"answer": 42}.', "42"),
        ('{"Final Answer": "42", "answer": "41"}', "42"),
        ('{"result": {"value": 42, "unit": "m"}}', "42"),
        ('{"response": {"final_answer": {"option": "B"}}}', "B"),
        ('{"answer": ["42"]}', "42"),
        ('{"answer": [1, 2.50, "x"]}', "1, 2.50, x"),
        ("{'answer': 42,}", "42"),
        ('{"answer": "\\frac{1}{2}"}', "\\frac{1}{2}"),  # not a form feed
        ('{"answer": "a } in \\"quotes\\""}', 'a } in "quotes"'),
        ('{"答案": "42"}', "42"),
        ('{"answer": true}', "true"),
    ],
)
def test_content(text: str, content: str) -> None:
    """What a person would take out of the container, in its own spelling."""
    found = contained(text)
    assert found is not None
    assert found.content == content


@pytest.mark.parametrize(
    "text",
    [
        "42",
        "<answer></answer>",
        '{"answer": null}',
        '{"confidence": 0.9}',
        'f({"value": 3}) is 42',
        '{"answer": 4',
        "{}",
    ],
)
def test_no_container(text: str) -> None:
    """A general key such as `value` counts only where the object is all there is."""
    assert contained(text) is None


def test_of_a_text_that_was_cut_off_only_a_closed_container_counts() -> None:
    """`<answer>4` may have been 42."""
    assert contained("<answer>4", cut=True) is None
    assert contained("<answer>42</answer> and", cut=True) is not None


@pytest.mark.parametrize(
    "text",
    [
        "42\n\nConfidence: 95%", "42 (confidence: 0.9)", "42\n**Confidence level:** high", "I am 95% confident. 42",
        "42 — confidence 95%",
        "42\nProbability of being correct: 0.9", "42\n置信度：95%", "42\nУверенность: 95%", "Confidence score: 0.8\n42",
    ],
)  # fmt: skip
def test_confidence_is_no_answer(text: str) -> None:
    """It goes, wherever it is."""
    assert without_confidence(text).strip(" \n.") == "42"


@pytest.mark.parametrize(
    "text", ["Confidence: 95%", "The 95% confidence interval: (2, 5)", "Confidence interval: (2, 5)"]
)
def test_confidence_that_was_asked_for_stays(text: str) -> None:
    """Where it is all there is, and an interval."""
    assert without_confidence(text) == text


@pytest.mark.parametrize("kind", ["math", "numeric", "exact", "items"])
@pytest.mark.parametrize(
    "text",
    [
        "<answer>42</answer>\nI took 3 steps.",
        '{"answer": 42, "confidence": 0.9}',
        '```json\n{"final_answer": "42"}\n```',
    ],
)
def test_every_scorer_reads_them(kind: str, text: str) -> None:
    """Without any option; the score says from where."""
    (spec,) = ADAPTER.validate_json(f'[{{"kind": "{kind}"}}]')
    sample = Sample(task="t", id="1", messages=(), expected="42")
    score = spec(sample, Completion(text=text))
    assert (score.value, score.answer) == (1, "42")
    assert score.rule in ("tag", "json") or kind == "items"
    assert spec(sample, Completion(text=text.replace("42", "43"))).value == 0


def test_a_box_after_the_container_is_later() -> None:
    """The last word counts."""
    (spec,) = ADAPTER.validate_json('[{"kind": "numeric"}]')
    sample = Sample(task="t", id="1", messages=(), expected="7")
    assert spec(sample, Completion(text="<answer>3</answer> Sorry: \\boxed{7}")).value == 1


def test_exact_still_compares_a_whole_object() -> None:
    """Where the expected answer is one, it is not looked into."""
    (spec,) = ADAPTER.validate_json('[{"kind": "exact"}]')
    sample = Sample(task="t", id="1", messages=(), expected='{"answer": 42}')
    assert spec(sample, Completion(text='{"answer": 42}')).value == 1


@pytest.mark.parametrize("part", ['{"', '{"a":', "<answer>", '{"a":"x"', "confidence ", "[ANSWER]", "9"])
def test_time_is_linear(part: str) -> None:
    """20 times the text costs about 20 times the time, and quadratic would be 400 times."""
    times = []
    for length in (10_000, 200_000):
        text = (part * length)[:length]
        start = time.process_time()
        contained(text), list(objects(text)), without_confidence(text + "%")
        times.append(time.process_time() - start)
    assert times[1] < 60 * times[0] + 1
