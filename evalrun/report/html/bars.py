"""Shares and accuracies as bars beside their numbers. Everything a bar shows is in the text too; computes nothing."""

import html
from collections.abc import Iterator, Sequence

import numpy as np

from evalrun.report.html import markup
from evalrun.report.page import Text, name
from evalrun.report.quantity import label, of_metric
from evalrun.requests import Requests
from evalrun.requests.rows import State
from evalrun.table import Cell, Metric, Table

PARTS: dict[State, str] = {
    State.RIGHT: "right",
    State.WRONG: "wrong",
    State.NO_ANSWER: "no answer found",
    State.DISPUTED: "disputed",
    State.UNSCORED: "unscored",
    State.TRUNCATED: "truncated",
    State.FAILED: "failed",
    State.REFUSED: "refused, too long",
}
"""What became of a request; the parts add up to all of them."""
FOLDED = 60  # rows from which on a table is folded


def parts(requests: Requests) -> str:
    """Return what became of the requests, a bar for each task and target; a bar is 100 % of them."""
    bars, seen = [], set()
    for task, target in requests.places:
        counts = np.bincount(requests.of(task, target).state, minlength=len(State))
        found = {state: int(counts[state]) for state in State if counts[state]}
        seen |= set(found)
        bars.append(_bar((name(task), ", ", name(target)), found))
    kinds = "".join(
        f'<li class="{state.name.lower()}">{html.escape(said)}</li>' for state, said in PARTS.items() if state in seen
    )
    return f'<h2>What became of the requests</h2><ul class="legend">{kinds}</ul>{"".join(bars)}' if bars else ""


def _bar(title: Text, counts: dict[State, int]) -> str:
    total, begin, rects = sum(counts.values()), 0.0, []
    for state, n in counts.items():
        wide = 100 * n / total
        rects.append(f'<rect class="{state.name.lower()}" x="{begin:.3f}" y="0" width="{wide:.3f}" height="6"></rect>')
        begin += wide
    said = ", ".join(f"{PARTS[state]} {n:,} ({100 * n / total:.1f} %)" for state, n in counts.items())
    return (
        f'<figure class="parts"><figcaption><b>{markup.words(title)}</b>: {html.escape(said)}</figcaption>'
        f'<svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">{"".join(rects)}</svg></figure>'
    )


def accuracies(table: Table, of: str = "") -> str:
    """Return accuracy with its interval by task, target, scorer and group of samples, as tables with whiskers.

    of: the run, where there are several.
    """
    found = []
    for task in dict.fromkeys(cell.task for cell in table.cells if cell.task is not None):
        rows = list(_rows([cell for cell in table.cells if cell.task == task]))
        if rows:
            body = _table(name(task), rows)
            title = f"<summary>{markup.words(name(task))}: {len(rows)} accuracies</summary>"
            found.append(f"<details>{title}{body}</details>" if len(rows) > FOLDED else body)
    title = f"Accuracy, with 95 % intervals{': ' if of else ''}{markup.escaped(of)}"
    return f"<h2>{title}</h2>{''.join(found)}" if found else ""


def _rows(cells: Sequence[Cell]) -> Iterator[tuple[Text, Metric]]:
    """Yield a label and an accuracy: the headline of each target, then each other scorer and each group."""
    named = [one for cell in cells for one in cell.metrics if one.name in ("accuracy", "accuracy_by")]
    for key in dict.fromkeys((one.name, one.of) for one in named):
        for cell in cells:
            if (metric := cell.get(*key)) is not None:
                yield (label(*key), *((", ", name(cell.target)) if len(cells) > 1 else ())), metric


def _table(title: Text, rows: Sequence[tuple[Text, Metric]]) -> str:
    body = "".join(
        f'<tr><th scope="row">{markup.words(said)}</th>{markup.number(of_metric(metric, ()))}'
        f'<td class="whisker">{_whisker(metric)}</td></tr>'
        for said, metric in rows
    )
    heads = '<tr><th scope="col"></th><th scope="col" class="number">accuracy</th><td>0 to 100 %</td></tr>'
    return markup.framed(title, f"<thead>{heads}</thead><tbody>{body}</tbody>", wide=True)


def _whisker(metric: Metric) -> str:
    if metric.value is None:
        return ""
    value = 100 * float(metric.value)
    low, high = (value if end is None else 100 * end for end in (metric.low, metric.high))
    bad = ' class="invalid"' if "invalid" in metric.marks else ""
    lines = "".join(f'<rect class="rule" x="{at}" y="0" width="0.2" height="8"></rect>' for at in (0, 25, 50, 75, 99.8))
    return (
        f'<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"{bad}>{lines}'
        f'<rect class="span" x="{low:.2f}" y="3" width="{max(high - low, 0.2):.2f}" height="2"></rect>'
        f'<rect class="value" x="{min(value, 99.2):.2f}" y="1" width="0.8" height="6"></rect></svg>'
    )
