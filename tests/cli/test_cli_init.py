"""`init` and `check --show`: from an empty folder to the request that would be sent."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def test_from_an_empty_folder_to_a_table(evalrun: Command, tmp_path: Path) -> None:
    """What `init` writes is checked, shown and run as it is; a second `init` overwrites nothing."""
    made = evalrun("init")
    assert (made.returncode, made.stdout.split()) == (
        0, ["suite.yaml", "target.yaml", "suite.schema.json", "target.schema.json"],
    )  # fmt: skip
    (tmp_path / "suite.yaml").write_text((tmp_path / "suite.yaml").read_text().replace("Capitals", "Cities"))
    again = evalrun("init")
    assert (again.returncode, "has suite.yaml, target.yaml, " in again.stderr) == (2, True)
    shown = evalrun("check", "suite.yaml", "--show")
    assert shown.returncode == 0, shown.stderr
    assert "  user: What is the capital of France?\n  expected: Paris\n" in shown.stdout
    ran = evalrun("suite.yaml", "-t", "sim", "-q")
    assert ran.returncode == 0, ran.stderr
    assert "Cities of the world" in ran.stdout.splitlines()
    full = evalrun("table", "results/" + next(path.name for path in (tmp_path / "results").iterdir()))
    assert "accuracy, continent: Asia" in full.stdout


def test_requests_are_shown_before_they_are_sent(evalrun: Command, tmp_path: Path) -> None:
    """Messages, choices and the body of the first N of each task and target, hostile rows escaped; nothing is sent."""
    rows = [{"q": "one\ntwo\x1b[31m", "a": "x"}, {"q": "three", "a": "y"}, {"q": "four", "a": "y"}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "s.yaml").write_text(
        "name: s\ntasks:\n  t:\n    data: {kind: jsonl, path: rows.jsonl}\n"
        "    prompt: {system: Be brief., template: '{{ q }}', expected: '{{ a }}', choices: ['x', '{{ a }}']}\n"
        "    sampling: {max_tokens: 7}\n    scorers: [{kind: exact}]\n"
    )
    shown = evalrun("check", "s.yaml", "-t", "http://127.0.0.1:1/v1", "--model", "m", "--show", 2)
    assert shown.returncode == 0, shown.stderr
    first, second = shown.stdout.split("\nt, sample ")[1:]
    assert first.startswith(
        "1, to m:\n  system: Be brief.\n  user:\n    one\n    two\\x1b[31m\n  choice 1: x\n  choice 2: x\n"
    )
    assert second.startswith("2, to m:\n  system: Be brief.\n  user: three\n")
    body = json.loads(first.partition("body:\n")[2])
    assert (body["model"], body["max_tokens"], body["messages"]) == ("m", 7, "as above")
    assert "four" not in shown.stdout
