"""`evalrun ab` as a user does it: two simulators asked in turn, compared; stopped, resumed, capped, decided."""

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from evalrun.run.job import in_turn
from evalrun.store.reader import StoredRun

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

TARGET = """\
kind: simulator
seed: {seed}
ttft_s: {ttft_s}
token_s: 0
tokens_per_chunk: 50
accuracy: [{accuracy}]
prices: {{prompt: 1, completion: 2, date: 2026-01-01}}
"""


def target(tmp_path: Path, name: str, *, accuracy: float = 1.0, seed: int = 7, ttft_s: float = 0.0) -> str:
    """Write a simulator's file; give its name."""
    (tmp_path / f"{name}.yaml").write_text(TARGET.format(seed=seed, accuracy=accuracy, ttft_s=ttft_s))
    return f"{name}.yaml"


def only_run(tmp_path: Path) -> Path:
    (folder,) = (tmp_path / "results" / "sums").iterdir()
    return folder


def asked(folder: Path) -> list[tuple[str, str]]:
    """Return (target, sample) of each request, in the order in which they were about to be sent."""
    records = {record.key: (record.target, record.sample.id) for record in StoredRun(folder).records()}
    lines = (json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines())
    return [records[line["key"]] for line in lines if line["t"] == "intent" and line["key"] in records]


def accuracy(folder: Path) -> dict[str, Any]:
    """Return the row of accuracy from ab.json."""
    contrast = json.loads((folder / "ab.json").read_text())
    row: dict[str, Any] = next(row for row in contrast["pairs"][0]["rows"] if row["measure"]["name"] == "accuracy")
    return row


def test_two_targets_are_asked_in_turn_and_compared(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path
) -> None:
    """A is always right and B never: 20 samples of 20 flip, so p is 2 x 2^-20. The journal holds the requests in the
    order of the seeded blocks, which the folder's name and the task decide."""
    path = suite(20, concurrency=1)
    a, b = target(tmp_path, "a"), target(tmp_path, "b", accuracy=0.0)
    done = evalrun("ab", path, "-t", a, "-t", b)
    assert done.returncode == 0, done.stderr
    assert "b against a" in done.stdout
    assert "asked in step" in done.stdout
    folder = only_run(tmp_path)
    samples = list(dict.fromkeys(sample for _, sample in asked(folder)))
    turns = in_turn([[("a", sample), ("b", sample)] for sample in samples], seed=f"{folder.name} sums")
    assert asked(folder) == list(turns)
    row = accuracy(folder)
    assert (row["word"], row["comparison"]["difference"]) == ("regressed", -1.0)
    assert abs(row["comparison"]["p"] - 2**-19) < 1e-12
    assert json.loads((folder / "manifest.json").read_text())["command"]["ab"] == {
        "base": "a", "new": "b", "control": None,
    }  # fmt: skip
    assert {"ab.md", "ab.csv"} <= {path.name for path in folder.iterdir()}


def test_equals_differ_by_nothing_and_a_control_is_asked_too(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path
) -> None:
    """Two simulators of one seed give the same answers: no sample flips. Each round asks all three the same sample."""
    path = suite(8, concurrency=1)
    names = [target(tmp_path, name, accuracy=0.5) for name in "abc"]
    done = evalrun("ab", path, "-t", names[0], "-t", names[1], "--control", names[2])
    assert done.returncode == 0, done.stderr
    assert "corrected for drift" in done.stdout
    folder = only_run(tmp_path)
    assert accuracy(folder)["comparison"]["difference"] == 0.0
    requests = asked(folder)
    for start in range(0, 24, 6):
        block = [name for name, _ in requests[start : start + 6]]
        assert sorted(block[:3]) == ["a", "b", "c"]
        assert block[3:] == block[2::-1]


