"""The HTML of the browser's pages. Every text of a run goes through `markup`; the policy allows no inline code."""

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlencode

from evalrun import units
from evalrun.explain import DEFINITIONS
from evalrun.report.html import markup
from evalrun.report.page import Page, Text, Verbatim
from evalrun.report.quantity import label
from evalrun.requests import Requests
from evalrun.requests.rows import State
from evalrun.types import Completion, Failure, Record, Score
from evalrun.view.runs import SHOWN, ListedRun
from evalrun.view.samples import PAGE, SORTS, FoundSamples, SampleFilter

MOST_TEXT = 1_000_000  # characters of one text that are shown


def runs_page(base: str, runs: Sequence[ListedRun]) -> str:
    """Return the list of runs, of which two can be picked to be compared."""
    heads = "".join(
        f'<th scope="col">{html.escape(text)}</th>'
        for text in ("base", "new", "run", "started", "state", "targets", *(markup.words(label(*key)) for key in SHOWN))
    )
    body = "".join(f"<tr>{''.join(_run_cells(base, run))}</tr>" for run in runs)
    table = (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
    )
    empty = "<p>There are no runs in this folder yet.</p>" if not runs else ""
    form = f'<form action="{base}compare" method="get">{table}<button type="submit">compare</button></form>'
    return _document("Runs", f"<h1>Runs</h1>{empty or form}", base=base)


def _run_cells(base: str, run: ListedRun) -> Iterator[str]:
    name = markup.escaped(run.path)
    for side in ("base", "new"):
        picker = f'<input type="radio" name="{side}" value="{name}" aria-label="{side}: {name}">'
        yield f"<td>{picker if run.state != 'damaged' else ''}</td>"
    link = f'<a href="{base}run?{_query(path=run.path)}">{name}</a>'
    yield f'<th scope="row">{name if run.state == "damaged" else link}</th>'
    yield f"<td>{run.created:%Y-%m-%d %H:%M}</td>" if run.state != "damaged" else "<td>-</td>"
    yield f"<td>{run.state}{': ' + markup.escaped(run.why) if run.why else ''}</td>"
    yield f"<td>{', '.join(map(markup.escaped, run.targets))}</td>"
    yield from (f'<td class="number">{markup.escaped(run.numbers.get(key, "-"))}</td>' for key in SHOWN)


def run_page(base: str, path: str, page: Page, *, running: bool) -> str:
    """Return the tables of a run; of one in progress, how far it is."""
    links = [("samples", "samples"), ("report", "report with pictures")]
    nav = " · ".join(f'<a href="{base}{to}?{_query(path=path)}">{text}</a>' for to, text in links)
    progress = f"{base}progress?{_query(path=path)}"
    live = f'<p id="live" role="status" data-progress="{progress}">in progress</p>' if running else ""
    return _document(path, f"<p>{nav}</p>{live}{_page(page)}", base=base, script=running)


def _page(page: Page) -> str:
    return f"<h1>{markup.words(page.title)}</h1>{markup.contents(page)}"


def compare_page(base: str, title: str, pages: Iterable[Page]) -> str:
    """Return the comparison of two runs."""
    return _document(title, "".join(map(_page, pages)), base=base)


