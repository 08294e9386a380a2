"""`show` and `list`: the samples of stored runs and the runs themselves, hostile texts included."""

import json
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evalrun.errors import StoreError, SuiteError

Here = Callable[..., int]
Command = Callable[..., "subprocess.CompletedProcess[str]"]

SUITE = """\
name: odd
targets: [sim.yaml]
tasks:
  t:
    data: {kind: inline, rows: ROWS}
    prompt: {template: "{{ q }}", expected: "{{ a }}", id: "{{ i }}"}
    scorers: [{kind: numeric}]
    sampling: {temperature: 0, max_tokens: 60}
"""
IDS = ("--wrong", "a/b c", "../up", "it's")
QUOTED = "What is 1 + 1? $(touch x) `id` it's \x1b[31m \u202e ::error::x"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run whose ids and questions look like anything."""
    tmp_path = tmp_path_factory.mktemp("show")
    rows = [{"i": name, "q": QUOTED, "a": "2"} for name in IDS]
    (tmp_path / "sim.yaml").write_text("kind: simulator\nttft_s: 0.01\ntoken_s: 0\ntokens_per_chunk: 50\n")
    (tmp_path / "suite.yaml").write_text(SUITE.replace("ROWS", json.dumps(rows)))
    command = [sys.executable, "-m", "evalrun", "run", "suite.yaml", "-q"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return next(path for path in (tmp_path / "results" / "odd").iterdir() if path.is_dir())


def test_a_summary_ends_in_what_to_do_next(evalrun: Command, run: Path) -> None:
    """The commands at its end run as they are printed, and its lines fit 80 columns."""
    shown = evalrun("score", run, env={"COLUMNS": "200"})
    commands = [line[2:] for line in shown.stdout.splitlines() if line.startswith("- evalrun ")]
    assert [line.split()[1] for line in commands] == ["show", "report", "compare"]
    assert evalrun(*shlex.split(commands[0])[1:]).returncode == 0


@pytest.mark.parametrize("sample", IDS)
def test_any_id_names_its_sample(here: Here, run: Path, capsys: pytest.CaptureFixture[str], sample: str) -> None:
    """Options, paths, blanks and quotes are ids; the texts of one are harmless on a terminal."""
    assert here("show", run, "--", sample) == 0
    said = capsys.readouterr().out
    assert f"sample {sample}: task t, target sim, repeat 0" in said
    assert "expected: 2\n" in said
    assert "\\x1b[31m \\u202e :\\x3aerror" in said
    assert "first token" in said
    assert not {"\x1b", "\u202e"} & set(said)


def test_a_request_is_a_command(evalrun: Command, run: Path, tmp_path: Path) -> None:
    """A shell hands curl the body as it was sent, and runs nothing of what the question says."""
    shown = evalrun("show", run, "--curl", "--", "it's")
    assert shown.returncode == 0, shown.stderr
    assert not {"\x1b", "\u202e"} & set(shown.stdout)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "curl").write_text('#!/bin/sh\nfor last; do :; done\nprintf %s "$last"\n')
    (tmp_path / "bin" / "curl").chmod(0o755)
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", shown.stdout], env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    body = json.loads(done.stdout)
    assert body["messages"] == [{"role": "user", "content": QUOTED}]
    assert (body["max_tokens"], body["temperature"], body["stream"]) == (60, 0, True)
    assert not (tmp_path / "x").exists()


def test_two_runs_are_side_by_side(here: Here, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run beside itself has equal columns and no difference of words."""
    assert here("show", run, run, "a/b c") == 0
    said = capsys.readouterr().out
    assert "answers: [-only A-] {+only B+}" in said
    [state] = [line.split() for line in said.splitlines() if line.startswith("state")]
    assert state[1] == state[2]
    assert "[-" not in said.partition("{+only B+}\n")[2]


def test_filters_and_orders(here: Here, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are wrong and those that are not add up; the formats agree on them."""
    counts = {}
    for words in ((), ("--wrong",), ("--where", "state == 'right'"), ("--failed",)):
        assert here("show", run, *words, "--format", "json") == 0
        counts[words] = json.loads(capsys.readouterr().out)
    every, wrong, right, failed = counts.values()
    assert (len(every), len(wrong) + len(right), failed) == (4, 4, [])
    assert here("show", run, "--sort", "-ttft_s", "--format", "json", "--limit", "3") == 0
    times = [row["ttft_s"] for row in json.loads(capsys.readouterr().out)]
    assert (len(times), times) == (3, sorted(times, reverse=True))
    assert here("show", run, "--format", "csv") == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("task,target,sample,repeat,state,score,")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--where", "ttf_s > 2"], "no column 'ttf_s'; did you mean 'ttft_s'?"),
        (["--where", "ttft_s >"], "is not an expression"),
        (["--where", "ttft_s.real > 1"], "is neither a column nor a value"),
        (["--where", "state < 'wrong'"], "is a text; compare it by == or !="),
        (["--sort", "ttft"], "--sort: no column 'ttft'; did you mean 'ttft_s'?"),
        (["--flag", "nope"], "--flag: no request has 'nope'"),
        (["--task", "tt"], "--task: the run has no 'tt'; did you mean 't'?"),
        (["it"], "has no sample 'it'; did you mean \"it's\"?"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(here: Here, run: Path, words: list[str], said: str) -> None:
    """Errors name what is near."""
    with pytest.raises(SuiteError) as raised:
        here("show", run, *words)
    assert said in str(raised.value)


def test_runs_are_listed_and_damaged_ones_are_a_line(
    here: Here, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Name, whether it is finished, numbers; a broken manifest hides no other run."""
    broken = run.parent / "20990101T000000Z-0"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    assert here("list", run.parents[1]) == 0
    said = capsys.readouterr().out
    [line] = [line for line in said.splitlines() if run.name in line]
    assert line.split()[:4] == [f"odd/{run.name}", "yes", "sim", "4"]
    assert f"- odd/{broken.name}:" in said
    with pytest.raises(SuiteError, match="has no run of 'od'; did you mean 'odd'"):
        here("list", run.parents[1], "--suite", "od")
    with pytest.raises(StoreError, match="is not a folder"):
        here("list", tmp_path / "nothing")


@pytest.mark.parametrize(
    ("env", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)
def test_colours_are_for_terminals_that_have_some(run: Path, env: dict[str, str], coloured: bool) -> None:
    """On a pty, by TERM and NO_COLOR; what is hostile stays inert, and the words are the same."""
    read_end, terminal = pty.openpty()
    command = [sys.executable, "-m", "evalrun", "show", str(run), "--", "it's"]
    process = subprocess.Popen(command, stdout=terminal, env={"PATH": os.environ["PATH"], "PAGER": "cat", **env})
    os.close(terminal)
    said = b""
    while part := _read(read_end):
        said += part
    assert process.wait() == 0
    assert (b"\x1b[1m" in said) == coloured
    assert b"\x1b[31m \xe2\x80\xae" not in said
    assert b"\\x1b[31m" in said


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other side is closed
        return b""
