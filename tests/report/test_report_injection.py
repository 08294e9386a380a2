"""Hostile text through every sink of CI: each parser gives the visible text back, and nothing else happens."""

import json
import re
import secrets
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from junitparser import JUnitXml
from markdown_it import MarkdownIt

from evalrun.escape import clip, name, tty, xml
from evalrun.gate.values import Failing, Gate, Ruling
from evalrun.report import ci
from evalrun.stats.verdict import Comparison
from evalrun.table import Cell, Context, Example, Metric, Table, TargetNote

CONTROLS = [f"a{chr(code)}b" for code in (*range(0x20), *range(0x7F, 0xA0))]
INVISIBLE = [
    f"a{char}b"
    for char in "\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2066\u2067\u2068\u2069\u2800\u3164\ufe0f\ufeff\uffa0\ufffe\uffff\ud800\udfff\U000e0041\U000e0100\U0010ffff"
]
TERMINAL = [
    "\x1b[31mred",
    "\x1b]8;;http://e\x07x\x1b]8;;\x07",
    "\x1b]52;c;aGk=\x07",
    "\x9b31m",
    "a\rb",
    "a\r\nb",
    "\x1b[2J",
]
RUNNER = [
    "::add-mask::x", "\n::error::boom", "::error file=a.c:1,line=1::boom", "  ::set-output name=x::y",
    "::stop-commands::t",
    "::error title=C:\\x::boom", "##[group]x", "##[endgroup]", "x ##[add-mask]y", "##vso[task.setvariable variable=a]b",
    ":::debug::x", "::::debug::x", "::DEBUG::x", "::save-state name=a::b", "%0A::error::x", "%250A", "100 %", "::t::",
    "##teamcity[buildStop]", "section_start:1:x\r\x1b[0K",
]  # fmt: skip
MARKUP = [
    "]]>", "<![CDATA[", "<!--", "-->", "&", "&amp;", "&#0;", "&lt;b&gt;", "<b>", "</failure>", '"', "'", "<?xml?>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;", "<script>alert(1)</script>", "</code>", "<img src=x>",
    "<details open>", "{{ 7 }}", "${{ secrets.X }}", "$(id)", "`id`",
]  # fmt: skip
MARKDOWN = [
    "a|b", "|", "\\|", "`", "``x``", "```", "@user", "@org/team", "#1", "GH-1", "org/repo#1", "![x](http://e/i.png)",
    "[x](javascript:alert)", "<http://e>", "http://e.com", "www.e.com", "me@e.com", "**b**", "_i_", "~~s~~", "# h",
    "- l", "1. l", "> q", "---", "===", "[ ] t", "$x$", ":smile:", "[^1]", "[r]: http://e", "\\", "a\\\nb",
    "    code", "a  \nb",
]  # fmt: skip
SHEETS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"]
NAMES = ["deepse\u0435k", "../../x", "a/b:c", "CON", "x" * 300, "通义千问", "naïve πr²", "\U0001f600"]
CORPUS = [*dict.fromkeys(CONTROLS + INVISIBLE + TERMINAL + RUNNER + MARKUP + MARKDOWN + SHEETS + NAMES)]


def gate(text: str) -> Gate:
    """Return a gate with the text in every place that holds one."""
    comparison = Comparison(1, 2, 1, 0.5, 1.5, 0.01, 0.4, text, text)
    ruling = Ruling(
        rule=text, metric=text, task=text, target=text, word="regressed", why=text, comparison=comparison, decide=text
    )
    sample = Failing(
        kind="wrong", task=text, target=text, sample_id=text, message=text, answer=text, expected=text
    )  # fmt: skip
    return Gate(
        suite=text, run=text, baseline=text, word="regressed", rulings=(ruling,), failing=(sample,), notes=(text,)
    )


def table(text: str) -> Table:
    """Return a table with the text in every place that holds one."""
    note = TargetNote(name=text, model=text, alert=text, transport=text, prices_date=text, notes=(text,))
    context = Context(
        suite=text, run=text, targets=(note,), scorers={text: (text,)}, fingerprints={text: text}, notes=(text,)
    )
    metrics = (Metric(name="accuracy", value=0.5, low=0.1, high=0.9), Metric(name="accuracy", of=text, value=0.5))
    example = Example(
        topic="disputed", kind=text, target=text, task=text, sample_id=text, message=text, answer=text, expected=text
    )
    return Table(context=context, cells=(Cell(task=text, target=text, metrics=metrics),), examples=(example,))


def shown(text: str) -> str:
    """Return what a reader is to see of the text."""
    return tty(clip(text, 1_000))


def named(text: str) -> str:
    """Return what a reader is to see of the text as a name."""
    return name(clip(text, 100))


def commands(page: str) -> list[tuple[str, str]]:
    """Return (name, data) of everything GitHub's runner would obey in a log.

    As its source reads lines: `::name properties::data` at a line's begin, `##[name properties]data` anywhere; any name
    counts here, not only the known ones. After `stop-commands` only the token counts.
    """
    found, stopped = [], ""
    for line in re.split(r"[\r\n]+", page):
        spoken = re.match(r"\s*::(.+?)::(.*)", line) or re.search(r"##(?:vso)?\[(.+?)\](.*)", line)
        if spoken is None:
            continue
        word, data = spoken[1].split(" ")[0], spoken[2].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
        if not re.fullmatch(r"[\w-]+", word) or (stopped and word != stopped):
            continue
        stopped = data if word == "stop-commands" else ""
        found.append((word, data))
    return found