def samples_page(base: str, path: str, requests: Requests, wish: SampleFilter, found: FoundSamples) -> str:
    """Return a page of samples with its filters, as links and a form that need no script."""
    last = max(0, (found.total - 1) // PAGE)
    pages = [("previous", wish.page - 1), ("next", wish.page + 1)]
    links = " ".join(
        f'<a href="{base}samples?{_query(path=path, page=str(to), **wish.given)}">{text}</a>'
        for text, to in pages
        if 0 <= to <= last
    )
    heads = ("sample", "task", "target", "result", "score", "answer", "expected", "TTFT", "E2E", "tokens", "cost")
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(
        f"<tr>{''.join(_sample_cells(base, path, requests, row, record, score))}</tr>"
        for row, record, score in found.rows
    )
    main = (
        f'<p><a href="{base}run?{_query(path=path)}">{markup.escaped(path)}</a></p><h1>Samples</h1>'
        f"{_filters(base, path, requests, wish)}"
        f'<p role="status">{found.total:,} samples, page {wish.page + 1:,} of {last + 1:,}</p>'
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f'<p class="pages">{links}</p>'
    )
    return _document(f"Samples of {path}", main, base=base)


def _filters(base: str, path: str, requests: Requests, wish: SampleFilter) -> str:
    states = {"": "all", "not_right": "not right"} | {
        state.name.lower(): state.name.lower().replace("_", " ") for state in State
    }
    sorts = {"": "as they were asked"}
    for name in SORTS:
        words = DEFINITIONS[name].label if name in DEFINITIONS else name
        sorts |= {name: f"{words}, least first", f"-{name}": f"{words}, most first"}
    chosen = {
        "state": states,
        "task": {"": "all", **{task: task for task in requests.tasks}},
        "target": {"": "all", **{target: target for target in requests.targets}},
        "flag": {"": "any", **{flag: flag.replace("_", " ") for flag in requests.names["flags"]}},
        "sort": sorts,
    }
    boxes = "".join(
        f'<label>{name} <select name="{name}">{_options(options, getattr(wish, name))}</select></label>'
        for name, options in chosen.items()
    )
    hidden = f'<input type="hidden" name="path" value="{markup.escaped(path)}">'
    button = '<button type="submit">show</button>'
    return f'<form class="filters" action="{base}samples" method="get">{hidden}{boxes}{button}</form>'


def _options(options: Mapping[str, str], chosen: str) -> str:
    made = []
    for value, text in options.items():
        selected = " selected" if value == chosen else ""
        made.append(f'<option value="{html.escape(value)}"{selected}>{markup.escaped(text)}</option>')
    return "".join(made)


def _sample_cells(
    base: str, path: str, requests: Requests, row: int, record: Record, score: Score | None
) -> Iterator[str]:
    outcome, timing = record.outcome, record.timing
    link = f"{base}sample?{_query(path=path, row=str(row))}"
    repeat = f" (repeat {record.repeat + 1})" if record.repeat else ""
    yield f'<th scope="row"><a href="{link}">{_cut(record.sample.id)}{repeat}</a></th>'
    yield f"<td>{_cut(record.sample.task)}</td><td>{_cut(record.target)}</td>"
    yield f"<td>{State(int(requests.state[row])).name.lower().replace('_', ' ')}</td>"
    yield f'<td class="number">{"-" if score is None or score.value is None else f"{score.value:g}"}</td>'
    yield f"<td>{_cut(score.answer) if score and score.answer is not None else '-'}</td>"
    yield f"<td>{_cut(record.sample.expected) if record.sample.expected is not None else '-'}</td>"
    for value in (timing.ttft_s if timing else None, timing.e2e_s if timing else None):
        yield f'<td class="number">{"-" if value is None else html.escape(units.seconds(value))}</td>'
    tokens = outcome.tokens if isinstance(outcome, Completion) else None
    yield f'<td class="number">{"-" if tokens is None else f"{tokens:,}"}</td>'
    yield f'<td class="number">{html.escape(units.reading(record.cost_usd, unit="usd"))}</td>'


def sample_page(base: str, path: str, record: Record, scores: Mapping[str, Score]) -> str:
    """Return all of one sample: what was asked and answered, how it was judged, what it took."""
    outcome = record.outcome
    parts = [
        f'<p><a href="{base}samples?{_query(path=path)}">samples of {markup.escaped(path)}</a></p>',
        f"<h1>{markup.escaped(record.sample.id)}</h1>",
        markup.table(("", ""), list(_facts(record, scores))),
    ]
    parts += [_text(message.role, message.content) for message in record.sample.messages]
    if isinstance(outcome, Failure):
        parts += [_text("partial answer", outcome.partial)] if outcome.partial else []
    else:
        parts += [_text("reasoning", outcome.reasoning, closed=True)] if outcome.reasoning else []
        parts.append(_text("answer", outcome.text))
        parts += [_text(f"calls {call.name}", call.arguments) for call in outcome.tool_calls]
    return _document(record.sample.id, "".join(parts), base=base)


def _facts(record: Record, scores: Mapping[str, Score]) -> Iterator[tuple[Text, Text]]:
    outcome, timing = record.outcome, record.timing
    yield "task, target", (Verbatim(record.sample.task), ", ", Verbatim(record.target))
    yield "expected", Verbatim(record.sample.expected) if record.sample.expected is not None else "-"
    for name, score in scores.items():
        value = "no score" if score.value is None else f"{score.value:g}"
        read = "no answer found" if score.answer is None else ("read ", Verbatim(score.answer))
        rule = (" by ", Verbatim(score.rule)) if score.rule else ""
        why = ("; ", Verbatim(score.why or score.error or "")) if score.why or score.error else ""
        yield Verbatim(name), (f"{value}; ", read, rule, why)
    if isinstance(outcome, Failure):
        yield "failed", (outcome.kind, ": ", Verbatim(outcome.message))
    else:
        yield "ended with", Verbatim(outcome.finish_reason or "-")
        yield "tokens", "-" if outcome.tokens is None else f"{outcome.tokens:,}"
        yield "warnings", ", ".join(outcome.flags) or "none"
    yield "cost", units.reading(record.cost_usd, unit="usd")
    for name in ("connect_s", "first_byte_s", "ttft_s", "ttfo_s", "e2e_s", "stream_s") if timing else ():
        if (value := getattr(timing, name)) is not None:
            yield name.removesuffix("_s").replace("_", " "), units.seconds(value)
    for attempt in record.attempts:
        took = f" after {units.seconds(attempt.took_s)}: "
        yield "an earlier attempt", (attempt.failure.kind, took, Verbatim(attempt.failure.message))


def _text(title: str, text: str, *, closed: bool = False) -> str:
    """Return a text with its own lines, each of which only displays."""
    shown = "\n".join(map(markup.escaped, text[:MOST_TEXT].split("\n")))
    more = f"\n(+{len(text) - MOST_TEXT:,} characters)" if len(text) > MOST_TEXT else ""
    return (
        f"<details{'' if closed else ' open'}><summary>{markup.escaped(title)}</summary>"
        f'<pre tabindex="0">{shown}{more}</pre></details>'
    )


def _cut(text: str) -> str:
    return markup.escaped(text if len(text) <= 80 else text[:78] + "..")


def _query(**fields: str) -> str:
    return html.escape(urlencode(fields, errors="surrogatepass"))


def error_page(base: str, text: str) -> str:
    """Return what went wrong with a run."""
    return _document("Error", f"<h1>Error</h1><p>{markup.escaped(text)}</p>", base=base)


# ---------------------------------------------------------------- the skeleton


def _style() -> str:
    return markup.asset("evalrun.report.html", "report.css")


def _script() -> str:
    return markup.asset(__package__, "view.js")


def policy() -> str:
    """Return the content security policy of every page but the report, which has its own."""
    return (
        f"default-src 'none'; style-src {markup.allowed(_style())}; script-src {markup.allowed(_script())}; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _document(title: str, main: str, *, base: str, script: bool = False) -> str:
    code = f"<script>{_script()}</script>" if script else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{markup.escaped(title)} - evalrun</title><style>{_style()}</style></head><body>"
        f'<header><a href="{base}">evalrun: all runs</a></header><main>{main}</main>{code}</body></html>\n'
    )
