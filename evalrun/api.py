"""The Python API, which the command line uses too: read a suite, run it, open a run, look at its numbers, judge it.

    >>> suite = {
    ...     "name": "sums",
    ...     "targets": ["sim"],
    ...     "tasks": {
    ...         "add": {
    ...             "data": {"kind": "inline", "rows": [{"q": "2 + 3", "a": "5"}, {"q": "4 + 4", "a": "8"}]},
    ...             "prompt": {"template": "What is {{ q }}?", "expected": "{{ a }}"},
    ...             "scorers": [{"kind": "numeric"}],
    ...         }
    ...     },
    ... }

Its names are exported by `evalrun`, lazily. Nothing that only reads a run's folder imports an HTTP library.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalrun.errors import SuiteError
from evalrun.ladder import Ladder, climb
from evalrun.report import files
from evalrun.report.ladder import ladder_page
from evalrun.report.page import Page
from evalrun.report.table import table_page
from evalrun.requests import Requests, read
from evalrun.run.scoring import score_run
from evalrun.run.watch import Progress, Watch, ignore
from evalrun.store.checked import sealed
from evalrun.store.disk import replace_file
from evalrun.store.manifest import Manifest
from evalrun.store.reader import StoredRun, run_folder
from evalrun.store.writer import deliver
from evalrun.table import Table, tabulate
from evalrun.types import Record

if TYPE_CHECKING:  # what asks needs an HTTP library, what compares needs numpy
    import pyarrow

    from evalrun.compare.side import Side
    from evalrun.compare.values import Contrast
    from evalrun.gate.values import Gate
    from evalrun.rule import Rule
    from evalrun.run.fanout import Ending
    from evalrun.run.plan import Plan
    from evalrun.run.session import SessionResult

BASELINES = Path("results/baselines")
"""Where baselines are, unless another folder is named."""
RESULTS = Path("results")
"""Where runs are, unless another folder is named."""

OnProgress = Callable[[Progress], None]
OnNotice = Callable[[str], None]


# ---------------------------------------------------------------- asking


def read_suite(
    suite: str | Path | Mapping[str, Any],
    *,
    targets: Sequence[str] = (),
    model: str | None = None,
    tasks: Sequence[str] = (),
    settings: Sequence[str] = (),
    limit: int | None = None,
    sample: int | None = None,
    seed: int | None = None,
    repeats: int | None = None,
    concurrency: int | None = None,
    max_cost: Decimal | str | None = None,
    allowed: Sequence[str | Path] = (),
    allow_inline_secrets: bool = False,
    skip_bad_rows: bool = False,
    on_progress: OnProgress = ignore,
    on_notice: OnNotice = ignore,
) -> "Plan":
    """Read a suite and its data, and return the plan of what would be asked. Nothing is sent.

    suite: a file, the name of a shipped suite, or a mapping with the fields of a suite.
    The other arguments are the options of `evalrun run`; `run.planning.Selection` has a word about each.
    Raises SuiteError where the suite, a target or the data is wrong.

    >>> plan = read_suite(suite, repeats=3)
    >>> plan.totals
    {'add': 6}
    """
    from evalrun.run.planning import Selection, make_plan

    selection = Selection(
        suite=suite if isinstance(suite, Mapping) else Path(suite),
        targets=tuple(targets),
        model=model,
        tasks=tuple(tasks),
        settings=tuple(settings),
        limit=limit,
        sample=sample,
        seed=seed,
        repeats=repeats,
        concurrency=concurrency,
        max_cost=None if max_cost is None else str(max_cost),
        allowed=tuple(Path(path) for path in allowed),
        allow_inline_secrets=allow_inline_secrets,
        skip_bad_rows=skip_bad_rows,
    )
    return make_plan(selection, watch=Watch(on_progress, on_notice))


def run_suite(
    plan: "Plan",
    *,
    out: str | Path = RESULTS,
    new: bool = False,
    on_progress: OnProgress = ignore,
    on_notice: OnNotice = ignore,
) -> "Run":
    """Ask what a plan says, score the answers, write the tables, and return the run.

    out: the folder of all results.
    new: start a new run even if the same one is unfinished; else that one goes on, and only what is missing is asked.
    on_progress: called at every step with a `Progress`. on_notice: called with what a person should know.
    Raises SuiteError if the unfinished run was asked otherwise, StoreError if its folder cannot be used. A target that
    cannot be asked raises nothing: `Run.ending` says so.

    >>> run = run_suite(plan)
    >>> run.finished, run.ending.complete
    (True, True)
    """
    from evalrun.run.session import ask, in_a_loop

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("an event loop is running here, as in a notebook; use `await arun_suite(plan)`")
    watch = Watch(on_progress, on_notice)
    session = in_a_loop(ask(plan, out=Path(out), new=new, watch=watch))
    return _delivered(finish(session.folder, watch=watch, session=session))


async def arun_suite(
    plan: "Plan",
    *,
    out: str | Path = RESULTS,
    new: bool = False,
    on_progress: OnProgress = ignore,
    on_notice: OnNotice = ignore,
) -> "Run":
    """Do what `run_suite` does in the event loop that is running. Latencies are measured in that loop: keep it free.

    >>> run = asyncio.run(arun_suite(plan, on_notice=print))  # doctest: +ELLIPSIS
    results: ...
    """
    from evalrun.run.session import ask

    watch = Watch(on_progress, on_notice)
    session = await ask(plan, out=Path(out), new=new, watch=watch)
    return _delivered(await asyncio.to_thread(finish, session.folder, watch=watch, session=session))


def finish(folder: Path, *, watch: Watch, session: "SessionResult | None" = None) -> "Run":
    """Score the answers of a run that have no score yet, write its tables, and return the run."""
    score_run(folder, watch=watch, deadline_s=session.deadline_s if session else None)
    run = Run(folder, session=session)
    run.write(on_notice=watch.say)
    return run


def _delivered(run: "Run") -> "Run":
    if run.session is not None and run.session.complete:
        deliver(run.folder)
    return run


# ---------------------------------------------------------------- a stored run


class Run:
    """A stored run. Its folder is read once, when something of it is first asked for; nothing is sent.

    folder: where it is. session: the session that asked it last, if that was in this process.
    """

    def __init__(self, folder: Path, *, session: "SessionResult | None" = None) -> None:
        """Use `open_run`. Raises StoreError where the folder is not a run's."""
        self.folder, self.session = folder, session
        self._stored = StoredRun(folder)
        self._derived = _Derived(folder)

    @property
    def manifest(self) -> Manifest:
        """What was asked of whom: the suite as resolved, targets, fingerprints, versions."""
        return self._stored.manifest

    @property
    def finished(self) -> bool:
        """Whether all that was planned is asked."""
        return self._stored.finished_once

    @property
    def ending(self) -> "Ending | None":
        """How the asking ended; None for a run that was only opened, or interrupted."""
        return self.session.ending if self.session else None

    def records(self) -> Iterator[Record]:
        """Return every request with its outcome, one by one, in the order of the journal.

        >>> sorted(record.repeat for record in run.records() if record.sample.id == "1")
        [0, 1, 2]
        """
        return self._stored.records()

    def requests(self) -> Requests:
        """Return the request table: columns with one entry a request. docs/results.md describes them.

        >>> len(run.requests())
        6
        """
        return self._derived.requests

    def arrow(self) -> "pyarrow.Table":
        """Return the requests with their texts as an Arrow table: what requests.parquet holds.

        >>> run.arrow().column("task").unique().to_pylist()
        ['add']
        """
        from evalrun.requests.export import arrow

        return arrow([self.requests()])

    def pandas(self) -> Any:
        """Return the requests with their texts as a pandas data frame, which needs pandas.

        >>> run.pandas().groupby("sample")["repeat"].max().tolist()
        [2, 2]
        """
        return self.arrow().to_pandas()

    def table(self) -> Table:
        """Return the table: accuracy, latency, tokens and cost by task and target.

        >>> [(cell.task, cell.target, cell.get("attempted").value) for cell in run.table().cells]
        [('add', 'sim', 6)]
        """
        return self._derived.table

    def ladders(self, *, tolerance: float | None = None) -> tuple[Ladder, ...]:
        """Return latency, cost and accuracy by prompt size, a ladder for each target; empty without such prompts.

        tolerance: how much accuracy may drop within the effective context; by default as the suite says.
        """
        return self._derived.ladders if tolerance is None else climb(self.requests(), tolerance=tolerance)

    def score(
        self,
        suite: str | Path | Mapping[str, Any] | None = None,
        *,
        on_progress: OnProgress = ignore,
        on_notice: OnNotice = ignore,
    ) -> None:
        """Score all stored answers again and write the tables again.

        suite: score by its scorers instead of the run's own.

        >>> run.score()
        """
        chosen = Path(suite) if isinstance(suite, str) else suite
        score_run(self.folder, watch=Watch(on_progress, on_notice), suite=chosen, again=True)
        self._derived = _Derived(self.folder)
        self.write(on_notice=on_notice)

    def write(self, *, on_notice: OnNotice = ignore) -> None:
        """Write requests.parquet, the tables and, where prompts have sizes, the ladders and their pictures."""
        from evalrun.requests import export

        export.write(self.requests())
        written = files("table", [table_page(self.table())])
        ladders = [(one.target.name, one) for one in self.ladders()]
        if ladders:
            written |= files("ladder", [ladder_page(ladders)])
        written["table.json"] = sealed(written["table.json"])
        for name, data in written.items():
            replace_file(self.folder / name, [data])
        pictures = draw_ladders(ladders, self.folder, on_notice=on_notice)
        replace_file(self.folder / "report.html", [self._report(pictures)])

    def report(self, *others: str | Path, across_prompts: bool = False) -> bytes:
        """Return one HTML file about the run, compared with it about other runs too. docs/report.md says what it shows.

        >>> run.report().startswith(b"<!doctype html>")
        True
        """
        from evalrun.compare.ab import compare_run
        from evalrun.compare.contrast import compare
        from evalrun.compare.read import read_run
        from evalrun.report.compare import contrast_page
        from evalrun.report.picture import ladder_pictures

        runs = [open_run(other) for other in others]
        compared: list[Contrast] = []
        if others or len(self.manifest.targets) > 1:
            base, *sides = (read_run(run.folder) for run in (self, *runs))  # named without the rest of their paths
            compared = [compare(base, side, across_prompts=across_prompts) for side in sides] or compare_run(base)
        pictures = ladder_pictures([(one.target.name, one) for one in self.ladders()], forms=("svg",))
        return self._report(pictures, runs, [contrast_page(one) for one in compared], history=True)

    def _report(
        self,
        pictures: Mapping[str, bytes],
        others: "Sequence[Run]" = (),
        comparisons: Sequence[Page] = (),
        *,
        history: bool = False,
    ) -> bytes:
        """Return the HTML file. pictures: of the ladders. history: whether to look at all runs of the suite."""
        from evalrun.compare.beside import beside
        from evalrun.report.html import report

        ladders = []
        if self.ladders():
            page = ladder_page([(one.target.name, one) for one in self.ladders()])
            ladders.append((page, [data for name, data in pictures.items() if name.endswith(".svg")]))
        runs = (self, *others)
        return report(
            [run.requests() for run in runs], [run.table() for run in runs], comparisons=comparisons, ladders=ladders,
            histories=_history(self.folder) if history else (), beside=beside(self.folder),
        )  # fmt: skip

    def gate(
        self,
        *,
        rules: Sequence[str] = (),
        baseline: str | Path | None = None,
        baselines: str | Path = BASELINES,
        across_prompts: bool = False,
        on_notice: OnNotice = ignore,
    ) -> "Gate":
        """Judge the run by rules; `Gate.word` is `pass`, `regressed` or `inconclusive`. docs/gates.md has the rules.

        rules: in place of the suite's own. baseline: the name of one in `baselines`, or the folder of another run; a
        missing one is a notice, and inconclusive. across_prompts: compare with it even if the prompts differ.

        >>> run.gate(rules=["failed <= 1 %"]).word
        'pass'
        """
        from evalrun.gate.judge import judge

        name = None if baseline is None else str(baseline)
        criteria = Criteria(tuple(rules), baseline=name, baselines=Path(baselines), across_prompts=across_prompts)
        asked, new, base = criteria.sides(self.folder, on_notice=on_notice)
        return judge(asked, new, base, across_prompts=across_prompts)


