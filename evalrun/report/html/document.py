"""The skeleton of a report: what it says first, its sections, and the data that its script shows."""

import base64
import html
import json
from collections.abc import Iterator, Sequence

from evalrun.report.html import bars, charts, markup
from evalrun.report.html.samples import COLUMNS, STATES, ReportSamples, embedded
from evalrun.report.page import Page, Quantity, Text, Verbatim, name
from evalrun.report.quantity import explained, label, of_metric
from evalrun.report.table import table_page
from evalrun.requests import Requests
from evalrun.requests.rows import State
from evalrun.table import Cell, Table

HEADLINES = (
    ("attempted", ""), ("failed", ""), ("accuracy", ""), ("ttft_s", "p50"), ("ttft_s", "p95"), ("tpot_s", "p50"),
    ("e2e_s", "p50"), ("output_throughput", ""), ("cost_usd", ""), ("cost_per_correct_usd", ""),
)  # fmt: skip
FILTERS = (
    ("", "all samples"), ("not_right", "not right"), ("flip", "flipped"),
    *((state.name.lower(), bars.PARTS[state]) for state in State),
)  # fmt: skip

IllustratedPage = tuple[Page, Sequence[bytes]]
"""A page with its pictures, as SVG."""


def report(
    runs: Sequence[Requests],
    tables: Sequence[Table],
    *,
    comparisons: Sequence[Page] = (),
    ladders: Sequence[IllustratedPage] = (),
    histories: Sequence[IllustratedPage] = (),
    beside: Sequence[str] = (),
) -> bytes:
    """Return the HTML file of runs with their tables, the first of which is the base of all comparisons.

    beside: the names of runs that asked the same, to compare with.
    """
    found, pages = embedded(runs), list(map(table_page, tables))
    title = " against ".join(map(_title, tables))
    parts = [f"<h1>{markup.escaped(title)}</h1>"]
    for run, table, page in zip(runs, tables, pages, strict=True):
        parts += _summary(run, table, page, several=len(runs) > 1)
    parts += map(markup.page, comparisons)
    parts += [bars.accuracies(table, _title(table) if len(runs) > 1 else "") for table in tables]
    parts.append(_pictures(runs, tables))
    parts += [_illustrated(*each) for each in ladders]
    parts.append(_samples(found))
    parts += [_illustrated(*each) for each in histories]
    parts += map(_all_numbers, tables, pages)
    parts += [_fingerprints(table) for table in tables]
    parts.append(_beside(beside, tables[0]))
    return _document(title, "".join(parts), _data(runs, found), found).encode()


# ---------------------------------------------------------------- sections


def _title(table: Table) -> str:
    return f"{table.context.suite}, {table.context.run.rpartition('/')[2]}"


def _summary(run: Requests, table: Table, shown: Page, *, several: bool) -> Iterator[str]:
    """Yield the answer in one screen: what was asked, what must be known first, the numbers that matter most."""
    created = run.run.manifest.created.strftime("%Y-%m-%d %H:%M UTC")
    yield f"<h2>{markup.escaped(_title(table))}</h2>" if several else ""
    yield f'<p class="about">started {created}</p>'
    yield "".join(f'<p class="about">{markup.words(line)}</p>' for line in shown.about)
    yield markup.alerts(shown.alerts)
    yield _headline(table)
    yield bars.parts(run)
    yield from (f"<h3>{markup.words(one.title)}</h3><ul>{markup.listed(one.items)}</ul>" for one in shown.sections)


def _headline(table: Table) -> str:
    """Return the numbers that matter most, a row for each task and target, and what their marks mean."""
    keys = [key for key in HEADLINES if any(cell.get(*key) for cell in table.cells)]

    def row(cell: Cell) -> Iterator[Text]:
        yield (name(cell.task), ", ", name(cell.target))
        for key in keys:
            metric = cell.get(*key)
            yield "-" if metric is None else of_metric(metric, ())

    rows = [list(row(cell)) for cell in table.cells]
    numbers = [value for each in rows for value in each if isinstance(value, Quantity)]
    heads = ("", *(label(*key) for key in keys))
    return markup.table(heads, rows, caption="In short") + markup.notes(explained(numbers, ()))


def _pictures(runs: Sequence[Requests], tables: Sequence[Table]) -> str:
    found = "".join(_picture(caption, picture) for caption, picture in charts.pictures(runs, tables))
    return f'<h2>Latency, cost and accuracy</h2><div class="charts">{found}</div>' if found else ""


def _illustrated(page: Page, pictures: Sequence[bytes]) -> str:
    frames = "".join(
        f'<div class="scroll large" tabindex="0" role="group" aria-label="picture">{_picture("", picture)}</div>'
        for picture in pictures
    )
    return f"<h2>{markup.words(page.title)}</h2>{frames}{markup.contents(page)}"


