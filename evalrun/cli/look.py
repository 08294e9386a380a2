"""The commands that look into stored runs: `show` its samples, and `list` runs. They ask nobody.

Everything is imported when a command runs, so that `evalrun --help` stays instant.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalrun.cli.exits import OK, colours, print_pages, say, width, write
from evalrun.cli.options import FORMAT, FULL, PATH, options
from evalrun.errors import StoreError, SuiteError, closest
from evalrun.escape import clip, tty

if TYPE_CHECKING:
    from evalrun.requests import Requests
    from evalrun.stats.interval import Whole

LIMIT = 100  # rows that are listed on a terminal
MOST_SHOWN = 20  # requests of one sample
MOST_IDS = 5_000  # that are read to find one like a name that is not there
FILTERS = (
    *(click.option(f"--{word}", is_flag=True, help=f"Those that are {word}.")
      for word in ("wrong", "failed", "truncated", "disputed", "unscored")),
    click.option("--flag", "flags", multiple=True, metavar="NAME", help="Those with this flag or warning; repeatable."),
    click.option("--task", multiple=True, metavar="NAME", help="Of this task; repeatable."),
    click.option("-t", "--target", multiple=True, metavar="NAME", help="Of this target; repeatable."),
    click.option("--where", metavar="EXPRESSION", help="By columns: 'ttft_s > 2 and attempts > 1'."),
    click.option("--sort", metavar="[-]COLUMN", help="By a column; with - from the largest down."),
    click.option("--limit", type=click.IntRange(1), help=f"At most N; {LIMIT} as text, all in other formats."),
)  # fmt: skip


@click.command()
@click.argument("words", metavar="RUN [RUN] [SAMPLE]", nargs=-1, required=True)
@options(*FILTERS, FORMAT, FULL)
@click.option("--curl", is_flag=True, help="Print the request as a command, its key as a variable.")
def show(words: tuple[str, ...], form: str, full: bool, curl: bool, **filters: Any) -> int:
    """List the samples of a run, or show one: what was asked and answered, its scores, its time.

    With two runs, the sample of the first beside that of the second. Filters that are named together all hold;
    --wrong, --failed and the like are alternatives.

    \b
    evalrun show results/math --wrong --sort -ttft_s
    evalrun show results/math --where 'ttft_s > 2 or tokens >= 500' --limit 20
    evalrun show results/math arithmetic-17
    evalrun show results/math results/other arithmetic-17
    """
    from evalrun.requests import read

    runs, sample = (words[:-1], words[-1]) if len(words) > 1 else (words, None)
    if len(runs) > 2:
        raise click.UsageError(f"{len(words)} words are given; write RUN, RUN SAMPLE or RUN RUN SAMPLE")
    tables = [read(_folder(run)) for run in runs]
    if sample is None:
        if curl:
            raise click.UsageError("--curl is about one sample; write RUN SAMPLE --curl")
        return _list_samples(tables[0], form, **filters)
    found = [_rows_of(table, sample, filters) for table in tables]
    if curl:
        from evalrun.cli.curl import command

        write("\n".join(command(tables[0], tables[0].record(int(found[0][0])))))
        return OK
    if form == "json":
        import json

        from evalrun.report.samples import listing

        each = [row for table, rows in zip(tables, found, strict=True) for row in listing(table, rows)]
        write(json.dumps(each, indent=1))
        return OK
    if form != "text":
        raise SuiteError(f"--format {form}: one sample is shown as text or json")
    lines = _one(tables[0], found[0], full=full) if len(tables) == 1 else _two(tables, found)
    _paged(lines)
    return OK


def _folder(run: str) -> Path:
    """Return the folder of a run, the newest of a suite's folder."""
    from evalrun.store.reader import run_folder

    path = Path(run)
    folder = run_folder(path)
    if not (folder / "manifest.json").exists():
        known = [str(each.parent) for each in path.parent.glob("*/manifest.json")] if path.parent.is_dir() else []
        raise StoreError(f"{run}: is not the folder of a run{closest(run, known)}; `evalrun list` lists them")
    if folder != path:
        say(f"the newest run: {tty(str(folder))}")
    return folder


# ---------------------------------------------------------------- a list


def _list_samples(requests: "Requests", form: str, *, sort: str | None, limit: int | None, **filters: Any) -> int:
    import json

    from evalrun.report.samples import csv_text, listing, samples_page
    from evalrun.requests.chosen import ordered, recorded

    rows = recorded(requests, _mask(requests, filters))
    if sort is not None:
        rows = ordered(requests, rows, sort)
    most = limit or (LIMIT if form in ("text", "md") else len(rows))
    shown = rows[:most]
    if form == "csv":
        write(csv_text(requests, shown), end="")
    elif form == "json":
        write(json.dumps(list(listing(requests, shown)), indent=1, allow_nan=False))
    elif form == "text" and _on_screen():
        from evalrun.report import text

        page = samples_page(requests, shown, found=len(rows))
        _paged(text.render([page], width=width(), colour=colours()).splitlines())
    else:
        print_pages([samples_page(requests, shown, found=len(rows))], form)
    return OK


