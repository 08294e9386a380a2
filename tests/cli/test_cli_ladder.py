"""The context ladder against a simulator that says the truth: sizes, caches, the law of its time to first token."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]

SIM = """\
kind: simulator
ttft_s: 0.02
ttft_per_token_s: 0.00002
token_s: 0.0001
tokenizer: {tokenizer}
prefix_cache: {cache}
"""
SUITE = """\
name: climb
targets: [sim.yaml]
tasks:
  needle:
    data:
      {{kind: ladder, probe: {{kind: needle}}, sizes: [512, 1024, 2048], per_size: 5, cache: {cache}, nonce: {nonce}}}
    repeats: {repeats}
    prompt: {{template: "{{{{ prompt }}}}", expected: "{{{{ answer }}}}"}}
    sampling: {{temperature: 0, max_tokens: 40}}
    scorers: [{{kind: items}}]
load: {{concurrency: 1}}
"""


@pytest.fixture
def climb(evalrun: Command, tmp_path: Path) -> Callable[..., dict[str, object]]:
    """Run a small ladder and give ladder.json's text, parsed, with what was printed."""

    def run(*, cache: str, server_cache: str, nonce: str = "true", repeats: int = 1) -> dict[str, object]:
        (tmp_path / "sim.yaml").write_text(SIM.format(tokenizer="words", cache=server_cache))
        (tmp_path / "climb.yaml").write_text(SUITE.format(cache=cache, nonce=nonce, repeats=repeats))
        done = evalrun("run", tmp_path / "climb.yaml", "--new")
        assert done.returncode == 0, done.stderr
        folder = max((tmp_path / "results" / "climb").iterdir())
        return {"out": done.stdout, "json": json.loads((folder / "ladder.json").read_text()), "folder": folder}

    return run


def records(folder: Path) -> list[dict[str, dict[str, object]]]:
    lines = (json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines())
    return [line for line in lines if line["t"] == "record"]


def test_cold_rungs_rise_and_warm_ones_come_from_the_cache(climb: Callable[..., dict[str, object]]) -> None:
    """Sizes by the server's count are those asked for, cold records have no cached token, warm ones nearly all; the
    tables and the pictures are written."""
    result = climb(cache="both", server_cache="reported")
    folder = result["folder"]
    assert isinstance(folder, Path)
    for record in records(folder):
        meta, usage = record["sample"]["meta"], record["outcome"]["usage"]
        assert abs(usage["prompt_tokens"] - meta["size"]) <= 8  # type: ignore[index]
        cached = (
            usage["prompt_tokens_details"]["cached_tokens"]
            if "prompt_tokens_details" in usage
            else usage.get("cached_tokens", 0)
        )  # type: ignore[index,attr-defined]
        assert (cached == 0) == (meta["cache"] == "cold")  # type: ignore[index]
    written = {path.name for path in folder.iterdir()}
    assert {"ladder.md", "ladder.csv", "ladder.json", "ladder-ttft.png", "ladder-ttft.svg"} <= written
    assert "TTFT exponent" in str(result["out"])


def test_a_resumed_ladder_is_not_measured_again(climb: Callable[..., dict[str, object]], evalrun: Command) -> None:
    """The scale is in the journal: scoring the folder needs no server, and the ladder can be printed again."""
    folder = climb(cache="cold", server_cache="off")["folder"]
    again = evalrun("ladder", folder, "--plot")
    assert again.returncode == 0, again.stderr
    assert "prompt tokens" in again.stdout
    beside = Path(str(folder)).parent / "history.parquet"
    beside.write_bytes(b"PAR1")  # as `evalrun history` leaves it there: a shell's * finds it too
    several = evalrun("ladder", *sorted(beside.parent.iterdir()), "--plot")
    assert several.returncode == 0, several.stderr
    assert "history.parquet is not the folder of a run: skipped" in several.stderr
    assert (
        sum('"t":"calibrated"' in line for line in (Path(str(folder)) / "journal.jsonl").read_text().splitlines()) == 1
    )


def test_a_silent_cache_stays_cold(climb: Callable[..., dict[str, object]]) -> None:
    """An endpoint that caches and does not say so: no cold prompt can hit it, and the table says it does not report."""
    result = climb(cache="cold", server_cache="silent")
    folder = result["folder"]
    assert isinstance(folder, Path)
    truth = [json.loads(line) for line in (folder / "sim.truth.jsonl").read_text().splitlines()]
    assert {line["cached_tokens"] for line in truth} == {0}


def test_without_the_first_words_a_cache_is_hit_and_flagged(climb: Callable[..., dict[str, object]]) -> None:
    """Asked twice without a nonce, every second prompt comes from the cache, and the table says how many did."""
    result = climb(cache="cold", server_cache="reported", nonce="false", repeats=2)
    folder = result["folder"]
    assert isinstance(folder, Path)
    cached = [record["outcome"]["usage"]["cached_tokens"] for record in records(folder)]  # type: ignore[index]
    assert sum(tokens > 16 for tokens in cached) == 15  # 16: the one block of instructions that all share
    assert "cache leaks" in str(result["out"])


