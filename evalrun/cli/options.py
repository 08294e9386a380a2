"""What is typed: arguments and options that several commands share, and a command line made of them again."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from evalrun.escape import tty
from evalrun.fingerprint import checked_path


class PathName(click.Path):
    """A path that a file can have."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or fail where it is too long or has NUL."""
        try:
            checked_path(str(value))
        except ValueError as error:
            self.fail(tty(str(error)), param, ctx)
        return super().convert(value, param, ctx)


PATH = PathName(path_type=Path)
NAME_OR_PATH = PathName(path_type=str)
MOST_ROWS = 1_000_000_000


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
FULL = click.option("--full", is_flag=True, help="Print all numbers, not only one screen of them.")
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
        "-t", "--target", "targets", multiple=True, metavar="NAME|FILE|URL",
        help="A target, by its name in configs/, its file or its base URL; repeatable.",
    ),
    click.option("--model", metavar="NAME", help="The model to ask for; a URL as target needs one."),
    click.option("--task", "tasks", multiple=True, metavar="NAME", help="Ask only this task; repeatable."),
    click.option(
        "--set", "settings", multiple=True, metavar="PATH=VALUE",
        help="Override any field; repeatable. VALUE is YAML: quote text with signs in it for YAML too, as in"
        """ --set 'tasks.t.prompt.system="Answer: {{ q }}"'.""",
    ),
    click.option("--limit", type=click.IntRange(1, MOST_ROWS), help="Ask only the first N rows of each task."),
    click.option(
        "--sample", type=click.IntRange(1, MOST_ROWS), help="Ask only N rows of each task, drawn at random by --seed."
    ),
    click.option("--seed", type=click.IntRange(0, 999_999_999), help="Of --sample; 0 where none is named."),
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


def _kept(given: Sequence[Path], usable: Callable[[Path], bool], what: str) -> list[Path]:
    """Leave out what is not usable, and say so, as long as something is: a shell's `*` finds more than runs."""
    from evalrun.cli.exits import say

    kept = [path for path in given if usable(path)] or list(given)
    for path in given:
        if path not in kept:
            say(f"{tty(str(path))} is not {what}: skipped")
    return kept


def _is_run(path: Path) -> bool:
    from evalrun.store.manifest import NAME
    from evalrun.store.reader import run_folder

    return (run_folder(path) / NAME).exists()


def _may_be_compared(path: Path) -> bool:
    """Whether a path is a run, a table or a baseline; what does not exist may be a baseline's name."""
    return not path.exists() or path.suffix == ".json" or _is_run(path) or any(path.glob("*.json"))


def _all(_context: click.Context, _param: click.Parameter, given: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the folder of each run, the newest in a suite's folder."""
    from evalrun.cli.exits import say
    from evalrun.store.reader import run_folder

    kept = _kept(given, _is_run, "the folder of a run")
    folders = tuple(run_folder(path) for path in kept)
    for path, folder in zip(kept, folders, strict=True):
        if folder != path:
            say(f"the newest run: {tty(str(folder))}")
    return folders


def _one(context: click.Context, param: click.Parameter, given: tuple[Path, ...]) -> Path:
    folder, *others = _all(context, param, given)
    if others:
        raise click.BadParameter(
            f"{1 + len(others)} runs are named and this command takes one; name one folder, or that of the suite"
            f" ({tty(str(folder.parent))}) for the newest run",
            context,
            param,
        )
    return folder


def _sides(_context: click.Context, _param: click.Parameter, given: tuple[Path, ...]) -> tuple[str, ...]:
    return tuple(map(str, _kept(given, _may_be_compared, "a run, a table or a baseline")))


RUN = click.argument("folder", metavar="RUN", nargs=-1, required=True, type=PATH, callback=_one)
"""One run. Several paths are taken, so that a `*` that finds a single run works."""
RUNS = click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=PATH, callback=_all)

SIDES = click.argument("names", metavar="BASE [NEW]...", nargs=-1, required=True, type=PATH, callback=_sides)
"""What is compared: folders of runs, table files, baselines by folder or name."""
