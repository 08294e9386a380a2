"""The command line that goes on with a run: parsed, it gives the options that it was made of."""

import shlex
from collections.abc import Iterator
from itertools import combinations

import click
import pytest

from evalrun.cli import cli
from evalrun.cli.options import FormatName, as_typed

RESUMING = ("run", "ab", "plan", "gate")
TEXTS = ("it's a $x; 'quoted' \"text\"", "--starts-like-an-option")


def values(param: click.Parameter) -> list[str]:
    """Return what is typed for an option or an argument that is not at its default."""
    if isinstance(param.type, FormatName):
        return ["json"]
    if isinstance(param.type, click.IntRange):
        return ["7"]
    if isinstance(param.type, click.Path):
        return ["a folder/b.yaml", "c"]
    return list(TEXTS)


def words(param: click.Parameter) -> list[str]:
    """Return an option as it is typed, twice where it may be."""
    if isinstance(param, click.Option) and param.is_flag:
        return [param.opts[-1]]
    given = values(param)
    return [word for value in (given if param.multiple else given[:1]) for word in (param.opts[-1], value)]  # type: ignore[attr-defined]


def lines(command: click.Command) -> Iterator[list[str]]:
    """Return command lines: nothing but the argument, every pair of options, all of them, and an argument like `-x`."""
    options = [words(param) for param in command.params if isinstance(param, click.Option)]
    for some in ([], *combinations(options, 2), options):
        yield ["some folder/x", *(word for each in some for word in each)]
    yield [*options[0], "--", "-x"]


def parsed(name: str, line: list[str]) -> dict[str, object]:
    """Return the options of a command line, and check on the way that `as_typed` writes one that gives the same."""
    command = cli.commands[name]
    with command.make_context(name, list(line)) as context:
        made = shlex.split(as_typed())
        assert made[:2] == ["evalrun", name]
        again = command.make_context(name, made[2:])
        assert again.params == {**context.params, **({"new": False} if "new" in context.params else {})}
        return dict(context.params)


@pytest.mark.parametrize("name", RESUMING)
def test_what_is_written_parses_to_the_same_options(name: str) -> None:
    """For every command that resumes a run: whatever was typed is typed again, but `--new`, which would not go on."""
    for line in lines(cli.commands[name]):
        parsed(name, line)


def test_the_folder_of_results_is_not_forgotten() -> None:
    """`--out` is part of what goes on, and what is at its default is not typed again."""
    command = cli.commands["ab"]
    line = ["s.yaml", "-t", "a", "-t", "b", "--control", "c", "--out", "elsewhere", "--new", "-q"]
    with command.make_context("ab", line):
        assert as_typed() == "evalrun ab s.yaml --target a --target b --out elsewhere --control c --quiet"
    with command.make_context("ab", ["s.yaml", "--out", "results"]):
        assert as_typed() == "evalrun ab s.yaml"


def test_an_option_can_be_changed() -> None:
    """The cap that would be enough is typed in place of the one that was not."""
    with cli.commands["gate"].make_context("gate", ["r", "--decide", "--max-cost", "1"]):
        assert as_typed(max_cost="2.5") == "evalrun gate r --decide --max-cost 2.5"


def test_the_commands_that_print_it_are_those_that_are_tested() -> None:
    """Another command that goes on with a run belongs in `RESUMING`: those that ask have `--new` or `--decide`."""
    asks = {
        name for name, one in cli.commands.items() if {"new", "decide", "pilot"} & {each.name for each in one.params}
    }
    assert asks == set(RESUMING)
