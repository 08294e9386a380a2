"""The commands that read results folders and ask nobody.

Only the options are here; every body is imported when it runs.
"""

import os
from pathlib import Path
from typing import Any

import click

from evalrun.report import FORMATS

PATH = click.Path(path_type=Path)


class RunFolder(click.Path):
    """The folder of a run; where runs are in it, as in results/SUITE, the newest of them, which is said."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the run's folder."""
        from evalrun.cli.exits import say
        from evalrun.store import run_folder

        given = Path(os.fsdecode(super().convert(value, param, ctx)))
        found = run_folder(given)
        if found != given:
            say(f"the newest run: {found}")
        return found


RUN = RunFolder(path_type=Path)
BASELINES = Path("results/baselines")
"""Where baselines are kept, unless something else is typed."""
FORM = click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
ACROSS = click.option("--across-prompts", is_flag=True, help="Compare runs whose prompts differ: it is their effect.")
SHELF = click.option("--baselines", type=PATH, default=BASELINES, show_default=True, help="Folder of baselines.")

DECIDING = {
    "max_cost": "--max-cost",
    "max_repeats": "--max-repeats",
    "targets": "--target",
    "allowed": "--allow-path",
    "allow_inline_secrets": "--allow-inline-secrets",
}
"""The options of `gate --decide`."""


@click.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("--suite", type=PATH, help="Score by this suite file's scorers instead of the run's own.")
def score(folder: Path, suite: Path | None) -> int:
    """Score a run's stored answers again.

    Without a single request; then its table is printed.
    """
    from evalrun.cli.results import rescore

    return rescore(folder, suite)


@click.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=RUN)
@FORM
def table(folders: tuple[Path, ...], form: str) -> int:
    """Print the table of stored runs."""
    from evalrun.cli.results import print_tables

    return print_tables(folders, form)


@click.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=RUN)
@FORM
@click.option("--plot", is_flag=True, help="Draw the curves on the terminal too.")
@click.option("--tolerance", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="Instead of the suite's.")
@click.option("--out", type=PATH, help="Write the pictures into this folder.")
def ladder(folders: tuple[Path, ...], **options: Any) -> int:
    """Print latency, cost and quality by prompt size.

    Several runs and targets stand on the same axes.
    """
    from evalrun.cli.ladder import show_ladders

    return show_ladders(folders, **options)


@click.command()
@click.argument("names", metavar="BASE NEW [MORE]...", nargs=-1, required=True)
@FORM
@SHELF
@ACROSS
def compare(names: tuple[str, ...], **options: Any) -> int:
    """Compare stored runs with the first of them.

    Run folders, table files or baselines: paired differences with intervals, the smallest effect that could have been
    seen, the samples that flipped, and what the change is made of.
    """
    from evalrun.cli.compare import compare_runs
    from evalrun.cli.exits import width

    return compare_runs(names, width=width(), **options)


@click.group()
def baseline() -> None:
    """Save what later runs are held to."""


@baseline.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.argument("name")
@click.option("--out", type=PATH, default=BASELINES, show_default=True, help="Folder of baselines.")
@click.option("--keep-samples", is_flag=True, help="Add a night only; the samples stay those saved before.")
def save(folder: Path, name: str, out: Path, keep_samples: bool) -> int:
    """Save a run as a baseline, or as one more night of the baseline of that name."""
    from evalrun.cli.compare import baseline_save

    return baseline_save(folder, name, out=out, keep_samples=keep_samples)


@click.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("--baseline", "baseline_name", metavar="NAME", help="What the run is held to.")
@click.option("--rule", "texts", multiple=True, help="Instead of the suite's gates; repeatable. See docs/gates.md.")
@SHELF
@ACROSS
@FORM
@click.option("--junit", type=PATH, help="Write JUnit XML.")
@click.option("--summary", type=PATH, help="Write Markdown for a step summary.")
@click.option("--benchmark-json", "benchmark", type=PATH, help="Write charts: FILE.smaller.json, FILE.bigger.json.")
@click.option("--annotations", is_flag=True, help="Print GitHub annotations, at most ten.")
@click.option("--decide", is_flag=True, help="Where more repeats may decide it, ask them: 2, 4, 8 of each sample, ...")
@click.option("--max-cost", metavar="USD", help="The most that deciding may cost, beyond what the run did.")
@click.option("--max-repeats", type=click.IntRange(2), metavar="N", help="The most repeats; enough where it is free.")
@click.option("-t", "--target", "targets", multiple=True, metavar="FILE", help="Where a target of the run is now.")
@click.option("--allow-path", "allowed", multiple=True, type=PATH, help="As it was given to the run.")
@click.option("--allow-inline-secrets", is_flag=True, help="As it was given to the run.")
def gate(folder: Path, decide: bool, **options: Any) -> int:
    """Hold a run to rules: pass, regressed or unclear.

    Alone or against a baseline. Exit codes: 0 pass, 1 regressed, 3 inconclusive. docs/gates.md has the rules.

    With --decide, an unclear change of what the model answers is decided: the run's samples are asked again, into its
    folder, in rounds that double their number. It stops as soon as the rules are decided, or before a round would pass
    --max-cost or --max-repeats. However many rounds there are, no more than 5 % of decisions are false alarms.

    \b
    evalrun gate results/math/* --baseline main --decide --max-cost 2
    evalrun gate results/math/* --baseline main --decide --max-repeats 16
    """
    from evalrun.cli.gate import gate_run
    from evalrun.cli.held import Held, Means

    held = Held(**{name: options.pop(name) for name in ("baseline_name", "texts", "baselines", "across_prompts")})
    typed = {name: options.pop(name) for name in DECIDING}
    if not decide and (given := [name for name, value in typed.items() if value]):
        raise click.UsageError(f"{DECIDING[given[0]]} goes with --decide")
    return gate_run(folder, held, means=Means(**typed) if decide else None, **options)


@click.command()
@click.argument("suite")
@click.option("--out", type=PATH, default=Path("results"), show_default=True, help="Folder of all results.")
@click.option("--metric", metavar="NAME", help="One metric, e.g. ttft_p95; by default the headlines.")
@click.option("--target", metavar="NAME", help="One target.")
@click.option("--task", metavar="NAME", help="One task.")
@click.option("--last", type=click.IntRange(1), help="Only the last N runs.")
@FORM
@click.option("--picture", type=PATH, help="Draw the trend: FILE.png and FILE.svg.")
def history(suite: str, **options: Any) -> int:
    """Print all runs of a suite over time."""
    from evalrun.cli.history import show_history

    return show_history(suite, **options)


@click.command()
@click.argument("name", required=False)
def explain(name: str | None) -> int:
    """Say what a number means, or all of them."""
    from evalrun.cli.results import explain_metric

    return explain_metric(name)


COMMANDS = (score, table, ladder, compare, baseline, gate, history, explain)
