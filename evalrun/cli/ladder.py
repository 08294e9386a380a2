"""The context ladder of one or more runs: its tables, its pictures, its plot for the terminal."""

from collections.abc import Sequence
from pathlib import Path

from evalrun.cli.exits import OK, say, width, write
from evalrun.cli.results import context_of
from evalrun.errors import StoreError
from evalrun.ladder import Ladder, climb
from evalrun.report import render
from evalrun.report.ladder import Labelled, ladder_page
from evalrun.store import Run, open_run, replace_file


def show_ladders(folders: Sequence[Path], *, form: str, plot: bool, tolerance: float | None, out: Path | None) -> int:
    """Print the ladders of stored runs side by side; write their pictures into `out`."""
    ladders: list[Labelled] = []
    for folder in folders:
        run = open_run(folder)
        found = _ladders(run, tolerance)
        if not found:
            raise StoreError(f"{folder}: has no prompts of stated sizes (data of kind: ladder)")
        several = len(folders) > 1
        ladders += [(f"{one.target.name} {folder.name}" if several else one.target.name, one) for one in found]
    write(render([ladder_page(ladders)], form, width=width()), end="")
    if plot:
        _plot(ladders)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        _pictures(ladders, out)
    return OK


def write_ladders(run: Run, *, printed: bool = True) -> bool:
    """Write, and print, the ladder of a run that has one; whether it has."""
    ladders = [(one.target.name, one) for one in _ladders(run, None)]
    if not ladders:
        return False
    page = ladder_page(ladders)
    for suffix in ("md", "csv", "json"):
        text = render([page], suffix)
        replace_file(run.path / f"ladder.{suffix}", [text.encode("utf-8", "backslashreplace")])
    _pictures(ladders, run.path)
    if printed:
        write(render([page], "text", width=width()), end="")
    return True


def _ladders(run: Run, tolerance: float | None) -> tuple[Ladder, ...]:
    tasks = run.manifest.suite["tasks"]
    stated = [task["data"]["tolerance"] for task in tasks.values() if task["data"]["kind"] == "ladder"]
    if not stated:
        return ()
    chosen = min(stated) if tolerance is None else tolerance
    return climb(run.records(), run.scores(), context_of(run, tasks), tolerance=chosen)


def _plot(ladders: Sequence[Labelled]) -> None:
    from evalrun.report.plot import text_plot

    write(text_plot(ladders, width=width()), end="")


def _pictures(ladders: Sequence[Labelled], folder: Path) -> None:
    from evalrun.report.picture import ladder_pictures

    drawn = ladder_pictures(ladders)
    for name, data in drawn.items():
        replace_file(folder / name, [data])
    say(f"pictures: {', '.join(str(folder / name) for name in drawn if name.endswith('.png'))}")
