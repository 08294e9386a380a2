"""The command line: argv, environment, exit codes, and the only code that prints.

Every command's body is imported when it runs, so that `evalrun --help` stays instant.
"""

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from evalrun import __version__
from evalrun.cli.reading import COMMANDS, FORM
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


OUT = click.option(
    "--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Folder of all results."
)


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
@OUT
@click.option("--control", metavar="NAME|FILE", help="A third target, whose latencies tell the weather.")
@click.option("--decide", metavar="RULE", help="Ask rounds until e.g. 'accuracy no worse than 2 points' is decided.")
@click.option("--new", is_flag=True, help="Start a new run even if the same one is unfinished.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, only the tables.")
def ab(
    suite: Path, control: str | None, decide: str | None, out: Path, new: bool, quiet: bool, **selection: Any
) -> int:
    """Ask two targets in turn and compare them.

    Both get the same samples in blocks of ABBA, so that the hour of the day hits both; the first --target is the base.
    """
    if decide is not None:
        from evalrun.cli.decide import decide_suite

        return decide_suite(suite, selection, control=control, rule=decide, out=out, new=new, quiet=quiet)
    from evalrun.cli.ab import ab_suite

    return ab_suite(suite, selection, control=control, out=out, new=new, quiet=quiet)


@cli.command()
@suite_options
@OUT
@click.option("--pilot", type=click.IntRange(1), metavar="K", help="Ask K samples of each task first.")
@click.option("--baseline", metavar="NAME|RUN", help="Learn cost and noise from this baseline or run.")
@FORM
def plan(suite: Path, pilot: int | None, baseline: str | None, form: str, out: Path, **selection: Any) -> int:
    """Say what a suite would cost and could detect.

    Requests, tokens, money, time and the smallest difference it could see. Nothing is sent without --pilot.
    """
    from evalrun.cli.plan import plan_suite

    return plan_suite(suite, selection, pilot=pilot, baseline=baseline, form=form, out=out)


@cli.command()
@suite_options
def check(suite: Path, **selection: Any) -> int:
    """Validate a suite without sending anything."""
    from evalrun.cli.run import check_suite

    return check_suite(suite, selection)


for command in COMMANDS:
    cli.add_command(command)


@cli.command()
@click.argument("what", type=click.Choice(["suite", "target"]), default="suite")
def schema(what: str) -> int:
    """Print the JSON Schema of suites or targets."""
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
@click.option("--port", type=click.IntRange(0, 65535), default=8089, show_default=True, help="0 picks a free one.")
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
