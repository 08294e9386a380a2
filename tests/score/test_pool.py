"""Killable workers: what one answer does to its worker costs that answer only. Real child processes throughout."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import pytest

from evalrun.errors import SuiteError
from evalrun.score.pool import WorkerPool, environment, score_all
from evalrun.score.spec import ADAPTER, ExactScorer, MathScorer, PythonScorer, RegexScorer, ScorerSpec
from evalrun.types import Completion, Sample, Score, Scored

MEMORY_BYTES = 2**29
HOSTILE = '''
"""Scorers that misbehave when the answer says so."""
import os, re, signal, subprocess, sys, time
from pathlib import Path
from evalrun.types import Score

def fn(sample, completion):
    word, _, rest = completion.text.partition(" ")
    if word == "loop":
        while True: pass
    if word == "hang":
        Path(rest).write_text(str(os.getpid()))
        re.match("(a+)+$", "a" * 60 + "b")
    if word == "spawn":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(rest).write_text(str(child.pid))
        time.sleep(600)
    if word == "eat": return len([bytearray(2**20) for _ in range(10**6)])
    if word == "exit": os._exit(7)
    if word == "killed": os.kill(os.getpid(), signal.SIGKILL)
    if word == "raise": raise KeyError("no such thing")
    if word == "nan": return float("nan")
    if word == "junk": return Score(value=1.0, answer=["not", "text"])
    if word == "env": return Score(value=1.0, answer=",".join(sorted(os.environ)))
    if word == "wait":
        while not Path(rest).exists(): time.sleep(0.01)
    return True
'''


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PythonScorer:
    """A Python scorer in a module of its own, importable by this process and so by the workers."""
    (tmp_path / "hostile_scorers.py").write_text(HOSTILE)
    monkeypatch.syspath_prepend(tmp_path)
    return PythonScorer(kind="python", call="hostile_scorers:fn")


def items(texts: Iterable[str]) -> Iterator[tuple[str, Sample, Completion]]:
    """Number the texts and make answers of them."""
    for number, text in enumerate(texts):
        yield str(number), Sample(task="t", id=str(number), messages=(), expected="18"), Completion(text=text)


def scores(texts: Iterable[str], *scorers: ScorerSpec, workers: int = 2, deadline_s: float = 30.0) -> list[Scored]:
    """Score the texts in a pool."""
    return list(score_all(items(texts), scorers, workers=workers, deadline_s=deadline_s, memory_bytes=MEMORY_BYTES))


def gone(pid: int) -> bool:
    """Whether a process has ended (one that nobody has reaped yet has ended too). Waits for it a while."""
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_each_misbehaviour_costs_its_own_answer(hostile: PythonScorer) -> None:
    """Crash, out of memory, exception and nonsense are told apart, and every other answer is scored."""
    words = ["ok", "exit", "ok", "eat", "ok", "raise", "ok", "nan", "ok", "junk", "ok", "killed", "ok"]
    scored = scores(words, hostile)
    assert [item.key for item in scored] == [str(number) for number in range(len(words))]
    got = {word: item.score for word, item in zip(words, scored, strict=True)}
    assert {word: score.error for word, score in got.items()} == {
        "ok": None, "exit": "scorer_crash", "eat": "scorer_oom", "raise": "scorer", "nan": "scorer", "junk": "scorer",
        "killed": "scorer_oom",
    }  # fmt: skip
    assert [item.score.value for item in scored] == [1.0 if word == "ok" else None for word in words]
    assert got["exit"].why.endswith("exit code 7")
    assert "KeyError: 'no such thing'" in got["raise"].why
    assert "returned nan" in got["nan"].why


def test_what_never_ends_is_killed_at_the_deadline(hostile: PythonScorer) -> None:
    """A Python loop, and a pattern that holds the interpreter's lock forever: each costs its own answer."""
    regex = RegexScorer(kind="regex", pattern="(a+)+$")
    scored = scores(["a", "a" * 60 + "b", "loop a"], regex, hostile, deadline_s=2.0)
    errors = [(item.scorer, item.score.error) for item in scored]
    assert errors == [
        ("regex", None), ("python", None),
        ("regex", "scorer_timeout"), ("python", None),
        ("regex", None), ("python", "scorer_timeout"),
    ]  # fmt: skip
    assert scored[2].score == Score(
        value=None, error="scorer_timeout", why="no score within 2 s, the scorer's `timeout_s`"
    )


