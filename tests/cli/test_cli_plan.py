"""`evalrun plan`: what a suite will take, before anything is sent, and from a pilot or a baseline."""

import json
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from evalrun.store.reader import StoredRun
from evalrun.types import Completion

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def planned(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    page: dict[str, Any] = json.loads(done.stdout)
    return page


def test_nothing_is_sent(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """Five prompts like 'What is 0 + 1?' of 14 bytes are 17.5 tokens. What answers cost is unknown, and no folder is
    made."""
    path = suite(5)
    page = planned(evalrun("plan", path, "--format", "json"))
    (one,) = page["estimates"]
    assert (one["requests"], one["prompt_tokens"], one["tokens_from"]) == (5, 18, "4 bytes a token")
    assert page["expected_usd"] is None
    assert page["seconds"] is None
    assert Decimal(page["worst_usd"]) > 5 * (1024 + 14 + 2 * 60) / Decimal(1_000_000)
    assert not (tmp_path / "results").exists()
    text = evalrun("plan", path)
    assert "expected cost and time of sums at sim are unknown" in text.stdout


def test_a_key_is_not_needed_to_plan(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """What it will cost is asked before there is an account, and a lint job on a fork has no key; to ask anything takes
    it."""
    path = suite(5)
    (tmp_path / "api.yaml").write_text("kind: http\nbase_url: http://127.0.0.1:9/v1\nmodel: m\nkey_env: NO_SUCH_KEY\n")
    assert planned(evalrun("plan", path, "--target", "api.yaml", "--format", "json"))["estimates"]
    checked = evalrun("check", path, "--target", "api.yaml")
    assert (checked.returncode, "valid; 5 requests to api" in checked.stdout) == (0, True), checked.stderr
    for words in (("run", path), ("plan", path, "--pilot", "1")):
        refused = evalrun(*words, "--target", "api.yaml")
        assert (refused.returncode, "NO_SUCH_KEY is not set" in refused.stderr) == (2, True)


def test_a_pilot_is_asked_and_counted_against_the_cap(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path
) -> None:
    """Three samples are asked once each, whatever the suite's repeats, apart from its runs. The simulator counts 5
    words of a prompt and 7 of its template: 12 tokens, and ten requests are 120. The cost is of so many prompt tokens
    at $1 and as many output tokens as the pilot had on average at $2 a million."""
    path = suite(5)
    words = ("plan", path, "--repeats", "2", "--pilot", "3", "--max-cost", "0.05", "--format", "json")
    page = planned(evalrun(*words))
    (folder,) = (tmp_path / "results" / "pilots" / "sums").iterdir()
    records = list(StoredRun(folder).records())
    assert sorted((record.sample.id, record.repeat) for record in records) == [("1", 0), ("2", 0), ("3", 0)]
    answers = [record.outcome for record in records if isinstance(record.outcome, Completion)]
    output = sum(answer.usage.completion_tokens or 0 for answer in answers)
    (one,) = page["estimates"]
    assert (one["requests"], one["prompt_tokens"]) == (10, 120)
    assert one["output_tokens"] == round(output / 3 * 10)
    assert Decimal(page["expected_usd"]) == Decimal(120 + 2 * one["output_tokens"]) / 1_000_000
    assert page["seconds"] > 0
    assert not (tmp_path / "results" / "sums").exists()


def test_a_pilot_that_is_not_streamed_has_a_duration(
    suite: Callable[..., Path], evalrun: Command, tmp_path: Path
) -> None:
    """Without a stream no token has an instant of its own; the time of a request is then that of its whole reply."""
    path = suite(5, concurrency=1, ttft_s=0.05)
    with (tmp_path / "sim.yaml").open("a") as file:
        file.write("quirks: {stream: false}\n")
    page = planned(evalrun("plan", path, "--pilot", "3", "--format", "json"))
    assert 5 * 0.05 < page["seconds"] < 5


def test_a_pilot_stops_at_the_cap(suite: Callable[..., Path], evalrun: Command) -> None:
    """The first request may cost $0.0013 and the second is beyond a cap of $0.00135: exit 4, and what is known is
    said."""
    done = evalrun("plan", suite(5, concurrency=1), "--pilot", "5", "--max-cost", "0.00135")
    assert done.returncode == 4
    assert "the cap of $0.00135 is reached" in done.stderr
    assert "at worst beyond the cap" in " ".join(done.stdout.split())


def test_an_earlier_run_tells_tokens_and_noise(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """Of five right answers of five Wilson's interval is [0.566, 1]: up to 2 x 0.566 x 0.434 = 49 % may flip. Tokens
    are those that the run had. With another prompt nothing is learned, and that is said."""
    path = suite(5)
    assert evalrun("run", path).returncode == 0
    (folder,) = (tmp_path / "results" / "sums").iterdir()
    page = planned(evalrun("plan", path, "--baseline", folder, "--format", "json"))
    (one,) = page["estimates"]
    assert one["prompt_tokens"] == 60
    assert Decimal(page["expected_usd"]) == sum(record.cost_usd or 0 for record in StoredRun(folder).records())
    assert one["detects"]["noise"] == pytest.approx(2 * 0.566 * 0.434, abs=1e-3)
    path.write_text(path.read_text().replace("What is", "Tell me"))
    other = evalrun("plan", path, "--baseline", folder)
    assert "another prompt: nothing is learned from it" in other.stdout
