"""What a person reads of ladders, before it is laid out: a summary, a row for each size, notes. Lays out nothing.

`Labelled` is a ladder with its name on the page; several targets, or several runs of one, are several of them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from evalrun import units
from evalrun.explain import DEFINITIONS, MARKS
from evalrun.ladder import Ladder, Rung
from evalrun.report import lines
from evalrun.report.lines import Block, Encode, Row
from evalrun.table import Metric

Labelled = tuple[str, Ladder]

SUMMARY = ("ttft_exponent", "ttft_base_s", "ttft_linear", "ttft_quadratic", "ttft_fit_error", "effective_context")
SPEED = (
    ("attempted", ""), ("counted_tokens", ""),
    ("ttft_s", "p50 cold"), ("ttft_s", "p95 cold"), ("ttft_s", "p50 warm"), ("ttft_s", "p95 warm"),
    ("ttfo_s", "p50 cold"), ("ttfo_s", "p95 cold"), ("ttfo_s", "p50 warm"), ("ttfo_s", "p95 warm"),
    ("prefill_throughput", ""), ("tpot_s", "p50"),
)  # fmt: skip
MONEY = (("cost_per_request_usd", "cold"), ("cost_per_request_usd", "warm"), ("cached_share", "warm"))
TROUBLE = (
    ("failed", ""), ("not_sent", ""), ("context_refused", ""), ("truncated", ""), ("cache_leaks", ""),
    ("cache_misses", ""), ("size_error", ""),
)  # fmt: skip
ALWAYS = {("attempted", ""), ("counted_tokens", ""), ("ttft_s", "p50 cold"), ("failed", ""), ("truncated", "")}
FOOTNOTED = (
    "ttft_s", "ttfo_s", "tpot_s", "prefill_throughput", "cost_per_request_usd", "cached_share", "context_refused",
    "cache_leaks", "cache_misses",
)  # fmt: skip


def blocks(ladders: Sequence[Labelled], encode: Encode) -> Iterator[Block]:
    """Return the summary, then of each ladder its speed, accuracy, cost and troubles by size, and accuracy by depth."""
    yield _summary(ladders, encode)
    for label, ladder in ladders:
        name = lines.name(label, encode)
        families = ladder.families if len(ladder.families) > 1 else ()
        accuracy = tuple(("accuracy", of) for of in ("", *families))
        for topic, columns in (("speed", SPEED), ("accuracy", accuracy), ("cost", MONEY), ("trouble", TROUBLE)):
            shown = [column for column in columns if column in ALWAYS or _says_something(ladder.rungs, *column)]
            heads = tuple(_head(*column, encode) for column in shown)
            rows = [_row(units.count(r.size), [r.get(*column) for column in shown]) for r in ladder.rungs]
            if shown:
                yield Block(f"{name}: {topic} by size", heads, tuple(rows))
        for family in dict.fromkeys(spot.family for spot in ladder.spots):
            yield _depths(ladder, family, f"{name}: {lines.name(family, encode)} by depth")


def _summary(ladders: Sequence[Labelled], encode: Encode) -> Block:
    wanted = [(name, "") for name in SUMMARY]
    families = list(dict.fromkeys(family for _, ladder in ladders for family in ladder.families))
    if len(families) > 1:
        wanted += [("effective_context", family) for family in families]
    rows = []
    for name, of in wanted:
        metrics = [ladder.get(name, of) for _, ladder in ladders]
        if not of or any(metrics):
            rows.append(_row(lines.label(name, of, encode), metrics))
    return Block("ladder", tuple(lines.name(label, encode) for label, _ in ladders), tuple(rows))


def _depths(ladder: Ladder, family: str, title: str) -> Block:
    mine = [spot for spot in ladder.spots if spot.family == family]
    scored = {(s.depth, s.size): float(s.accuracy.value) for s in mine if s.accuracy.value is not None}
    sizes = sorted({spot.size for spot in mine})
    rows = []
    for depth in sorted({spot.depth for spot in mine}):
        values = (scored.get((depth, size)) for size in sizes)
        rows.append(Row("", "", units.fraction(depth), tuple(map(units.fraction, values))))
    counts = [spot.accuracy.n or 0 for spot in mine if spot.accuracy.n]
    fewest, most = min(counts, default=0), max(counts, default=0)
    samples = f"{most}" if fewest == most else f"{fewest} to {most}"
    return Block(f"{title}, samples each: {samples}", tuple(map(units.count, sizes)), tuple(rows))


def _says_something(rungs: Iterable[Rung], name: str, of: str) -> bool:
    return any(metric.value for rung in rungs if (metric := rung.get(name, of)))


def _head(name: str, of: str, encode: Encode) -> str:
    if name == "accuracy":
        return lines.name(of, encode) if of else "accuracy"
    return f"{DEFINITIONS[name].label} {of}".rstrip()


def _row(label: str, metrics: Sequence[Metric | None]) -> Row:
    return Row("", "", label, tuple(map(shown, metrics)))


def shown(metric: Metric | None) -> str:
    """Return a metric as a person reads it, with its interval and marks."""
    if metric is None or metric.value is None:
        return units.UNKNOWN
    unit = DEFINITIONS[metric.name].unit
    if metric.name == "effective_context":
        text = _interval(metric, lambda value: units.count(int(value)), "")
    elif unit == "number":
        text = _interval(metric, "{:.2f}".format, "")
    elif metric.name == "ttft_base_s":
        text = _interval(metric, units.seconds, "")
    elif unit == "s/token":
        text = _interval(metric, lambda value: units.seconds(value * 1e3), " per 1,000")
    elif unit == "s/token^2":
        text = _interval(metric, lambda value: units.seconds(value * 1e6), " per 1,000^2")
    else:
        text = lines.formatted(metric)
    return text + "".join(MARKS[mark][0] for mark in metric.marks)


def _interval(metric: Metric, form: Callable[[float], str], ending: str) -> str:
    value = form(float(metric.value or 0)) + ending
    if metric.low is None or metric.high is None:
        return value
    return f"{value} [{form(metric.low)}, {form(metric.high)}]"


# ---------------------------------------------------------------- around the blocks


def title(ladders: Sequence[Labelled], encode: Encode) -> str:
    """Return the first line: which suites, which runs."""
    runs = dict.fromkeys((ladder.suite, ladder.run) for _, ladder in ladders)
    return "ladder of " + "; ".join(f"suite {encode(s)}" + (f", run {encode(run)}" if run else "") for s, run in runs)


def alerts(ladders: Sequence[Labelled], encode: Encode) -> Iterator[str]:
    """Return the loud sentences: targets that are not what they seem, and what must be known of a ladder."""
    yield from dict.fromkeys(encode(ladder.target.alert) for _, ladder in ladders if ladder.target.alert)
    for label, ladder in ladders:
        yield from (f"{lines.name(label, encode)}: {encode(note)}" for note in ladder.notes)


def footnotes(ladders: Sequence[Labelled], encode: Encode) -> Iterator[str]:
    """Return the marks that occur, the words that occur, and what the ladders rest on."""
    metrics = [metric for _, ladder in ladders for metric in ladder.metrics]
    metrics += [metric for _, ladder in ladders for rung in ladder.rungs for metric in rung.metrics]
    marks = {mark for metric in metrics for mark in metric.marks}
    yield from (f"{encode(symbol)} {text}".lstrip() for mark, (symbol, text) in MARKS.items() if mark in marks)
    some = {metric.name for metric in metrics if metric.value}
    for name in (*SUMMARY, *FOOTNOTED):
        if name in some:
            yield f"{DEFINITIONS[name].label}: {DEFINITIONS[name].brief}"
    for label, ladder in ladders:
        target = ladder.target
        facts = [f"model {lines.name(target.model, encode)}"] if target.model else []
        facts += [f"prices of {encode(target.prices_date)}" if target.prices_date else "no prices"]
        facts += ["exponent over " + ", ".join(map(units.count, ladder.upper))] if ladder.upper else []
        facts += [f"effective context with a tolerance of {units.significant(ladder.tolerance * 100)} points"]
        yield f"{lines.name(label, encode)}: " + "; ".join((*facts, *map(encode, target.notes)))