def test_a_kill_takes_the_scorers_children_along(hostile: PythonScorer, tmp_path: Path) -> None:
    """What a scorer started dies with its worker."""
    scores([f"spawn {tmp_path / 'pid'}"], hostile, deadline_s=2.0)
    assert gone(int((tmp_path / "pid").read_text()))


def test_workers_inherit_no_key(hostile: PythonScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker sees where programs are and nothing else of the environment."""
    monkeypatch.setenv("DEEPINFRA_TOKEN", "canary")
    monkeypatch.setenv("PYTHONSTARTUP", "canary")
    (item,) = scores(["env"], hostile)
    assert "canary" not in environment().values()
    names = set((item.score.answer or "").split(","))
    assert "PATH" in names
    assert names.isdisjoint({"DEEPINFRA_TOKEN", "PYTHONSTARTUP"})


def test_workers_ignore_the_interrupt_that_the_parent_decides_on(hostile: PythonScorer) -> None:
    """SIGINT to a worker changes nothing."""
    with WorkerPool([hostile], workers=1, deadline_s=10.0, memory_bytes=MEMORY_BYTES) as pool:
        _, sample, completion = next(items(["ok"]))
        assert pool.submit(0, sample, completion).result().value == 1
        (worker,) = pool._alive
        os.killpg(worker.process.pid, signal.SIGINT)
        assert pool.submit(0, sample, completion).result().value == 1
        assert pool._alive == {worker}


def test_a_worker_that_died_between_answers_costs_none(hostile: PythonScorer) -> None:
    """An answer is not blamed for a worker that was dead before its turn."""
    with WorkerPool([hostile], workers=1, deadline_s=10.0, memory_bytes=MEMORY_BYTES) as pool:
        _, sample, completion = next(items(["ok"]))
        assert pool.submit(0, sample, completion).result().value == 1
        (worker,) = pool._alive
        worker.kill()
        assert pool.submit(0, sample, completion).result() == Score(value=1.0, answer="ok")


def test_workers_die_with_their_parent(hostile: PythonScorer, tmp_path: Path) -> None:
    """SIGKILL of the program leaves no worker behind, even one inside a loop that cannot be interrupted."""
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from evalrun.score.spec import PythonScorer
from evalrun.score.pool import score_all
from evalrun.types import Completion, Sample
item = ("1", Sample(task="t", id="1", messages=()), Completion(text="hang {tmp_path / "pid"}"))
list(score_all([item], [PythonScorer(kind="python", call="hostile_scorers:fn")], deadline_s=600.0))
"""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    parent = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path})
    try:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert parent.poll() is None, "the parent ended before its worker began"
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()
    assert gone(int((tmp_path / "pid").read_text()))


def test_leaving_early_kills_what_runs(hostile: PythonScorer, tmp_path: Path) -> None:
    """`stop` ends the stream at once, with a worker in the middle of a loop."""
    asked = count()
    stream = score_all(
        items(["ok", f"hang {tmp_path / 'pid'}"]),
        [hostile],
        workers=1,
        deadline_s=600.0,
        memory_bytes=MEMORY_BYTES,
        stop=lambda: (tmp_path / "pid").exists() and next(asked) > 2,
    )
    assert [item.key for item in stream] == ["0"]
    assert gone(int((tmp_path / "pid").read_text()))


class _Looping(ExactScorer):
    def judge(self, sample: Sample, completion: Completion) -> Score:
        raise AssertionError("a long answer was judged in this process")


