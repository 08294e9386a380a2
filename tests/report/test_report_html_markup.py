"""Pages as HTML: a browser's parser reads back the texts, and nothing else."""

from html.parser import HTMLParser

import pytest
from test_report_injection import CORPUS

from evalrun.escape import tty
from evalrun.report.html import markup
from evalrun.report.page import Block, BlockRow, Page, Quantity, Section, Verbatim


class Seen(HTMLParser):
    """The elements and the texts of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page(text: str) -> Page:
    """Return a page with the text in every place that holds one."""
    said = Verbatim(text)
    block = Block(said, [said], [BlockRow(said, [(said, said)])])
    return Page(
        title=said, alerts=[said], blocks=[block], sections=[Section(said, [said])], notes=[said], columns=(),
        quantities=(), data=None,
    )  # fmt: skip


@pytest.mark.parametrize("text", CORPUS)
def test_foreign_text_is_only_text(text: str) -> None:
    """The elements are those of a harmless page, and each place shows the text."""
    seen = Seen(markup.page(page(text)))
    assert seen.tags == Seen(markup.page(page("harmless"))).tags
    assert "".join(seen.texts).count(tty(text)) >= 9 or not text.strip()


def test_an_invalid_number_is_struck_out() -> None:
    """A number with the mark INVALID cannot be read as if it were none; its neighbour is plain."""
    numbers = (
        Quantity(name="ttft_s", value=1.0, shown="1 s!", marks=("invalid",)),
        Quantity(name="n", value=2, shown="2"),
    )
    shown = markup.table(("", "TTFT", "n"), [("sim", *numbers)])
    assert '<td class="number invalid"><del>1 s!</del></td><td class="number">2</td>' in shown


def test_a_table_says_what_it_is() -> None:
    """Heads belong to columns and rows; the frame that scrolls has a name and takes the keyboard."""
    shown = markup.table(("task", "n"), [("sums", "3")], caption="In short")
    assert '<th scope="col">task</th><th scope="col" class="number">n</th>' in shown
    assert '<th scope="row">sums</th><td class="number">3</td>' in shown
    assert (
        '<div class="scroll" tabindex="0" role="group" aria-label="In short"><table><caption>In short</caption>'
        in shown
    )
