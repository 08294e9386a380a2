"""Reports: what people and machines read. The same values give the same bytes: no clock, no locale, no environment.

A subject builds a `Page`, a format renders it, and neither knows the other:

    page      the values
    quantity  how a number reads
    table     the page of a table
    summary   its brief page: one line for each task and target
    samples   the page of a list of samples
    sample    one sample, or two side by side, as text
    runs      the page of a list of runs
    ladder    the page of ladders
    compare   the page of a comparison
    gate      the page of a gate
    history   the page of a history
    plan      the page of a plan
    text      pages as plain lines
    markdown  pages as Markdown
    data      pages as CSV and as JSON
    ci        a gate as JUnit XML, GitHub's summary and annotations, charts
    curves    ladders and histories as points; ladders in plain characters
    picture   ladders and histories as PNG and SVG
    html      runs as one HTML file, with their samples

Another format is a module with a function like `text.render`, and a line in `FORMATS`.
"""

from collections.abc import Callable, Sequence

from evalrun.errors import SuiteError
from evalrun.report import data, markdown, text
from evalrun.report.page import Page

FORMATS: dict[str, Callable[..., str]] = {
    "text": text.render,
    "md": markdown.render,
    "csv": data.csv_text,
    "json": data.json_text,
}
"""What renders pages of one subject, at least one, as text that ends in a newline, by the name that `--format` takes.

width: columns of the terminal; formats that are laid out by others ignore it.
"""


def render(pages: Sequence[Page], form: str, *, width: int = 100) -> str:
    """Return pages in one of the formats. Raises SuiteError for one that is not in `FORMATS`."""
    if form not in FORMATS:
        raise SuiteError(f"format: {form!r} is unknown; use {', '.join(FORMATS)}")
    return FORMATS[form](pages, width=width)


def files(stem: str, pages: Sequence[Page]) -> dict[str, bytes]:
    """Return pages in every format but the terminal's, by file name: what a run's folder keeps of them."""
    return {
        f"{stem}.{form}": render(pages, form).encode("utf-8", "backslashreplace") for form in FORMATS if form != "text"
    }
