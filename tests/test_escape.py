"""Text somebody else wrote does nothing in any sink but be seen (docs/faults.md, O01 to O10)."""

import csv as stdlib_csv
import html
import io
import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evalrun.escape import clip, csv, markdown, name, tty

HOSTILE = st.text(st.characters(), max_size=60) | st.text("\x1b\x07\x9b\u202e\u200b\ud800|`@#[]()<>&*_=:w.+-\n\r\t ")


@given(HOSTILE)
@example("\x1b]52;c;aGk=\x07")
@example("\x9b31m")
@example("\U000e0041\u2066\ufeff\u3164")
def test_no_sink_gets_a_raw_control_character(text: str) -> None:
    """No control, format, surrogate or line-separating character is left, and what is left is encodable."""
    for encode in (tty, name, markdown, csv):
        shown = encode(text)
        shown.encode("utf-8")
        assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp", "Cn", "Co"}


def test_escapes_are_readable() -> None:
    """A hostile character shows as the escape Python would use; ordinary text of any language is left alone."""
    assert tty("a\x1b[31m\x9b\n\u202e\U000e0041") == r"a\x1b[31m\x9b\n\u202e\U000e0041"
    assert tty("πr², 通义千问, naïve [/b] \\boxed{4}") == "πr², 通义千问, naïve [/b] \\boxed{4}"


@pytest.mark.parametrize(
    "text",
    ["::add-mask::x", "a\n::error file=x::boom", "##[error]x", "::a::b::c", "::error file=C:x,line=1::y", "##vso[a]b"],
)
def test_ci_commands_are_broken(text: str) -> None:
    """O07: no workflow command survives, wherever a line may begin."""
    assert not re.search(r"::[A-Za-z_-]+(\s.*)?::|##(vso)?\[", tty(text))


def test_look_alike_letters_in_names() -> None:
    """O08: a Cyrillic е inside a Latin word is shown as an escape; whole words of a script are not."""
    assert name("deepse\u0435k") == r"deepse\u0435k"
    assert name("модель 通义a千") == "модель 通义a千"


@given(HOSTILE)
@example("a|b")
@example("![x](http://evil)")
@example("www.evil.com")
@example("GH-1")
@example("_a_")
@example("1. a")
def test_markdown_is_only_displayed(text: str) -> None:
    """O03, O06: nothing is left that Markdown or GitHub would act on, and the text comes back when rendered."""
    shown = markdown(text)
    body = shown.removeprefix("<code>").removesuffix("</code>")
    assert html.unescape(body) == tty(text)
    bare = re.sub(r"&#\d+;", "", body)
    assert not set(bare) & set('|`@#[]<>&*_\\!~$^{}"')
    assert "://" not in bare
    assert not re.search(r"www\.", bare, re.IGNORECASE)
    if body == shown:  # outside of <code>
        assert not re.search(r"gh-\d|:(?! |$)|^[^\w]|^\d+[.)]( |$)", bare, re.IGNORECASE)


def test_markdown_leaves_plain_phrases() -> None:
    """An ordinary name or sentence is not littered with entities."""
    assert markdown("the embedded model: 135M, not an endpoint.") == "the embedded model: 135M, not an endpoint."
    assert markdown("deepseek-ai/DeepSeek-V3.2") == "<code>deepseek-ai/DeepSeek-V3.2</code>"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0=1", "  =1", "\uff1d1"])
def test_csv_formulas_are_text(text: str) -> None:
    """O04: whatever a spreadsheet would run begins with an apostrophe."""
    assert csv(text).startswith("'")


def test_csv_survives_quoting() -> None:
    """Quotes, commas and line ends come back from the csv module in one cell."""
    out = io.StringIO()
    stdlib_csv.writer(out).writerow([csv('a,"b"\nc'), csv("x")])
    assert next(stdlib_csv.reader(io.StringIO(out.getvalue()))) == ['a,"b"\\nc', "x"]


def test_clip_says_what_it_left_out() -> None:
    """O10: a clipped text ends in the number of bytes, not characters, that are missing."""
    assert clip("abc", 3) == "abc"
    assert clip("abcéé", 3) == "abc... (+4 bytes)"
    lengths = [len(clip("x" * n, 10)) for n in (10, 100, 10**6)]
    assert all(b - a < 20 for a, b in pairwise(lengths))