def _mask(requests: "Requests", filters: dict[str, Any]) -> Any:
    """Return which rows all filters let through."""
    import numpy as np

    from evalrun.requests.chosen import WHAT, named, where

    words = [word for word in WHAT if filters.get(word)]
    mask = np.logical_or.reduce([WHAT[word](requests) for word in words]) if words else np.ones(len(requests), bool)
    for flag in filters["flags"]:
        known = (*requests.names.get("flags", ()), *requests.names.get("warnings", ()))
        if flag not in known:
            raise SuiteError(f"--flag: no request has {flag!r}{closest(flag, known)}; there are"
                             f" {', '.join(known) or 'none'}")  # fmt: skip
    for option, names in (("task", requests.tasks), ("target", requests.targets)):
        for name in filters[option]:
            if name not in names:
                raise SuiteError(f"--{option}: the run has no {name!r}{closest(name, names)}; there are"
                                 f" {', '.join(names)}")  # fmt: skip
    mask &= named(requests, tasks=filters["task"], targets=filters["target"], flags=filters["flags"])
    if filters["where"] is not None:
        mask &= where(requests, filters["where"])
    return mask


# ---------------------------------------------------------------- one sample


def _rows_of(requests: "Requests", sample: str, filters: dict[str, Any]) -> "Whole":
    """Return the rows of a sample that the filters let through, in the table's order."""
    import numpy as np

    from evalrun.requests import sample_hash

    every = np.asarray(requests.sample == np.uint64(sample_hash(sample)))
    if not every.any():
        raise SuiteError(f"{requests.run.folder}: has no sample {clip(sample, 100)!r}{_near(requests, sample)}")
    rows = np.flatnonzero(every & _mask(requests, filters))
    if not len(rows):
        raise SuiteError(f"sample {clip(sample, 100)!r}: none of its {int(every.sum())} requests is such")
    return rows


def _near(requests: "Requests", sample: str) -> str:
    ids = {requests.record(int(row)).sample.id for row in requests.starts[:MOST_IDS]}
    within = [one for one in sorted(ids) if sample and one.startswith(sample)]
    hint = closest(sample[:200], [one for one in ids if len(one) < 200])
    if not hint and within:
        hint = f"; did you mean {within[0]!r}?"
    if not hint and (Path(sample) / "manifest.json").exists():
        hint = "; to compare two runs, name a sample too: evalrun show RUN RUN SAMPLE"
    return hint or "; `evalrun show RUN` lists them"


def _one(requests: "Requests", rows: "Whole", *, full: bool) -> Iterator[str]:
    from evalrun.report.sample import sample_lines

    before: tuple[Any, ...] = ()
    for number, row in enumerate(rows[:MOST_SHOWN].tolist()):
        yield from ("", "") if number else ()
        yield from sample_lines(requests, row, full=full, colour=colours(), before=before)
        before = requests.record(row).sample.messages
    if len(rows) > MOST_SHOWN:
        yield from ("", f"{len(rows) - MOST_SHOWN:,} more requests of this sample; --target, --task or --where choose")


def _two(tables: "list[Requests]", found: "list[Whole]") -> Iterator[str]:
    """Yield one sample of two runs: the first request of each task and target that both have."""
    from evalrun.report.sample import side_by_side

    sides = []
    for table, rows in zip(tables, found, strict=True):
        records = [(row, table.record(row)) for row in rows[:MOST_SHOWN].tolist()]
        sides.append({(one.sample.task, one.target, one.repeat): row for row, one in reversed(records)})
    same = [place for place in reversed(sides[0]) if place in sides[1]]
    pairs = [(sides[0][place], sides[1][place]) for place in same] or [(int(found[0][0]), int(found[1][0]))]
    for number, (old, new) in enumerate(pairs):
        yield from ("", "") if number else ()
        yield from side_by_side((tables[0], old), (tables[1], new), width=width(), colour=colours())


def _on_screen() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _paged(lines: Iterable[str]) -> None:
    """Write lines, through $PAGER or less where a person reads them."""
    if not _on_screen():
        for line in lines:
            write(line)
        return
    os.environ.setdefault("LESS", "FRX")  # what fits on the screen needs no pager
    shown = (line.encode("utf-8", "backslashreplace").decode() + "\n" for line in lines)
    click.echo_via_pager(shown, color=colours())


# ---------------------------------------------------------------- runs


@click.command("list")
@click.argument("out", metavar="[RESULTS]", type=PATH, default=Path("results"))
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="Only runs of this suite; repeatable.")
@FORMAT
def list_runs(out: Path, suites: tuple[str, ...], form: str) -> int:
    """List the runs of all suites, the newest first.

    Their name, whether they are finished, and accuracy, requests and cost of each target.
    """
    from evalrun.report.runs import runs_page

    if not out.is_dir():
        raise StoreError(f"{out}: is not a folder; name the one with the results, or run a suite first")
    found = sorted({path.parent.parent for path in out.glob("*/*/manifest.json")})
    found = found or ([out] if any(out.glob("*/manifest.json")) else [])
    if not found:
        raise StoreError(f"{out}: has no run; `evalrun run SUITE` makes one")
    names = [folder.name for folder in found]
    for suite in suites:
        if suite not in names:
            raise SuiteError(f"--suite: {out} has no run of {suite!r}{closest(suite, names)}; there are"
                             f" {', '.join(names)}")  # fmt: skip
    print_pages([runs_page(out, [each for each in found if not suites or each.name in suites])], form)
    return OK