def _picture(caption: str, picture: bytes) -> str:
    source = base64.b64encode(picture).decode()
    title = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    words = html.escape(caption or "picture of the numbers below")
    return f'<figure>{title}<img class="chart" alt="{words}" src="data:image/svg+xml;base64,{source}"></figure>'


def _samples(found: ReportSamples) -> str:
    """Return the frame that the script fills with the list of samples and one sample's details."""
    states = "".join(f'<option value="{value}">{words}</option>' for value, words in FILTERS)
    note = f'<p class="about">{html.escape(found.left_out)}</p>' if found.left_out else ""
    return (
        f'<h2 id="samples" tabindex="-1">Samples</h2>{note}'
        "<noscript><p>The list of samples needs JavaScript.</p></noscript>"
        '<form id="filters" class="filters" role="search">'
        '<label>Search <input id="search" type="search" placeholder="id, question, answer"></label>'
        f'<label>Show <select id="state">{states}</select></label>'
        '<label>Task <select id="task"><option value="">all tasks</option></select></label>'
        '<label>Target <select id="target"><option value="">all targets</option></select></label>'
        '<label>Run <select id="run"><option value="">all runs</option></select></label>'
        '<label>Warning <select id="flag"><option value="">any</option></select></label></form>'
        '<p class="about"><span id="count" role="status"></span> '
        '<span class="keys">Keys: <kbd>j</kbd> and <kbd>k</kbd> open the next and the one before, '
        "<kbd>Esc</kbd> closes.</span></p>"
        '<div id="viewer"><div><div class="scroll" tabindex="0" role="group" aria-label="Samples">'
        '<table id="list"><thead><tr></tr></thead><tbody></tbody></table></div>'
        '<p class="pages"><button type="button" id="previous">previous</button> <span id="page"></span> '
        '<button type="button" id="next">next</button></p></div>'
        '<section id="detail" tabindex="-1" aria-label="One sample" hidden></section></div>'
    )


def _all_numbers(table: Table, shown: Page) -> str:
    blocks = "".join(map(markup.block, shown.blocks))
    return (
        f"<details><summary>All numbers of {markup.escaped(_title(table))}</summary>{blocks}"
        f"{markup.notes(shown.notes)}</details>"
    )


def _fingerprints(table: Table) -> str:
    """Return the fingerprints of what was asked: equal ones are what makes two runs comparable."""
    prints = table.context.fingerprints
    if not prints:
        return ""
    rows = [(Verbatim(part), Verbatim(print_)) for part, print_ in prints.items()]
    return (
        f"<details><summary>Fingerprints of {markup.escaped(_title(table))}</summary>"
        f"{markup.table(('of', 'fingerprint'), rows)}</details>"
    )


def _beside(names: Sequence[str], table: Table) -> str:
    """Return the runs of the same questions, with the command that compares this run with them."""
    if not names:
        return ""
    *above, suite, run = table.context.run.split("/")
    folder = "/".join((*above[-1:], suite))  # no more of the path: it may tell who wrote the report
    commands = "".join(f"<li><code>evalrun compare {markup.escaped(f'{folder}/{each} {folder}/{run}')}</code></li>"
                       for each in names)  # fmt: skip
    return f"<h2>What to compare with</h2><p>Runs with the same data and prompts:</p><ul>{commands}</ul>"


# ---------------------------------------------------------------- the file


def _data(runs: Sequence[Requests], found: ReportSamples) -> str:
    """Return what the script has to know of the packed rows, as JSON that no parser of HTML ends early."""
    data = {
        "columns": COLUMNS,
        "states": {state: bars.PARTS[State[state.upper()]] for state in STATES},
        "runs": [run.run.folder.name for run in runs],
        "texts": found.texts,
    }
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("##", "#\\u0023")


def _document(title: str, main: str, data: str, found: ReportSamples) -> str:
    style, script = markup.asset(__package__, "report.css"), markup.asset(__package__, "report.js")
    policy = (
        f"default-src 'none'; style-src {markup.allowed(style)}; script-src {markup.allowed(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    packed = "".join(
        f'<script type="application/octet-stream" class="{kind}">{text}</script>\n'
        for kind, text in (("rows", found.rows), *(("part", part) for part in found.parts))
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{markup.escaped(title)}</title>\n<style>{style}</style></head><body>\n"
        '<a class="skip" href="#samples">to the samples</a>'
        '<header><span>evalrun</span><button type="button" id="theme" aria-pressed="false">dark</button></header>\n'
        f"<main>{main}</main>\n"
        f'<script type="application/json" id="data">{data}</script>\n{packed}<script>{script}</script></body></html>\n'
    )