def test_j08_long_answers_are_judged_in_a_worker_by_every_scorer() -> None:
    """One of 20,001 characters is not judged here, where no deadline holds; one of 20,000 is."""
    texts = ["x" * 20_001, "x" * 20_000]
    with WorkerPool([_Looping(kind="exact")], workers=1, memory_bytes=MEMORY_BYTES) as pool:
        (_, sample, long), (_, _, short) = items(texts)
        assert pool.submit(0, sample, long).result() == ExactScorer(kind="exact")(sample, long)
        with pytest.raises(AssertionError):
            pool.submit(0, sample, short)


class _Raising(ExactScorer):
    def judge(self, sample: Sample, completion: Completion) -> Score:
        raise RecursionError


def test_j07_a_cheap_scorer_that_raises_is_asked_again_in_a_worker() -> None:
    """There its error costs the answer; here the worker's own class does not raise, and judges."""
    with WorkerPool([_Raising(kind="exact")], workers=1, memory_bytes=MEMORY_BYTES) as pool:
        ((_, sample, answer),) = items(["x"])
        assert pool.submit(0, sample, answer).result() == ExactScorer(kind="exact")(sample, answer)


def test_j08_a_megabyte_of_anything_is_judged_or_timed_out() -> None:
    """The deadline and the memory of the pool hold for every scorer; none raises."""
    scorers = ADAPTER.validate_python([{"kind": kind} for kind in ("exact", "contains", "numeric", "choice")])
    sample = Sample(task="t", id="1", messages=(), expected="7", choices=("7", "8", "9"))
    pieces = ("\\", "{", "[", "$", "<think>", "<answer>", "1,", "a ", "B or ", "\\boxed{", "**")
    answers = [
        (piece, sample, Completion(text=piece * (2**20 // len(piece)), finish_reason="stop")) for piece in pieces
    ]
    found = list(score_all(answers, scorers, workers=2, deadline_s=2.0, memory_bytes=2**31))
    assert len(found) == 44
    assert {one.score.error for one in found} <= {None, "unsure", "scorer_timeout"}


def test_an_unusable_scorer_stops_the_stream() -> None:
    """A scorer that cannot be imported is the suite's mistake, not one error for every answer."""
    with pytest.raises(SuiteError, match=r"(?s)a worker process cannot start.*No module named 'no_such_module'"):
        scores(["1"], PythonScorer(kind="python", call="no_such_module:fn"))


def test_two_scorers_of_one_name_are_refused() -> None:
    """Scores that nobody could tell apart are not made."""
    with pytest.raises(SuiteError, match="same name"):
        scores(["1"], ExactScorer(kind="exact"), ExactScorer(kind="exact", ignore_case=True))


def test_order_and_memory_do_not_depend_on_speed(hostile: PythonScorer, tmp_path: Path) -> None:
    """Answers come in their order with all their scores, and only a bounded number is taken from the input ahead."""
    last_taken = 0

    def texts() -> Iterator[str]:
        nonlocal last_taken
        for last_taken in range(200):
            if last_taken == 2 * 16 - 1:  # as far ahead as two workers are fed: let the first answer end
                (tmp_path / "go").touch()
            yield f"wait {tmp_path / 'go'}" if last_taken == 0 else "18"

    scorers: list[ScorerSpec] = [ExactScorer(kind="exact"), MathScorer(kind="math"), hostile]
    stream = score_all(items(texts()), scorers, workers=2, deadline_s=60.0, memory_bytes=MEMORY_BYTES)
    first = next(stream)
    assert (first.key, first.scorer) == ("0", "exact")
    assert last_taken <= 2 * 16
    rest = list(stream)
    names = ["exact", "math", "python"]
    assert [(item.key, item.scorer) for item in [first, *rest]] == [
        (str(n), name) for n in range(200) for name in names
    ]
    assert [item.score.value for item in rest[2:]] == [1.0] * 597
