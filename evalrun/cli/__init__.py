"""The command line: argv, printing and exit codes, and the only code that prints.

    options    what is typed, and the command line that goes on with a run
    asking     run, ab, plan, check
    reading    score, table, report, export, ladder, compare, baseline, history, explain
    look       show, list
    curl       a stored request as a command
    gate       gate
    servers    init, schema, view, model, serve
    preview    the requests of a plan, as text
    exits      both streams, exit codes, last words
    progress   a bar, or lines, on standard error

Everything else is below: `evalrun.api` first of all.
"""

import sys
from difflib import get_close_matches

import click

from evalrun import __version__
from evalrun.cli import asking, gate, look, reading, servers
from evalrun.cli.exits import EPILOG, INTERRUPTED, TERMINATED, USAGE, Terminated, begin, end_with, report_bug
from evalrun.errors import EvalrunError


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
    evalrun suites/math.yaml -t sim --limit 5     a simulated endpoint, five samples of each task
    """


for command in (
    asking.run, asking.ab, asking.plan, asking.check, look.show, look.list_runs, reading.score, reading.table,
    reading.report, reading.export, reading.ladder, reading.compare, reading.baseline, gate.gate, reading.history,
    reading.explain, servers.init, servers.schema, servers.view, servers.model,
    servers.serve,
):  # fmt: skip
    cli.add_command(command)


def main() -> None:
    """Run the command line and exit with its code."""
    begin()
    sys.exit(_guarded())


def _guarded() -> int:
    """Run a command; turn what evalrun says on purpose into a message and a code, anything else into a bug report."""
    try:
        return cli.main(standalone_mode=False) or 0
    except EvalrunError as error:
        return end_with(error)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt) as interrupt:  # click makes the one of the other
        return TERMINATED if Terminated in (type(interrupt), type(interrupt.__cause__)) else INTERRUPTED
    except Exception as bug:  # noqa: BLE001 - the one place: whatever escapes is a bug, and says so
        return report_bug(bug)
