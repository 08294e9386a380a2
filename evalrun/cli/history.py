"""All runs of a suite over time: `evalrun history`. It asks nobody and reads no journal."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from evalrun.cli.exits import OK, say, write
from evalrun.errors import StoreError, SuiteError
from evalrun.history import HEADLINES, History, recall, update, wanted
from evalrun.report import render
from evalrun.report.history import history_page
from evalrun.store import replace_file


def show_history(
    suite: str,
    *,
    out: Path,
    metric: str | None = None,
    target: str | None = None,
    task: str | None = None,
    last: int | None = None,
    form: str = "text",
    picture: Path | None = None,
) -> int:
    """Print the history of a suite (its name, or its file) and draw it into PICTURE.png and PICTURE.svg."""
    metrics = HEADLINES if metric is None else (wanted(metric),)
    folder = _folder(suite, out, environ=os.environ)
    rows, notes = update(folder)
    history = recall(rows, folder.name, metrics=metrics, task=task, target=target, last=last, notes=notes)
    if not history.runs:
        raise _nothing(suite, out)
    write(render([history_page(history)], form, width=shutil.get_terminal_size((100, 24)).columns), end="")
    if picture is not None:
        _draw(history, picture)
    return OK


def _folder(suite: str, out: Path, *, environ: Mapping[str, str]) -> Path:
    """Return the folder of a suite's runs. A name needs no suite file: the runs may be all there is."""
    name = suite
    if suite.endswith((".yaml", ".yml")):
        from evalrun.suite import read_suite

        name = read_suite(Path(suite), environ=environ).suite.name
    if name != Path(name).name or name == ".." or not (out / name).is_dir():
        raise _nothing(suite, out)
    return out / name


def _nothing(suite: str, out: Path) -> StoreError:
    known = sorted(path.parent.parent.name for path in out.glob("*/*/manifest.json")) if out.is_dir() else []
    there = f"there are runs of {', '.join(dict.fromkeys(known))}" if known else f"`evalrun {suite}` makes one"
    return StoreError(f"{out}: has no run of a suite {suite!r}; {there}")


def _draw(history: History, path: Path) -> None:
    """Write the picture in both forms; a suffix in the path is taken for one of them and left out."""
    stem = path.with_suffix("") if path.suffix in (".png", ".svg") else path
    try:
        from evalrun.report.picture import history_pictures

        drawn = history_pictures(history, stem.name)
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise SuiteError("--picture: needs matplotlib; install it, or leave the option out") from error
    for name, data in drawn.items():
        replace_file(stem.with_name(name), [data])
    say(f"pictures: {', '.join(str(stem.with_name(name)) for name in drawn)}" if drawn else "no number to draw")
