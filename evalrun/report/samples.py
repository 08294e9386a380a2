"""The page of a list of samples, and its rows for machines. Texts are read only of the rows that are shown."""

import csv
import io
from collections.abc import Iterator, Sequence

from evalrun import escape, units
from evalrun.report.page import Block, BlockRow, Page, Text, Verbatim, name
from evalrun.report.quantity import measured
from evalrun.requests import Requests, State
from evalrun.stats.interval import Whole
from evalrun.types import Completion, Failure, Json

CLIP = 22  # characters of a text in a table
MACHINE = (
    "task", "target", "sample", "repeat", "state", "score", "answer", "expected", "ttft_s", "e2e_s", "tokens",
    "cost_usd", "flags", "text",
)  # fmt: skip
"""The fields of a row for machines."""


def samples_page(requests: Requests, rows: Whole, *, found: int) -> Page:
    """Return the page of some rows. found: how many there are, shown or not."""
    several = {
        "task": len(requests.tasks) > 1,
        "target": len(requests.targets) > 1,
        "repeat": requests.repeated,
    }
    extra = [column for column, shown in several.items() if shown]
    listed = list(listing(requests, rows))
    heads = (*extra, "state", "score", "answer", "expected", "TTFT", "E2E", "tokens", "flags")
    shown = [BlockRow(_clipped(str(row["sample"])), _cells(row, extra)) for row in listed]
    less = f"{len(rows):,} of {found:,} requests are shown; --limit N shows more" if len(rows) < found else ""
    count = f": {units.count(found)} request{'' if found == 1 else 's'}"
    return Page(
        title=("samples of ", Verbatim(str(requests.run.folder)), count),
        blocks=[Block("id", heads, shown, dense=True)] if shown else [],
        notes=[less] if less else [],
        data=listed,
    )


def listing(requests: Requests, rows: Whole) -> Iterator[dict[str, Json]]:
    """Yield a row for machines for each of some rows."""
    for row in rows.tolist():
        record, score = requests.record(row), requests.score(row)
        outcome, timing = record.outcome, record.timing
        text = outcome.text if isinstance(outcome, Completion) else outcome.message
        values = (
            record.sample.task, record.target, record.sample.id, record.repeat,
            State(int(requests.state[row])).name.lower(), None if score is None else score.value,
            None if score is None else score.answer, record.sample.expected, timing and timing.ttft_s,
            timing and timing.e2e_s, outcome.tokens if isinstance(outcome, Completion) else None,
            None if record.cost_usd is None else f"{record.cost_usd:f}",
            requests.texts("flags", row), text,
        )  # fmt: skip
        if isinstance(outcome, Failure):
            values = (*values[:-2], [outcome.kind], text)
        yield dict(zip(MACHINE, values, strict=True))


def _cells(row: dict[str, Json], extra: Sequence[str]) -> list[Text]:
    answer = row["answer"] if row["answer"] is not None else row["text"]
    score = units.UNKNOWN if row["score"] is None else f"{row['score']:.3g}"
    names = [name(row[column]) if isinstance(row[column], str) else str(row[column]) for column in extra]
    times = [measured(of, row[of], unit="s", where=()) for of in ("ttft_s", "e2e_s")]
    expected = units.UNKNOWN if row["expected"] is None else _clipped(row["expected"])
    return [*names, str(row["state"]), score, _clipped(answer or ""), expected, *times, units.count(row["tokens"]),
            Verbatim(", ".join(row["flags"]))]  # fmt: skip


def _clipped(text: str) -> Text:
    """Return a text for a narrow column: the first characters of its last line, which has the answer mostly."""
    line = " ".join(text[:2_000].split())
    return Verbatim(line if len(line) <= CLIP else line[: CLIP - 2] + "..")


def csv_text(requests: Requests, rows: Whole) -> str:
    """Return rows as CSV, with texts that no spreadsheet takes for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(MACHINE)
    for row in listing(requests, rows):
        cells = (" ".join(cell) if isinstance(cell, list) else cell for cell in row.values())
        writer.writerow([escape.csv(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()