TWO_TASKS = """\
name: climb
targets: [{targets}]
tasks:
  one: &task
    data: {{kind: ladder, probe: {{kind: needle}}, sizes: [256, 512], per_size: 2, cache: {cache}}}
    repeats: {repeats}
    prompt: {{template: "{{{{ prompt }}}}", expected: "{{{{ answer }}}}"}}
    sampling: {{temperature: 0, max_tokens: 40}}
    scorers: [{{kind: items}}]
  two: *task
load: {{concurrency: 1}}
"""


def served_from_cache(truth: Path, folder: Path) -> set[tuple[str, bool]]:
    """Return what cold and warm records met, by the server's own truth: (asked for, whether tokens were cached)."""
    cached = {line["id"]: line["cached_tokens"] for line in map(json.loads, truth.read_text().splitlines())}
    return {(r["sample"]["meta"]["cache"], cached[r["outcome"]["response_id"]] > 0) for r in records(folder)}  # type: ignore[index,misc]


def first_lines(folder: Path, cache: str) -> list[tuple[object, ...]]:
    """Return target, task, question, repeat and first line of each prompt of that kind, sorted."""
    return sorted(
        (r["target"], r["sample"]["task"], r["sample"]["id"].removesuffix("-again"), r["repeat"], first)  # type: ignore[attr-defined]
        for r in records(folder)
        if r["sample"]["meta"]["cache"] == cache  # type: ignore[index]
        for first in [r["sample"]["messages"][-1]["content"].partition("\n")[0]]  # type: ignore[index]
    )


def test_cold_prompts_of_repeats_and_of_two_tasks_are_cold(evalrun: Command, tmp_path: Path) -> None:
    """Three repeats of two tasks on one probe, each asked cold and warm, of a server whose cache is silent: no cold
    prompt meets its cache and every warm one does, as it is the very prompt of the same repeat. All have their size."""
    (tmp_path / "sim.yaml").write_text(SIM.format(tokenizer="words", cache="silent"))
    (tmp_path / "climb.yaml").write_text(TWO_TASKS.format(targets="sim.yaml", cache="both", repeats=3))
    done = evalrun("run", tmp_path / "climb.yaml")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "results" / "climb").iterdir()
    assert served_from_cache(folder / "sim.truth.jsonl", folder) == {("cold", False), ("warm", True)}
    cold = first_lines(folder, "cold")
    assert len(cold) == len({first for *_, first in cold}) == 2 * 2 * 2 * 3
    assert first_lines(folder, "warm") == cold
    for size in (256, 512):
        counts = {
            r["outcome"]["usage"]["prompt_tokens"]  # type: ignore[index]
            for r in records(folder)
            if r["sample"]["meta"]["size"] == size  # type: ignore[index]
        }
        assert max(abs(count - size) for count in counts) <= 4  # type: ignore[operator]


def test_cold_prompts_of_two_targets_on_one_server_are_cold(
    evalrun: Command, start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    """Two names for one server: what one of them asked does not warm the other's prompts."""
    (tmp_path / "sim.yaml").write_text(SIM.format(tokenizer="words", cache="silent"))
    server = start("serve", "sim", "--config", "./sim.yaml", "--port", 0, "--truth", tmp_path / "truth.jsonl")
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"kind: http\nbase_url: {url}\nmodel: sim\n")
    (tmp_path / "climb.yaml").write_text(TWO_TASKS.format(targets="./a.yaml, ./b.yaml", cache="cold", repeats=1))
    done = evalrun("run", tmp_path / "climb.yaml")
    (folder,) = (tmp_path / "results" / "climb").iterdir()
    assert len(records(folder)) == 2 * 2 * 2 * 2, done.stderr
    assert served_from_cache(tmp_path / "truth.jsonl", folder) == {("cold", False)}


def test_a_ladder_that_reaches_its_end_passes_its_gate(evalrun: Command, tmp_path: Path) -> None:
    """2,048 tokens are over the endpoint's 1,500: the run says where the ladder ends, and what needs attention beside
    it; the gate passes, alone and against the run as a baseline, and neither JUnit nor a comparison calls it a failure.
    """
    context = "window: 1500\n"
    (tmp_path / "sim.yaml").write_text(SIM.format(tokenizer="words", cache="off") + context)
    (tmp_path / "climb.yaml").write_text(SUITE.format(cache="cold", nonce="true", repeats=1))
    done = evalrun("run", tmp_path / "climb.yaml", "--new", "--full")
    assert done.returncode == 0, done.stderr
    assert "2,048 was refused as too long" in done.stdout
    cells = (line.rsplit(maxsplit=1) for line in done.stdout.partition("\nneedle (scored by items)")[2].splitlines())
    rows = {cell[0]: cell[1] for cell in cells if len(cell) == 2}
    assert (rows["answered"], rows["failed"], rows["refused"], rows["in-flight limit"]) == ("10", "0", "5", "1")
    folder, junit = max((tmp_path / "results" / "climb").iterdir()), tmp_path / "junit.xml"
    assert evalrun("baseline", "save", folder, "main").returncode == 0
    rules = ("failed <= 0 %", "unanswered <= 0 %", "failed no worse than 40 points")
    words = [word for rule in rules for word in ("--rule", rule)]
    judged = evalrun("gate", folder, "--baseline", "main", *words, "--junit", junit)
    assert judged.returncode == 0, judged.stdout
    assert "<error" not in junit.read_text()
    compared = evalrun("compare", "main", folder, "--format", "json")
    assert '"transport"' not in compared.stdout
