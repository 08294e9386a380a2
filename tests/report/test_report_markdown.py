"""The Markdown table: columns hold, and nothing of somebody else's text is markup."""

import re

from evalrun.report import render
from evalrun.report.table import table_page
from evalrun.table import Table


def test_a_table_for_each_task(table: Table) -> None:
    """Targets side by side, the loud facts above."""
    page = render([table_page(table)], "md")
    assert "> **WARNING** local is the embedded model\n" in page
    assert "> **WARNING** gsm8k, local: unfinished: 100 of 200 requests were made\n" in page
    assert "| gsm8k (scored by math) | local | rented |\n|---|---:|---:|\n| accuracy | 62 % [47, 75] | 62 %" in page
    assert "| TTFT p99 | inf~ | 1.20 s~ |\n" in page
    assert "- failed, stall (3 times): local, gsm8k, q7: no byte\n" in page


def test_nothing_hostile_is_markup(hostile: Table) -> None:
    """O06: every row has the same number of borders; no mention, link, image, tag, backtick or control byte is left."""
    page = render([table_page(hostile)], "md")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    heads = [number for number, row in enumerate(rows) if row.startswith("|---")]
    tables = [rows[begin - 1 : end - 1] for begin, end in zip(heads, [*heads[1:], len(rows) + 1], strict=True)]
    assert len(tables) == 2  # the summary, and the table that is folded
    assert all(len({row.count("|") for row in each}) == 1 for each in tables)
    tags = {"<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>"}
    assert set(re.findall(r"<[^>]*>", page)) == tags
    bare = re.sub(r"&#\d+;", "", page)
    for markup in ("`", "@", "](", "![", "://", "#1", "\x1b", "\r", "\u202e"):
        assert markup not in bare
