"""What is typed: arguments and options that several commands share, and a command line made of them again."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from evalrun.escape import tty

PATH = click.Path(path_type=Path)


class FormatName(click.ParamType):  # type: ignore[type-arg]  # older releases are not generic
    """The name of a format in `report.FORMATS`, which is imported only where something is rendered."""

    name = "format"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, or fail with the names there are."""
        from evalrun.report import FORMATS

        if value not in FORMATS:
            self.fail(f"{value!r} is not a format; use {', '.join(FORMATS)}", param, ctx)
        return str(value)


FORMAT = click.option(
    "--format", "form", type=FormatName(), default="text", show_default=True, help="text, md, csv or json."
)
OUT = click.option("--out", type=PATH, default=Path("results"), show_default=True, help="Folder of all results.")
NEW = click.option("--new", is_flag=True, help="Start a new run even if the same one is unfinished.")
QUIET = click.option("-q", "--quiet", is_flag=True, help="Show no progress, only the tables.")
BASELINES = click.option(
    "--baselines", type=PATH, default=Path("results/baselines"), show_default=True, help="Folder of baselines."
)
ACROSS = click.option("--across-prompts", is_flag=True, help="Compare runs whose prompts differ, to see the effect.")
ALLOW = click.option(
    "--allow-path", "allowed", multiple=True, type=PATH, help="Let data be read from here too; repeatable."
)
INLINE = click.option("--allow-inline-secrets", is_flag=True, help="Accept keys written into the YAML.")
SUITE = (
    click.argument("suite", type=PATH),
    click.option(
        "-t", "--target", "targets", multiple=True, metavar="NAME|FILE",
        help="A target, by its name in configs/ or its file; repeatable.",
    ),
    click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help="Override any field; repeatable."),
    click.option("--limit", type=click.IntRange(1), help="Ask only the first N samples of each task."),
    click.option("--concurrency", type=click.IntRange(1), help="Requests in flight at once."),
    click.option("--repeats", type=click.IntRange(1), help="Ask each sample N times, to measure variance."),
    click.option("--max-cost", metavar="USD", help="Never spend more; needs prices and max_tokens."),
    ALLOW,
    INLINE,
    click.option("--skip-bad-rows", is_flag=True, help="Leave malformed data rows out, and count them."),
)  # fmt: skip
"""The options of `run_planning.Selection`, by its field names."""


def options(*each: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add several options to a command, in this order."""

    def add(command: Any) -> Any:
        for option in reversed(each):
            command = option(command)
        return command

    return add


def as_typed(**changed: object) -> str:
    """Return the command line that goes on with this command: all of its options but `--new`, some with new values."""
    context = click.get_current_context()
    arguments: list[str] = []
    words: list[str] = []
    for param in context.command.params:
        value = changed.get(param.name or "", context.params.get(param.name or ""))
        if isinstance(param, click.Argument):
            arguments += [str(one) for one in (value if isinstance(value, tuple) else (value,))]
        elif value not in (None, False, ()) and value != param.get_default(context) and param.name != "new":
            values = value if isinstance(value, tuple) else (value,)
            words += [
                word for one in values for word in ([param.opts[-1]] if one is True else [param.opts[-1], str(one)])
            ]
    if any(one.startswith("-") for one in arguments):
        arguments, words = [], [*words, "--", *arguments]
    return tty(shlex.join(["evalrun", str(context.info_name), *arguments, *words]))


# ---------------------------------------------------------------- runs


def _found(given: tuple[Path, ...]) -> list[Path]:
    """Return the run that each path means: its folder, or the newest in a suite's folder.

    What is no run is left out and said, as long as there are others: a shell's `*` finds more than runs.
    """
    from evalrun.cli.exits import say
    from evalrun.store import run_folder
    from evalrun.store.manifest import NAME

    found = {path: run_folder(path) for path in given}
    runs = {path: folder for path, folder in found.items() if (folder / NAME).exists()} or found
    for path, folder in found.items():
        if path not in runs:
            say(f"{tty(str(path))} is not the folder of a run: skipped")
        elif folder != path:
            say(f"the newest run: {tty(str(folder))}")
    return list(runs.values())


def _all(_context: click.Context, _param: click.Parameter, given: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(_found(given))


def _one(context: click.Context, param: click.Parameter, given: tuple[Path, ...]) -> Path:
    folder, *others = _found(given)
    if others:
        raise click.BadParameter(
            f"{1 + len(others)} runs are named and this command takes one; name one folder, or that of the suite"
            f" ({tty(str(folder.parent))}) for the newest run",
            context,
            param,
        )
    return folder


RUN = click.argument("folder", metavar="RUN", nargs=-1, required=True, type=PATH, callback=_one)
"""One run. Several paths are taken, so that a `*` that finds a single run works."""
RUNS = click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=PATH, callback=_all)


def sides(_context: click.Context, _param: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what is there but can be no side of a comparison: a shell's `*` finds more than runs."""
    from evalrun.cli.exits import say
    from evalrun.store import run_folder
    from evalrun.store.manifest import NAME

    def may_be(path: Path) -> bool:
        return (
            not path.exists()
            or path.suffix == ".json"
            or (run_folder(path) / NAME).exists()
            or any(path.glob("*.json"))
        )

    for name in names:
        if not may_be(Path(name)):
            say(f"{tty(name)} is not a run, a table or a baseline: skipped")
    return tuple(name for name in names if may_be(Path(name)))