class _Derived:
    """What is derived from a run's folder, each of it once, when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def requests(self) -> Requests:
        return read(self._folder, gaps=True)

    @cached_property
    def table(self) -> Table:
        return tabulate(self.requests)

    @cached_property
    def ladders(self) -> tuple[Ladder, ...]:
        return climb(self.requests)


def open_run(folder: str | Path) -> Run:
    """Open a stored run: its folder, or a suite's folder of runs, whose newest it is.

    Raises StoreError where there is none.

    >>> open_run("results/sums").manifest.suite_name
    'sums'
    """
    return Run(run_folder(Path(folder)))


def draw_ladders(ladders: Sequence[tuple[str, Ladder]], folder: Path, *, on_notice: OnNotice) -> dict[str, bytes]:
    """Draw labelled ladders into PNG and SVG files of a folder; none are drawn where there are no ladders."""
    if not ladders:
        return {}
    from evalrun.report.picture import ladder_pictures

    drawn = ladder_pictures(ladders)
    for name, data in drawn.items():
        replace_file(folder / name, [data])
    on_notice(f"pictures: {', '.join(str(folder / name) for name in drawn if name.endswith('.png'))}")
    return drawn


def _history(folder: Path) -> "list[tuple[Page, list[bytes]]]":
    """Return the page and the picture of a suite's runs over time; nothing where there is one run alone."""
    from evalrun.history import recall, update
    from evalrun.report.history import history_page
    from evalrun.report.picture import history_pictures

    suite = folder.absolute().parent
    if len(list(suite.glob("*/manifest.json"))) < 2:
        return []
    rows, notes = update(suite)
    found = recall(rows, suite.name, notes=notes)
    if not found.series:
        return []
    return [(history_page(found), list(history_pictures(found, forms=("svg",)).values()))]


