"""The skeleton of a report: what it says first, its sections, and the data that its script shows."""

import base64
import hashlib
import html
import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

import numpy as np

from evalrun.report.html import charts, markup
from evalrun.report.html.samples import COLUMNS, STATES, ReportSamples, embedded
from evalrun.report.page import Page, Text, name
from evalrun.report.quantity import label, of_metric
from evalrun.report.table import table_page
from evalrun.requests import Requests
from evalrun.requests.rows import State
from evalrun.table import Cell, Table, tabulate

HEADLINES = (
    ("attempted", ""), ("failed", ""), ("accuracy", ""), ("ttft_s", "p50"), ("ttft_s", "p95"), ("tpot_s", "p50"),
    ("e2e_s", "p50"), ("output_throughput", ""), ("cost_usd", ""), ("cost_per_correct_usd", ""),
)  # fmt: skip
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
"""What became of the requests of a task; the parts add up to all of them."""
FILTERS = (("", "all samples"), ("not_right", "not right"), *((state.name.lower(), PARTS[state]) for state in State))


def report(runs: Sequence[Requests], pages: Sequence[Page] = ()) -> bytes:
    """Return the HTML file of runs, the first of which is the base of all comparisons.

    pages: comparisons, ladders and histories, shown below the tables.
    """
    tables, found = [tabulate(run) for run in runs], embedded(runs)
    title = " against ".join(map(_title, tables))
    return _document(title, "".join(_main(runs, tables, pages, found)), _data(runs, found), found.parts).encode()


def _title(table: Table) -> str:
    return f"{table.context.suite}, {table.context.run.rpartition('/')[2]}"


def _main(
    runs: Sequence[Requests], tables: Sequence[Table], pages: Sequence[Page], found: ReportSamples
) -> Iterator[str]:
    yield f"<h1>{markup.escaped(' against '.join(map(_title, tables)))}</h1>"
    for run, table in zip(runs, tables, strict=True):
        shown = table_page(table)
        created = run.run.manifest.created.strftime("%Y-%m-%d %H:%M UTC")
        yield f'<p class="about">{markup.escaped(_title(table))}: started {created}</p>'
        yield "".join(f'<p class="about">{markup.words(line)}</p>' for line in shown.about)
        yield markup.alerts(shown.alerts)
        yield _headline(table)
        yield _parts(run)
        items = "".join(f"<li>{markup.words(item)}</li>" for section in shown.sections for item in section.items)
        yield f"<h2>Worth a look</h2><ul>{items}</ul>" if items else ""
    for caption, picture, words in charts.pictures(runs):
        yield _picture(caption, picture, words)
    yield "".join(markup.page(page) for page in pages)
    yield _samples(found)
    for table in tables:
        shown = table_page(table)
        yield f"<details><summary>All numbers of {markup.escaped(_title(table))}</summary>"
        yield "".join(map(markup.block, shown.blocks)) + markup.notes(shown.notes) + "</details>"


def _headline(table: Table) -> str:
    """Return the numbers that matter most, a row for each task and target."""
    keys = [key for key in HEADLINES if any(cell.get(*key) for cell in table.cells)]

    def row(cell: Cell) -> Iterator[Text]:
        yield (name(cell.task), ", ", name(cell.target))
        for key in keys:
            metric = cell.get(*key)
            yield "-" if metric is None else of_metric(metric, ())

    heads = ("", *(label(*key) for key in keys))
    return markup.table(heads, map(row, table.cells), caption="In short")


def _parts(requests: Requests) -> str:
    """Return what became of the requests, a bar for each task and target."""
    bars = []
    for task, target in requests.places:
        states = np.bincount(requests.of(task, target).state, minlength=len(State))
        bars.append(_bar(f"{task}, {target}", {state: int(states[state]) for state in State if states[state]}))
    kinds = "".join(f'<li class="{state.name.lower()}">{html.escape(words)}</li>' for state, words in PARTS.items())
    return f'<h2>What became of the requests</h2><ul class="legend">{kinds}</ul>{"".join(bars)}'


def _bar(title: str, counts: dict[State, int]) -> str:
    total, begin, parts = sum(counts.values()), 0.0, []
    for state, n in counts.items():
        wide = 100 * n / total
        parts.append(
            f'<rect class="{state.name.lower()}" x="{begin:.3f}" y="0" width="{wide:.3f}" height="6">'
            f"<title>{html.escape(PARTS[state])}: {n:,} of {total:,}</title></rect>"
        )
        begin += wide
    said = ", ".join(f"{PARTS[state]} {n:,} ({100 * n / total:.1f} %)" for state, n in counts.items())
    picture = "".join(parts)
    return (
        f'<figure class="parts"><figcaption><b>{markup.escaped(title)}</b>: {html.escape(said)}</figcaption>'
        f'<svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">{picture}</svg></figure>'
    )


def _picture(caption: str, picture: bytes, words: str) -> str:
    source = base64.b64encode(picture).decode()
    return (
        f'<figure><figcaption>{html.escape(caption)}</figcaption><img class="chart" alt="{markup.escaped(words)}" '
        f'src="data:image/svg+xml;base64,{source}"></figure>'
    )


def _samples(found: ReportSamples) -> str:
    """Return the frame that the script fills with the list of samples and one sample's details."""
    states = "".join(f'<option value="{value}">{words}</option>' for value, words in FILTERS)
    note = f'<p class="about">{html.escape(found.left_out)}</p>' if found.left_out else ""
    return (
        f'<h2 id="samples">Samples</h2>{note}<noscript><p>The list of samples needs JavaScript.</p></noscript>'
        '<form id="filters" class="filters" role="search">'
        '<label>Search <input id="search" type="search" placeholder="id, question, answer"></label>'
        f'<label>Show <select id="state">{states}</select></label>'
        '<label>Task <select id="task"><option value="">all tasks</option></select></label>'
        '<label>Target <select id="target"><option value="">all targets</option></select></label>'
        '<label>Warning <select id="flag"><option value="">any</option></select></label></form>'
        '<p id="count" role="status"></p>'
        '<div class="scroll" tabindex="0"><table id="list"><thead><tr></tr></thead><tbody></tbody></table></div>'
        '<p class="pages"><button type="button" id="previous">previous</button> <span id="page"></span> '
        '<button type="button" id="next">next</button></p>'
        '<section id="detail" tabindex="-1" aria-label="one sample" hidden></section>'
    )


def _data(runs: Sequence[Requests], found: ReportSamples) -> str:
    """Return the data as JSON that no parser of HTML ends early."""
    data = {
        "columns": COLUMNS,
        "states": {state: PARTS[State[state.upper()]] for state in STATES},
        "runs": [run.run.folder.name for run in runs],
        "rows": found.rows,
    }
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("##", "#\\u0023")


@cache
def _asset(file: str) -> str:
    return files("evalrun.report.html").joinpath(file).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _document(title: str, main: str, data: str, parts: Sequence[str]) -> str:
    style, script = _asset("report.css"), _asset("report.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    texts = "".join(f'<script type="application/octet-stream" class="part">{part}</script>' for part in parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{markup.escaped(title)}</title><style>{style}</style></head><body>"
        '<a class="skip" href="#samples">to the samples</a>'
        '<header><span>evalrun</span><button type="button" id="theme" aria-pressed="false">dark</button></header>'
        f"<main>{main}</main>"
        f'<script type="application/json" id="data">{data}</script>{texts}<script>{script}</script></body></html>\n'
    )
