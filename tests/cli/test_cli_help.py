"""What `--help` says: instantly, for every command, with examples that work and true exit codes."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from evalrun import errors, report
from evalrun.cli import cli, exits
from evalrun.requests import export

Command = Callable[..., "subprocess.CompletedProcess[str]"]
HEAVY = ("httpx", "httptools", "pydantic", "numpy", "pyarrow", "datasets", "scipy", "matplotlib", "asyncio")
EXAMPLE = re.compile(r"^ *(evalrun .*?)(?: {3,}.*)?$", re.MULTILINE)


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Return every command with the words that call it."""
    yield path, group
    for name, one in group.commands.items():
        if isinstance(one, click.Group):
            yield from commands(one, (*path, name))
        else:
            yield (*path, name), one


def examples() -> list[tuple[str, list[str]]]:
    """Return the examples of every help text: the command, and the words after `evalrun`."""
    return [
        (" ".join(path), shlex.split(found[1])[1:])
        for path, one in commands()
        for found in EXAMPLE.finditer(one.help or "")
    ]


def test_help_is_instant() -> None:
    """No help text imports a library that takes long: not an HTTP library, not pydantic, not numpy."""
    code = (
        "import sys; from evalrun.cli import cli\n"
        f"for words in {[list(path) for path, _ in commands()]!r}:\n"
        "    cli.main([*words, '--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.stdout.count("Usage: ") == len(list(commands()))


def test_every_example_is_parsed() -> None:
    """Each is a command with options that it has."""
    assert {name for name, _ in examples()} == {"", "gate", "show", "table"}
    for _, words in examples():
        _, command, rest = cli.resolve_command(click.Context(cli), list(words))
        assert command is not None
        command.make_context(str(command.name), rest)


def test_the_gates_examples_work_with_two_runs(suite: Callable[..., Path], evalrun: Command, tmp_path: Path) -> None:
    """With two runs of the suite and a baseline each of them judges the newest run, and asks more of it if it must."""
    path = suite(100, concurrency=16)
    path.write_text(path.read_text() + "gates: [accuracy no worse than 5 points]\n")
    for _ in range(2):
        assert evalrun("run", path, "--set", "name=math", "-q").returncode == 0
    assert evalrun("baseline", "save", "results/math", "main").returncode == 0
    for words in (words for name, words in examples() if name == "gate"):
        done = evalrun(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        assert f"the newest run: {max(Path(tmp_path, 'results/math').iterdir()).relative_to(tmp_path)}" in done.stderr


def test_exit_codes_are_told_as_they_are() -> None:
    """The codes in `--help` and docs/faults.md are those of `exits`, and every error on purpose has one."""
    codes = {exits.OK, exits.REGRESSED, exits.USAGE, exits.NO_VERDICT, exits.CAPPED, exits.STORE}
    assert {int(code) for code in re.findall(r"\b(\d+)(?: |/)", exits.EPILOG)} == codes | {130, 143}
    page = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
    table = page.partition("## Exit codes")[2].partition("##")[0]
    assert {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(",")} == (
        codes | {exits.BUG, exits.INTERRUPTED, exits.TERMINATED}
    )
    for kind, code in ((errors.SuiteError, 2), (errors.StoreError, 5), (errors.Unusable, 3)):
        assert exits.end_with(kind("x")) == code


def test_there_is_one_table_of_formats() -> None:
    """Every `--format` of a report takes what `report` renders, says so, and refuses anything else."""
    found = [
        (command, param)
        for path, command in commands()
        for param in command.params
        if isinstance(param, click.Option) and param.name == "form" and path != ("export",)
    ]
    assert len(found) == 8
    for command, param in found:
        assert re.findall(r"\w+", (param.help or "").replace(" or ", " ")) == list(report.FORMATS)
        assert [param.type.convert(name, param, click.Context(command)) for name in report.FORMATS] == [*report.FORMATS]
        with pytest.raises(click.BadParameter, match="'yaml' is not a format; use text, md, csv, json"):
            param.type.convert("yaml", param, click.Context(command))
    with pytest.raises(errors.SuiteError, match="'yaml' is unknown"):
        report.render([], "yaml")


def test_an_export_says_which_formats_it_takes() -> None:
    """Its help names all of `requests.export.FORMATS`, which takes too long to import for a help text."""
    (param,) = (
        one for path, command in commands() if path == ("export",) for one in command.params if one.name == "form"
    )
    assert isinstance(param, click.Option)
    assert re.findall(r"\w+", (param.help or "").replace(" or ", " ")) == list(export.FORMATS)