# ---------------------------------------------------------------- comparing and judging


def compare_runs(
    base: str | Path, *new: str | Path, baselines: str | Path = BASELINES, across_prompts: bool = False
) -> "list[Contrast]":
    """Compare runs with the first of them, or the targets of one run: paired differences, and the answers that flipped.

    base, new: the folder of a run or of a suite's runs, a table.json, or the name of a baseline in `baselines`.
    across_prompts: compare even if their prompts differ.
    Raises SuiteError where two sides cannot be compared, StoreError where there is no such side.

    >>> [contrast] = compare_runs(run.folder, run.folder)
    >>> contrast.pairs[0].row("accuracy").comparison.difference
    0.0
    """
    from evalrun.compare.ab import compare_run
    from evalrun.compare.contrast import compare
    from evalrun.compare.read import load

    first, *others = load([str(base), *map(str, new)], baselines=Path(baselines))
    if not new and first.kind == "run":
        return compare_run(first)
    if not new:
        raise SuiteError("compare: only one side; name two, the base first: evalrun compare BASE NEW")
    return [compare(first, other, across_prompts=across_prompts) for other in others]


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a run is judged by. rules: as they are typed, in place of the suite's own. baseline: a name or a folder."""

    rules: tuple[str, ...] = ()
    baseline: str | None = None
    baselines: Path = BASELINES
    across_prompts: bool = False

    def sides(self, folder: Path, *, on_notice: OnNotice) -> "tuple[list[Rule], Side, Side | None]":
        """Read the rules, the run and its baseline; a baseline that is missing is None, and a notice."""
        from evalrun.compare.read import exists, load
        from evalrun.gate.judge import rules

        asked = rules(self.rules)  # before a million records are read
        wanted = [str(folder)]
        if self.baseline is not None and exists(self.baseline, baselines=self.baselines):
            wanted.append(self.baseline)
        elif self.baseline is not None:
            kept = sorted(path.name for path in self.baselines.glob("*/")) if self.baselines.is_dir() else []
            on_notice(f"no baseline {self.baseline} in {self.baselines}; it has {', '.join(kept) or 'none'}")
        new, *rest = load(wanted, baselines=self.baselines)
        if new.kind != "run":
            raise SuiteError(f"{folder}: not a run; a gate judges the folder of a run, like results/SUITE/UTC-HASH")
        return asked or rules(new.gates), new, rest[0] if rest else None
