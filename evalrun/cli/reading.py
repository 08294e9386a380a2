"""The commands that read results folders and ask nobody: tables, ladders, comparisons, baselines, histories.

Everything is imported when a command runs, so that `evalrun --help` stays instant.
"""

import os
from pathlib import Path

import click

from evalrun.cli.exits import NO_VERDICT, OK, print_pages, say, width, write
from evalrun.cli.options import ACROSS, BASELINES, FORMAT, FULL, NAME_OR_PATH, OUT, PATH, RUN, RUNS, SIDES, options
from evalrun.errors import SuiteError
from evalrun.escape import tty


@click.command()
@RUN
@click.option("--suite", type=PATH, help="Score by this suite file's scorers instead of the run's own.")
@FULL
def score(folder: Path, suite: Path | None, full: bool) -> int:
    """Score a run's stored answers again.

    No request is sent; its summary is printed.
    """
    from evalrun.api import open_run
    from evalrun.cli.asking import print_run
    from evalrun.cli.progress import watching

    watch, found = watching(quiet=False), open_run(folder)
    found.score(suite, on_progress=watch.on_progress, on_notice=watch.say)
    return print_run(found, full=full)


@click.command()
@RUNS
@FORMAT
@click.option("--columns", metavar="NAME,...", help="Only these numbers, a line for each task and target.")
def table(folders: tuple[Path, ...], form: str, columns: str | None) -> int:
    """Print the tables of stored runs, with all their numbers.

    \b
    evalrun table results/math --columns accuracy,ttft_p99,cached_tokens
    """
    from evalrun.api import open_run
    from evalrun.report.summary import columns_named
    from evalrun.report.table import table_page

    tables = [open_run(folder).table() for folder in folders]
    chosen = [() if columns is None else columns_named(table, columns) for table in tables]
    pages = [table_page(table, columns=each) for table, each in zip(tables, chosen, strict=True)]
    print_pages(pages, form, full=columns is None)
    return OK


@click.command()
@RUNS
@ACROSS
@click.option("-o", "--output", type=PATH, help="The file to write; by default report.html in the run's folder.")
def report(folders: tuple[Path, ...], across_prompts: bool, output: Path | None) -> int:
    """Write one HTML file about a run, or about several.

    It shows the numbers, pictures of them, and every sample with its answer, scores and times; several runs are
    compared with the first. It needs no network and no other file: open it from disk, send it, keep it as an artifact.
    """
    from evalrun.api import open_run
    from evalrun.store.disk import replace_file

    first, *others = folders
    if output is None and others:
        raise SuiteError("report: several runs have no folder in common; name the file to write: -o report.html")
    path = output or first / "report.html"
    replace_file(path, [open_run(first).report(*others, across_prompts=across_prompts)])
    write(f"{path} ({path.stat().st_size:,} bytes)")
    return OK


@click.command()
@RUNS
@click.option("--format", "form", default="parquet", show_default=True, help="parquet, csv or jsonl.")
@click.option("-o", "--output", type=PATH, help="The file to write; by default requests.FORMAT in this folder.")
def export(folders: tuple[Path, ...], form: str, output: Path | None) -> int:
    """Write the requests of stored runs as data.

    One row per request, with answers, scores, latencies, tokens and cost; docs/results.md describes the columns.
    """
    from evalrun.requests import read
    from evalrun.requests.export import encoded
    from evalrun.store.disk import replace_file

    chunks = encoded(form, map(read, folders))
    path = output or Path(f"requests.{form}")
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, chunks)
    write(str(path))
    return OK


@click.command()
@RUNS
@FORMAT
@click.option("--plot", is_flag=True, help="Draw the curves on the terminal too.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="In place of the suite's.",
)
@click.option("--out", type=PATH, help="Write the pictures into this folder.")
@FULL
def ladder(
    folders: tuple[Path, ...], form: str, plot: bool, tolerance: float | None, out: Path | None, full: bool
) -> int:
    """Print latency, cost and quality by prompt size.

    Several runs and targets share the axes.
    """
    from evalrun.api import draw_ladders, open_run
    from evalrun.errors import StoreError
    from evalrun.report.ladder import ladder_page

    ladders = []
    for folder in folders:
        found = open_run(folder).ladders(tolerance=tolerance)
        if not found:
            raise StoreError(f"{folder}: has no prompts of stated sizes (data of kind: ladder)")
        several = len(folders) > 1
        ladders += [(f"{one.target.name} {folder.name}" if several else one.target.name, one) for one in found]
    print_pages([ladder_page(ladders)], form, full=full)
    if plot:
        from evalrun.report.curves import text_plot

        write(text_plot(ladders, width=width()), end="")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        draw_ladders(ladders, out, on_notice=say)
    return OK


