"""A scorer is added from outside in one file, or as a shipped kind in one file and its name in the union."""

import json
from pathlib import Path
from typing import Any

from evalrun.store.reader import StoredRun
from evalrun.types import Completion, Scored

SUITE = """\
name: sums
targets: [sim]
tasks:
  sums:
    data: {kind: inline, rows: [{q: "What is 2 + 3?", a: "5"}, {q: "What is 40 + 2?", a: "42"}]}
    prompt: {template: "{{ q }}", expected: "{{ a }}"}
    scorers: [SCORER]
"""
OUTSIDE = '''\
"""Scores of our own."""

from evalrun.types import Score


def brief(sample, completion):
    """Return 1 for an answer of at most nine words that ends with the expected one."""
    words = completion.text.split()
    right = len(words) <= 9 and words[-1].strip(".$}") == sample.expected
    return Score(value=float(right), answer=words[-1], why=f"{len(words)} words")
'''
SHIPPED = '''\
"""The scorer `words`: how many words an answer has."""

from typing import Literal

from pydantic import Field

from evalrun.score.scorer import Scorer, answer_of, scored
from evalrun.types import Completion, Sample, Score


class WordsScorer(Scorer):
    """Right if the answer has at most so many words."""

    kind: Literal["words"]
    most: int = Field(ge=1)
    """The most words of a right answer."""

    def judge(self, sample: Sample, completion: Completion) -> Score:
        """Count them."""
        words = len(answer_of(completion).split())
        return scored(right=words <= self.most, answer=str(words), why=f"{words} words")
'''


def scored(folder: Path) -> list[tuple[Scored, list[str], str | None]]:
    """Return each score of the one run, with the words of its answer and the expected answer."""
    (run,) = (folder / "results" / "sums").iterdir()
    opened = StoredRun(run)
    records = {record.key: record for record in opened.records()}
    found = []
    for one in opened.scores():
        outcome = records[one.key].outcome
        assert isinstance(outcome, Completion)
        found.append((one, outcome.text.split(), records[one.key].sample.expected))
    return found


def test_a_scorer_from_outside_takes_one_file(package: Any) -> None:
    """A module beside the suite, in another folder than the command's; its mistakes are the suite's."""
    folder = package.folder / "suites"
    folder.mkdir()
    (folder / "our_scores.py").write_text(OUTSIDE)
    (folder / "sums.yaml").write_text(SUITE.replace("SCORER", "{kind: python, call: 'our_scores:brief', name: brief}"))
    done = package.evalrun("run", "suites/sums.yaml")
    assert done.returncode == 0, done.stderr
    found = scored(package.folder)
    assert len(found) == 2
    for one, words, expected in found:
        right = len(words) <= 9 and words[-1].strip(".$}") == expected
        assert (one.scorer, one.score.value, one.score.vote) == ("brief", float(right), words[-1])

    (folder / "our_scores.py").write_text("")
    wrong = package.evalrun("score", *(package.folder / "results" / "sums").iterdir())
    assert wrong.returncode == 2
    assert "module 'our_scores' has no attribute 'brief'" in wrong.stderr


def test_a_shipped_kind_takes_one_file_and_the_union(package: Any) -> None:
    """It runs, it is in the editor's schema, and a misspelt option of it gets a hint."""
    package.add("score/words.py", SHIPPED)
    package.change(
        "score/spec.py",
        (
            "from evalrun.score.scorer import",
            "from evalrun.score.words import WordsScorer\nfrom evalrun.score.scorer import",
        ),
        ("    | PythonScorer,", "    | PythonScorer\n    | WordsScorer,"),
    )
    assert package.touched == ["score/words.py", "score/spec.py"]
    suite = package.folder / "sums.yaml"
    suite.write_text(SUITE.replace("SCORER", "{kind: words, most: 8}"))
    done = package.evalrun("run", suite)
    assert done.returncode == 0, done.stderr
    assert [(one.score.value, one.score.answer) for one, _, _ in scored(package.folder)] == [
        (float(len(words) <= 8), str(len(words))) for _, words, _ in scored(package.folder)
    ]
    schema = json.loads(package.evalrun("schema").stdout)
    assert schema["$defs"]["WordsScorer"]["properties"]["most"]["description"] == "The most words of a right answer."
    suite.write_text(SUITE.replace("SCORER", "{kind: words, mots: 5}"))
    wrong = package.evalrun("check", suite)
    assert wrong.returncode == 2
    assert "tasks.sums.scorers[0].mots: unknown key; did you mean 'most'?" in wrong.stderr