class Tags(HTMLParser):
    """Collects the elements of a page, its text, and the texts of table cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.cells: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.cells += [""] if tag == "td" else []
        self.attributes |= {key for key, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.cells:
            self.cells[-1] += data.rstrip("\n")


def test_the_corpus_is_large() -> None:
    """At least a hundred different strings."""
    assert len(CORPUS) >= 100


@pytest.mark.parametrize("text", CORPUS)
def test_xml(text: str) -> None:
    """O05: in an attribute and in an element, expat gives the visible text back, exactly; the bytes have no control."""
    found = ElementTree.fromstring(f"<a b=\"{xml(text)}\" c='{xml(text)}'>{xml(text)}</a>".encode())
    assert [found.get("b"), found.get("c"), found.text or ""] == [tty(text)] * 3
    assert not {unicodedata.category(c) for c in xml(text)} & {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}


@pytest.mark.parametrize("text", CORPUS)
def test_junit(text: str) -> None:
    """Expat and junitparser give every text back, and the document has the elements it has for a harmless text."""
    page = ci.junit(gate(text), table(text))
    tree, harmless = (ElementTree.fromstring(ci.junit(gate(t), table(t)).encode()) for t in (text, "x"))
    assert [element.tag for element in tree.iter()] == [element.tag for element in harmless.iter()]
    rules, samples = JUnitXml.fromstring(page.encode())
    (rule,), (sample,) = rules, samples
    assert rules.name == f"{shown(text)}: gate"
    assert (rule.classname, rule.name) == (f"{named(text)}, {named(text)}", shown(text))
    assert rule.result[0].message == f"{shown(text)}; {tty(clip(f'to decide: {text}', 1_000))}"
    said = [f"{label}: {shown(text)}" for label in ("answered", "expected", "message")]
    assert (sample.name, sample.result[0].message) == (shown(text), "; ".join(said))
    assert (sample.result[0].text or "").strip("\n").split("\n") == said
    assert commands(page) == []


@pytest.mark.parametrize("text", CORPUS)
def test_summary(text: str) -> None:
    """O03, O06: rendered with HTML, tables and links of bare addresses on, it has no element but ours, and the text."""
    render = MarkdownIt("gfm-like", {"html": True}).render
    page, harmless = (Tags(render(ci.summary(gate(t), table(t)))) for t in (text, "*"))
    assert page.tags <= harmless.tags
    assert page.attributes <= {"style"}  # alignment of columns
    assert "a" not in page.tags and "img" not in page.tags  # noqa: PT018
    cell = tty(clip(text, 200)).strip()
    assert [found.strip() for found in page.cells[:4]] == ["regressed", cell, named(text).strip(), named(text).strip()]
    why = "; ".join(f"{label}: {tty(clip(text, 200))}" for label in ("answered", "expected", "message")).strip()
    names = [named(text).strip()] * 2
    assert [found.strip() for found in page.cells[-5:]] == ["wrong answer", cell, *names, why]
    source = ci.summary(gate(text), table(text))
    bare = re.sub(r"<code>.*?</code>", "", source)
    assert not re.search(r"@\w|\w#\d|!\[|\]\(|://|www\.", bare)  # what GitHub links beyond Markdown
    rows = [line.count("|") for line in source.splitlines() if line.startswith("|")]
    assert rows == [line.count("|") for line in ci.summary(gate("x"), table("x")).splitlines() if line[:1] == "|"]


@pytest.mark.parametrize("text", CORPUS)
def test_annotations(text: str) -> None:
    """O07: the runner obeys two commands, ours, and shows the text in both."""
    found = commands(ci.annotations(gate(text)))
    assert [word for word, _ in found] == ["error", "warning"]
    place = f"({name(clip(text, 100))}, {name(clip(text, 100))})"
    why = f"{clip(text, 1_000)}; {clip(f'to decide: {text}', 1_000)}"
    assert found[0][1] == tty(clip(f"regressed: {clip(text, 1_000)} {place}: {why}", 1_000))
    answers = [f"{label}: {text}" for label in ("answered", "expected", "message")]
    assert found[1][1] == tty(clip(f"wrong answer: {text} {place}: {'; '.join(answers)}", 1_000))


@pytest.mark.parametrize("text", CORPUS)
def test_log(text: str) -> None:
    """O07: encoded, the runner obeys nothing; quoted, not even the raw text is obeyed."""
    assert commands(f"{tty(text)}\n  {tty(text)}") == []
    token = secrets.token_hex(16)
    assert commands(ci.quoted(text, token=token)) == [("stop-commands", token), (token, "")]


@pytest.mark.parametrize("text", CORPUS)
def test_benchmark(text: str) -> None:
    """In the comment that github-action-benchmark makes, the name is one code span of one cell; the file is ASCII."""
    page = ci.charts(table(text), "bigger")
    assert page.isascii()
    first = json.loads(page)[0]["name"]
    comment = Tags(MarkdownIt("gfm-like", {"html": True}).render(f"| a | b |\n|-|-|\n| `{first}` | 1 |\n"))
    assert comment.tags == {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert re.sub(r"[`|<>&]", lambda c: f"\\x{ord(c[0]):02x}", f"{named(text)}, {named(text)}") in comment.text