@click.command()
@SIDES
@options(FORMAT, BASELINES, ACROSS, FULL)
def compare(names: tuple[str, ...], form: str, baselines: Path, across_prompts: bool, full: bool) -> int:
    """Compare stored runs with the first of them, or the targets of one run.

    Run folders, table files or baselines: paired differences with intervals, the smallest detectable drop, the samples
    that flipped, and what the change is made of.
    """
    from evalrun.api import compare_runs
    from evalrun.report.compare import contrast_page

    contrasts = compare_runs(*names, baselines=baselines, across_prompts=across_prompts)
    print_pages(list(map(contrast_page, contrasts)), form, full=full)
    return OK


@click.group()
def baseline() -> None:
    """Save what later runs are compared with."""


@baseline.command()
@RUN
@click.argument("name")
@click.option("--out", type=PATH, default=Path("results/baselines"), show_default=True, help="Folder of baselines.")
@click.option("--keep-samples", is_flag=True, help="Add a night only, and keep the samples saved before.")
def save(folder: Path, name: str, out: Path, keep_samples: bool) -> int:
    """Save a run as a baseline, or as one more night of the baseline of that name."""
    from evalrun.compare import baseline as baselines
    from evalrun.compare.read import read_run
    from evalrun.gate.judge import no_baseline

    side = read_run(folder)
    if found := [(cell, why) for cell in side.cells.values() if (why := no_baseline(cell, side))]:
        for cell, why in found:
            say(f"{tty(cell.task)}, {tty(cell.target)}: {tty(why)}: no baseline")
        return NO_VERDICT
    paths, notices = baselines.save(side, name, root=out, keep_samples=keep_samples)
    for notice in notices:
        say(tty(notice))
    for path in paths:
        write(f"{path} ({path.stat().st_size:,} bytes)")
    return OK


@click.command()
@click.argument("suite", type=NAME_OR_PATH)
@OUT
@click.option("--metric", metavar="NAME", help="One metric, e.g. ttft_p95; by default the headlines.")
@click.option("--target", metavar="NAME", help="One target.")
@click.option("--task", metavar="NAME", help="One task.")
@click.option("--last", type=click.IntRange(1), help="Only the last N runs.")
@FORMAT
@click.option("--picture", type=PATH, help="Draw the trend: FILE.png and FILE.svg.")
@FULL
def history(
    suite: str, out: Path, metric: str | None, target: str | None, task: str | None, last: int | None, form: str,
    picture: Path | None, full: bool,
) -> int:  # fmt: skip
    """Print all runs of a suite over time.

    SUITE is its name or its file.
    """
    from evalrun.history import HEADLINES, recall, update, wanted
    from evalrun.report.history import history_page

    metrics = HEADLINES if metric is None else (wanted(metric),)
    folder = _folder(suite, out)
    rows, notes = update(folder)
    found = recall(rows, folder.name, metrics=metrics, task=task, target=target, last=last, notes=notes)
    if not found.runs:
        raise _nothing(suite, out)
    print_pages([history_page(found)], form, full=full)
    if picture is not None:
        from evalrun.report.picture import history_pictures
        from evalrun.store.disk import replace_file

        stem = picture.with_suffix("") if picture.suffix in (".png", ".svg") else picture
        drawn = history_pictures(found, stem.name)
        for name, data in drawn.items():
            replace_file(stem.with_name(name), [data])
        say(f"pictures: {', '.join(str(stem.with_name(name)) for name in drawn)}" if drawn else "no number to draw")
    return OK


def _folder(suite: str, out: Path) -> Path:
    """Return the folder of a suite's runs. A name needs no suite file: the runs may be all there is."""
    name = suite
    if suite.endswith((".yaml", ".yml")):
        from evalrun.suite.read import read_suite

        name = read_suite(Path(suite), environ=os.environ).suite.name
    if name != Path(name).name or name == ".." or not (out / name).is_dir():
        raise _nothing(suite, out)
    return out / name


def _nothing(suite: str, out: Path) -> Exception:
    from evalrun.errors import StoreError

    known = sorted(path.parent.parent.name for path in out.glob("*/*/manifest.json")) if out.is_dir() else []
    there = f"there are runs of {', '.join(dict.fromkeys(known))}" if known else f"`evalrun run {suite}` makes one"
    return StoreError(f"{out}: has no run of a suite {suite!r}; {there}")


@click.command()
@click.argument("name", required=False)
def explain(name: str | None) -> int:
    """Explain a number, a mark or a warning, or list the numbers and warnings."""
    from evalrun import explain as meanings

    if name:
        write(meanings.describe(meanings.explain(name)))
        return OK
    for section, definitions in meanings.SECTIONS.items():
        write(f"{section}\n" + "".join(f"  {one.name:22} {one.brief}\n" for one in definitions))
    write("Warnings\n" + "".join(f"  {name:22} {meaning}\n" for name, meaning in meanings.WARNINGS.items()))
    return OK
