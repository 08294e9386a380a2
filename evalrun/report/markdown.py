"""A page as GitHub-flavoured Markdown, for pull requests and step summaries.

A page that has a brief one begins with it; all the rest is folded. No HTML but `<code>` and `<details>`, no link, no
image, no mention.
"""

from collections.abc import Iterable, Iterator, Sequence

from evalrun.escape import markdown
from evalrun.report.page import Block, Page, encoded


def render(pages: Sequence[Page], *, width: int) -> str:
    """Return the pages, one below the other; Markdown has no width."""
    del width
    return "\n".join("".join(line + "\n" for line in _page(page)) for page in pages)


def folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Return lines that GitHub shows when their title is clicked."""
    yield from (f"<details><summary>{title}</summary>", "", *lines, "", "</details>")


def _page(page: Page) -> Iterator[str]:
    if page.brief is not None:
        yield from (*_lines(page.brief), "", *folded("All numbers", _lines(page)))
    else:
        yield from _lines(page)


def _lines(page: Page) -> Iterator[str]:
    yield from (f"**{encoded(page.title, markdown)}**", "")
    for line in page.about:
        yield from (encoded(line, markdown), "")
    for alert in page.alerts:
        yield from (f"> **WARNING** {encoded(alert, markdown)}", "")
    for block in page.blocks:
        yield from (*_grid(block), "")
        yield from (f"- {encoded(note, markdown)}" for note in block.notes)
        yield from [""] if block.notes else []
    for section in page.sections:
        yield from (encoded(section.title, markdown), "")
        yield from (*(f"- {encoded(item, markdown)}" for item in section.items), "")
    yield from (f"- {encoded(note, markdown)}" for note in page.notes)


def _grid(block: Block) -> Iterator[str]:
    head, *rows = ("| " + " | ".join(row) + " |" for row in block.cells(markdown))
    yield from (head, "|---|" + "---:|" * len(block.heads), *rows)
