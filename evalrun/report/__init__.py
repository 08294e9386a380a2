"""One Table into a text: for the terminal, Markdown, CSV, JSON. The same table gives the same bytes, always.

No clock, no locale, no environment: width is an argument. All text that is not ours passes through `escape`.
    lines      what a person reads (rows, alerts, things to look at, footnotes), before it is laid out
    text       plain lines for a terminal of any width
    markdown   for pull requests and step summaries
    csv        one row for each number, full precision
    json       everything, full precision

    ladder_*   the same forms of ladders, their plot for a terminal, and their pictures
    history_*  the same forms of a suite's history, and its picture
    picture    figures into PNG and SVG
"""

from collections.abc import Sequence
from typing import Literal, get_args

from evalrun.compare.values import Contrast
from evalrun.errors import SuiteError
from evalrun.history import History
from evalrun.ladder import Ladder
from evalrun.table import Table

Format = Literal["text", "md", "csv", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)


def as_format(form: str) -> Format:
    """Return the format of that name. Raises SuiteError where there is none."""
    for known in FORMATS:
        if known == form:
            return known
    raise SuiteError(f"--format: {form!r} is not a format; there are {', '.join(FORMATS)}")


def render(table: Table, form: Format, *, width: int = 100) -> str:
    """Return the table in one of the forms, ending in a newline. `width` is the terminal's, for text."""
    from evalrun.report import csv, json, markdown, text

    if form == "text":
        return text.render(table, width=width)
    if form == "md":
        return markdown.render(table)
    return csv.render(table) if form == "csv" else json.render(table)


def render_ladders(ladders: Sequence[tuple[str, Ladder]], form: Format, *, width: int = 100) -> str:
    """Return ladders, each with its label, in one of the forms, ending in a newline."""
    from evalrun.report import ladder_csv, ladder_json, ladder_markdown, ladder_text

    if form == "text":
        return ladder_text.render(ladders, width=width)
    if form == "md":
        return ladder_markdown.render(ladders)
    return ladder_csv.render(ladders) if form == "csv" else ladder_json.render(ladders)


def render_history(history: History, form: Format, *, width: int = 100) -> str:
    """Return a suite's history in one of the forms, ending in a newline."""
    from evalrun.report import history_csv, history_json, history_markdown, history_text

    if form == "text":
        return history_text.render(history, width=width)
    if form == "md":
        return history_markdown.render(history)
    return history_csv.render(history) if form == "csv" else history_json.render(history)


def render_contrasts(contrasts: Sequence[Contrast], form: Format, *, width: int = 100) -> str:
    """Return comparisons in one of the forms, ending in a newline."""
    from evalrun.report import compare_csv, compare_json, compare_markdown, compare_text

    if form == "text":
        return compare_text.render(contrasts, width=width)
    if form == "md":
        return compare_markdown.render(contrasts)
    return compare_csv.render(contrasts) if form == "csv" else compare_json.render(contrasts)
