"""The page of a list of runs: of each its name, when it was made, whether it is finished, and its headline numbers."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalrun import units
from evalrun.escape import clip
from evalrun.history import update
from evalrun.report.page import Block, BlockRow, Page, Text, Verbatim, name, sections
from evalrun.report.quantity import measured

if TYPE_CHECKING:
    import pyarrow as pa

NUMBERS = {"attempted": "count", "accuracy": "fraction", "cost_usd": "usd"}
COLUMNS = ("suite", "run", "created", "state", "target")
MOST_WHY = 200  # characters of why a folder is damaged


def runs_page(out: Path, suites: Sequence[Path]) -> Page:
    """Return the page of all runs of some suites' folders, the newest first; a line for each of its targets."""
    rows, notes = [], list[str]()
    for suite in suites:
        table, said = update(suite)
        rows += [{"suite": suite.name, **row} for row in _runs(table)]
        notes += said
    rows.sort(key=lambda row: (row["created"] is not None, row["created"] or 0, row["run"]), reverse=True)
    sound = [row for row in rows if row["state"] != "damaged"]
    lines = list(_lines(sound))
    damaged = ((_path(row), ": ", Verbatim(clip(row["why"], MOST_WHY))) for row in rows if row["state"] == "damaged")
    return Page(
        title=("runs in ", Verbatim(str(out)), f": {units.count(len(rows))}"),
        blocks=[Block("run", ("finished", "target", "n", "accuracy", "cost"), lines, dense=True)] if lines else [],
        sections=sections(("Damaged", damaged)),
        notes=tuple(map(Verbatim, notes)),
        columns=COLUMNS,
        quantities=[each for line in lines for each in line.values if not isinstance(each, str | tuple | Verbatim)],
        data=rows,
    )


def _runs(table: "pa.Table") -> Iterator[dict[str, Any]]:
    """Return each run with the numbers of its targets: over all tasks where it has several."""
    import pyarrow as pa
    from pyarrow import compute

    wanted = compute.is_in(table["metric"], pa.array([*NUMBERS], pa.string()))
    kept = compute.and_(wanted, compute.equal(table["of"], ""))
    facts = table.group_by(["run", "created", "state", "why"]).aggregate([]).to_pylist()
    columns = ["run", "task", "target", "metric", "alerts", "value", "low", "high", "n"]
    cells: dict[str, dict[str, dict[str | None, dict[str, Any]]]] = {}
    for row in table.filter(kept).select(columns).to_pylist():
        found = cells.setdefault(row["run"], {}).setdefault(row["target"], {}).setdefault(row["task"], {})
        found[row["metric"]] = (row["value"], row["low"], row["high"], row["n"])
        found["alerts"] = row["alerts"] or ""
    for fact in facts:
        targets = cells.get(fact["run"], {})
        whole = {target: tasks.get(None, next(iter(tasks.values()))) for target, tasks in targets.items()}
        yield {**fact, "targets": whole}


def _lines(rows: Sequence[dict[str, Any]]) -> Iterator[BlockRow]:
    for row in rows:
        path = _path(row)
        created = row["created"].isoformat(timespec="seconds") if row["created"] else ""
        place = (row["suite"], row["run"], created, row["state"])
        if not row["targets"]:
            yield BlockRow(path, [row["state"], *[units.UNKNOWN] * 4])
        for number, (target, found) in enumerate(row["targets"].items()):
            done = "no" if "unfinished" in found["alerts"] else "yes"
            yield BlockRow(path if number == 0 else "", [done, name(target), *_numbers(found, (*place, target))])


def _numbers(found: dict[str, Any], where: tuple[str, ...]) -> Iterator[Text]:
    for metric, unit in NUMBERS.items():
        value, low, high, n = found.get(metric, (None, None, None, None))
        value = int(value) if metric == "attempted" and value is not None else value
        yield measured(metric, value, low, high, unit=unit, n=n, where=where)


def _path(row: dict[str, Any]) -> Text:
    return (name(row["suite"]), "/", name(row["run"]))
