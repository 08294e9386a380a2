"""The command line: argv, environment, exit codes, and the only code that prints.

Every command's body is imported when it runs, so that `evalrun --help` stays instant.
"""

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from evalrun import __version__
from evalrun.errors import EvalrunError

EPILOG = """\b
Exit codes: 0 done, 1 a gate failed, 2 the suite or the command is wrong (nothing was sent), 3 no verdict (endpoint
unusable or too many failures), 4 the money cap was reached, 5 the results folder cannot be used, 130/143 interrupted.
"""


class Commands(click.Group):
    """A group in which `evalrun suites/math.yaml` means `evalrun run suites/math.yaml`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        first = args[0]
        if not (first.startswith("-") or first in self.commands or get_close_matches(first, self.commands)):
            args = ["run", *args]  # a suite: by its path, or by the name of a shipped one
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)  # in the order of definition, which is the order of use


@click.group(
    cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="evalrun")
def cli() -> None:
    """Ask a suite of questions of OpenAI-compatible chat endpoints and learn, from the same requests, whether the
    answers are right, how fast they came, what they cost, and how sure the numbers are.

    \b
    evalrun suites/math.yaml                      a small model on this machine
    evalrun suites/math.yaml --target deepinfra   an endpoint from configs/
    evalrun suites/math.yaml -t sim --limit 5     a simulated endpoint, five samples a task
    """


def suite_options(command: Any) -> Any:
    """Add the options that select and override a suite; `run` and `check` share them."""
    folder = click.Path(path_type=Path)
    options = [
        click.option(
            "-t",
            "--target",
            "targets",
            multiple=True,
            metavar="NAME|FILE",
            help="A target of configs/ or a file; repeatable.",
        ),
        click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help="Override any field; repeatable."),
        click.option("--limit", type=click.IntRange(1), help="Ask only the first N samples of each task."),
        click.option("--concurrency", type=click.IntRange(1), help="Requests in flight at once."),
        click.option("--repeats", type=click.IntRange(1), help="Ask each sample N times, to measure variance."),
        click.option("--max-cost", metavar="USD", help="Never spend more; needs prices and max_tokens."),
        click.option(
            "--allow-path", "allowed", multiple=True, type=folder, help="Let data be read from here too; repeatable."
        ),
        click.option("--allow-inline-secrets", is_flag=True, help="Accept keys written into the YAML."),
        click.option("--skip-bad-rows", is_flag=True, help="Leave malformed data rows out and count them."),
    ]
    for option in reversed(options):
        command = option(command)
    return click.argument("suite", type=click.Path(path_type=Path))(command)


@cli.command()
@suite_options
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Folder for results."
)
@click.option("--new", is_flag=True, help="Start a new run even if the same one is unfinished.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, only the table.")
def run(suite: Path, out: Path, new: bool, quiet: bool, **selection: Any) -> int:
    """Ask a suite and print its table. The same command resumes an unfinished run and asks only what is missing."""
    from evalrun.cli.run import run_suite

    return run_suite(suite, selection, out=out, new=new, quiet=quiet)


@cli.command()
@suite_options
def check(suite: Path, **selection: Any) -> int:
    """Validate a suite, its targets and its data without sending anything."""
    from evalrun.cli.run import check_suite

    return check_suite(suite, selection)


@cli.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--suite", type=click.Path(path_type=Path), help="Score by this suite file's scorers instead of the run's own."
)
def score(folder: Path, suite: Path | None) -> int:
    """Score the stored answers of a run again, without a single request, and print its table."""
    from evalrun.cli.results import rescore

    return rescore(folder, suite)


@cli.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "md", "csv", "json"]), default="text", show_default=True)
def table(folders: tuple[Path, ...], form: str) -> int:
    """Print the table of a stored run, or of several, one below the other."""
    from evalrun.cli.results import print_tables

    return print_tables(folders, form)


@cli.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "md", "csv", "json"]), default="text", show_default=True)
@click.option("--plot", is_flag=True, help="Draw the curves on the terminal too.")
@click.option("--tolerance", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="Instead of the suite's.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the pictures into this folder.")
def ladder(folders: tuple[Path, ...], form: str, plot: bool, tolerance: float | None, out: Path | None) -> int:
    """Print latency, cost and quality against prompt size, several runs and targets on the same axes."""
    from evalrun.cli.ladder import show_ladders

    return show_ladders(folders, form=form, plot=plot, tolerance=tolerance, out=out)


@cli.command()
@click.argument("suite")
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Results.")
@click.option("--metric", metavar="NAME", help="One metric, e.g. ttft_p95; by default the headlines.")
@click.option("--target", metavar="NAME", help="One target.")
@click.option("--task", metavar="NAME", help="One task.")
@click.option("--last", type=click.IntRange(1), help="Only the last N runs.")
@click.option("--format", "form", type=click.Choice(["text", "md", "csv", "json"]), default="text", show_default=True)
@click.option("--picture", type=click.Path(path_type=Path), help="Draw the trend: FILE.png and FILE.svg.")
def history(suite: str, **options: Any) -> int:
    """Print all runs of a suite over time, and mark what changed between them."""
    from evalrun.cli.history import show_history

    return show_history(suite, **options)


@cli.command()
@click.argument("name", required=False)
def explain(name: str | None) -> int:
    """Say what a number means: `evalrun explain ttft_s`; without a name, all of them."""
    from evalrun.cli.results import explain_metric

    return explain_metric(name)


@cli.command()
@click.argument("what", type=click.Choice(["suite", "target"]), default="suite")
def schema(what: str) -> int:
    """Print the JSON Schema of suite or target files, for editors."""
    from evalrun.cli.run import print_schema

    return print_schema(what)


@cli.group()
def model() -> None:
    """The embedded model."""


@model.command()
def fetch() -> int:
    """Fetch the embedded model's weights (98 MB) into the user's cache and check them."""
    from evalrun.cli.servers import fetch_weights

    return fetch_weights()


@cli.group()
def serve() -> None:
    """Servers of evalrun's own."""


@serve.command()
@click.option("--config", default="sim", show_default=True, metavar="NAME|FILE", help="A simulator's target file.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8089, show_default=True, help="0 picks a free one.")
@click.option("--key-env", metavar="VARIABLE", help="Demand the key that this environment variable holds.")
@click.option("--truth", type=click.Path(path_type=Path), help="Log when each byte was written, as JSON lines.")
def sim(config: str, host: str, port: int, key_env: str | None, truth: Path | None) -> int:
    """Serve a simulated OpenAI-compatible endpoint with a known latency and answer model."""
    from evalrun.cli.servers import serve_simulator

    return serve_simulator(config, host=host, port=port, key_env=key_env, truth=truth)


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(_guarded())


def _guarded() -> int:
    """Run a command; turn what evalrun says on purpose into a message and a code, anything else into a bug report."""
    from evalrun.cli.exits import INTERRUPTED, USAGE, report_bug, say_error

    try:
        return cli.main(standalone_mode=False) or 0
    except EvalrunError as error:
        say_error(error)
        return error.exit_code
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as bug:  # noqa: BLE001 - the one place: whatever escapes is a bug, and says so
        return report_bug(bug)