def test_a_stopped_ab_goes_on_where_it_was(
    suite: Callable[..., Path], evalrun: Command, start: Start, tmp_path: Path
) -> None:
    """After Ctrl-C the same command asks the rest, each target each sample exactly once, in one folder."""
    path = suite(40, concurrency=2)
    names = [target(tmp_path, name, ttft_s=0.05) for name in "ab"]
    process = start("ab", path, "-t", names[0], "-t", names[1])
    journals = tmp_path / "results" / "sums"
    while not any(file.read_bytes().count(b'"t":"record"') >= 10 for file in journals.glob("*/journal.jsonl")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"resume with: evalrun ab {path} --target a.yaml --target b.yaml" in err
    resumed = evalrun("ab", path, "-t", names[0], "-t", names[1])
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming:" in resumed.stderr
    counts = Counter(asked(only_run(tmp_path)))
    assert set(counts.values()) == {1}
    assert Counter(name for name, _ in counts) == {"a": 40, "b": 40}


def test_the_cap_holds_for_both_together(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """With $0.008 not all of 2 x 100 requests fit: exit 4, no more is spent, and neither target is more than a block
    ahead. With a higher cap the same command asks the rest."""
    path = suite(100, concurrency=2)
    names = [target(tmp_path, name) for name in "ab"]
    capped = evalrun("ab", path, "-t", names[0], "-t", names[1], "--max-cost", "0.008")
    assert capped.returncode == 4, capped.stderr
    records = list(StoredRun(only_run(tmp_path)).records())
    each = Counter(record.target for record in records)
    assert 0 < each["a"] < 100
    assert abs(each["a"] - each["b"]) <= 2
    assert sum(record.cost_usd or 0 for record in records) <= Decimal("0.008")
    assert "--max-cost" in capped.stderr
    rest = evalrun("ab", path, "-t", names[0], "-t", names[1], "--max-cost", "1")
    assert rest.returncode == 0, rest.stderr
    assert Counter(name for name, _ in set(asked(only_run(tmp_path)))) == {"a": 100, "b": 100}


def test_one_that_cannot_be_asked_stops_both(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """B is not there: nothing is asked of A alone, for an answer without its pair compares with nothing."""
    path = suite(5)
    (tmp_path / "gone.yaml").write_text("kind: http\nbase_url: http://127.0.0.1:9/v1\nmodel: m\n")
    done = evalrun("ab", path, "-t", target(tmp_path, "a"), "-t", "gone.yaml")
    assert done.returncode == 3, done.stderr
    assert "gone: stopped:" in done.stderr
    assert list(StoredRun(only_run(tmp_path)).records()) == []


def test_an_ab_is_of_two_targets(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """One target, or three without saying which is the control: exit 2, nothing is sent."""
    path = suite(5)
    for names in (["a"], ["a", "b", "c"]):
        done = evalrun("ab", path, *(word for name in names for word in ("-t", target(tmp_path, name))))
        assert done.returncode == 2
        assert "name two, the base first: --target A --target B" in done.stderr
    assert not (tmp_path / "results").exists()


# ---------------------------------------------------------------- --decide

RULE = "accuracy no worse than 5 points"


def test_rounds_go_on_until_equals_are_proven_equal(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path
) -> None:
    """Both are always right: each difference is 0, and it takes some rounds of 20 to bet the 5 points away. All rounds
    are whole, in one folder, which then is finished."""
    path = suite(20)
    words = ("ab", path, "-t", target(tmp_path, "a"), "-t", target(tmp_path, "b"), "--decide", RULE)
    done = evalrun(*words, "--max-cost", "1")
    assert done.returncode == 0, done.stderr
    assert f"pass: {RULE} (sums): decided after" in done.stdout
    folder = only_run(tmp_path)
    rounds = Counter((record.target, record.repeat) for record in StoredRun(folder).records())
    assert set(rounds.values()) == {20}
    assert len(rounds) > 2
    assert StoredRun(folder).finished


def test_a_worse_target_is_found_in_the_first_round(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path
) -> None:
    """B is never right: 20 differences of -1 decide at once. Exit 1."""
    path = suite(20)
    b = target(tmp_path, "b", accuracy=0.0)
    done = evalrun("ab", path, "-t", target(tmp_path, "a"), "-t", b, "--decide", RULE, "--max-cost", "1")
    assert done.returncode == 1, done.stderr
    assert "regressed: accuracy no worse than 5 points (sums): decided after 20 pairs" in done.stdout


def test_undecided_within_the_cap_is_no_verdict(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """A round of 100 for both decides nothing, and a second one does not fit under the cap: exit 3, not green. Nor is
    it begun where the cap is just what two rounds cost: its last requests could not be set aside."""
    path = suite(100)
    words = ("ab", path, "-t", target(tmp_path, "a"), "-t", target(tmp_path, "b"), "--decide", RULE)
    done = evalrun(*words, "--max-cost", "0.013")
    assert done.returncode == 3, (done.stdout, done.stderr)
    assert "another round would exceed the cap of $0.013" in done.stdout
    records = list(StoredRun(only_run(tmp_path)).records())
    assert len(records) == 200
    twice = 2 * sum(record.cost_usd or 0 for record in records)
    tight = evalrun(*words, "--max-cost", f"{float(twice) + 0.0003:.6f}", "--new", "--out", "tight")
    assert tight.returncode == 3, (tight.stdout, tight.stderr)
    assert "--max-cost 0.0" in tight.stdout.partition("another round would exceed the cap")[2]
    (folder,) = (path for path in (tmp_path / "tight" / "sums").iterdir() if path.is_dir())
    assert len(list(StoredRun(folder).records())) == 200


def test_deciding_needs_a_cap_and_a_rule(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """Without either nothing is sent: exit 2, and the sentence says what would be right."""
    path = suite(5)
    words = ("ab", path, "-t", target(tmp_path, "a"), "-t", target(tmp_path, "b"), "--decide")
    assert "--max-cost USD" in evalrun(*words, RULE).stderr
    refused = evalrun(*words, "ttft_p95 within 15 %", "--max-cost", "1")
    assert refused.returncode == 2
    assert "cannot be decided in rounds" in refused.stderr
    assert not (tmp_path / "results").exists()
