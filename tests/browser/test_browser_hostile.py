"""Hostile text in every place of a run: the browser shows it, and executes, loads and obeys nothing of it."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from report_runs import hostile_run, key

from evalrun.api import open_run

pytestmark = pytest.mark.browser
RUN = "hit()"
PAYLOADS = [
    # the first six are names of tasks, targets and a scorer, too
    f"</script><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"'\"><svg/onload={RUN}>",
    f"</option></select><script>{RUN}//",
    f"<!--<script>{RUN}",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    # elements and handlers
    f"<script>{RUN}</script>",
    f"<ScRiPt>{RUN}</sCrIpT>",
    "<script src=//e.invalid/x.js></script>",
    f"<script type=module>{RUN}</script>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><a href='javascript:{RUN}'><text>x",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"<iframe src=javascript:parent.{RUN}>",
    f"<object data=data:text/html,<script>{RUN}</script>>",
    f"<embed src=javascript:{RUN}>",
    f"<math><mtext><table><mglyph><style><img src onerror={RUN}>",
    f"<template><script>{RUN}</script></template>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<form action=javascript:{RUN}><button>",
    f"<isindex action=javascript:{RUN}>",
    f"<a href=javascript:{RUN}>x</a>",
    f"<a href='java\tscript:{RUN}'>x</a>",
    f"<a href=data:text/html,<script>{RUN}</script>>x</a>",
    f"<area href=javascript:{RUN}>",
    f"<button formaction=javascript:{RUN}>x",
    f"<marquee onstart={RUN}>",
    # what loads or restyles
    "<link rel=stylesheet href=//e.invalid/x.css>",
    "<style>@import '//e.invalid/x.css';*{display:none}</style>",
    "<img src=//e.invalid/x.png>",
    "<base href=//e.invalid/>",
    "<meta http-equiv=refresh content='0;url=//e.invalid/'>",
    "<div style='background:url(//e.invalid/x)'>x</div>",
    "<svg><image href=//e.invalid/x.svg>",
    "<svg><use href='//e.invalid/x#y'>",
    "<link rel=prefetch href=//e.invalid/x>",
    '<meta http-equiv=Content-Security-Policy content="script-src *">',
    "</style><style>body{display:none}",
    "<audio src=//e.invalid/x autoplay>",
    # ends of what it may be in
    "</textarea>",
    "</title>",
    "</pre></details></section></main></body></html>",
    "</td></tr></table>",
    "]]>",
    "--><b>",
    "</svg>",
    '"}]}',
    "';//",
    "`${1}`",
    "\\u003cscript\\u003e",
    "\\",
    # entities and templates
    "&lt;script&gt;",
    "&#60;script&#62;",
    "&amp;amp;",
    "&NotAnEntity;",
    "${7*7}",
    "<%= 7*7 %>",
    "{% raw %}",
    "#{7*7}",
    "__proto__",
    "constructor",
    "toString",
    # directions, controls, commands, sheets
    "abc\u202ecba",
    "a\u2066b\u2069",
    "a\u200bb\ufeffc",
    "a\u2028b\u2029c",
    "a\x1b[31mb\x07",
    "a\x00b",
    "a\x85b\x9bc",
    "::error::x",
    "##vso[task.setvariable variable=a]b",
    "=1+1",
    "@SUM(A1)",
    "x" * 1_000_000,
    "<b>" * 300_000,
    "e\u0301" * 5_000,
]
INIT = "window.hits = 0; window.hit = () => { hits++; };"
FOREIGN = """
[...document.querySelectorAll("main *")].filter((e) =>
  ["script", "style", "link", "meta", "base", "iframe", "object", "embed", "template", "video", "audio", "math",
   "animate", "use", "image", "marquee", "area", "textarea"].includes(e.localName)
  || [...e.attributes].some((a) => a.name.startsWith("on") || a.name === "style" || a.name === "srcset")
  || (e.hasAttribute("href") && !e.getAttribute("href").startsWith("#"))
  || (e.hasAttribute("src") && !e.getAttribute("src").startsWith("data:image/svg+xml;base64,"))
).map((e) => e.outerHTML.slice(0, 200))
"""


def visible(text: str) -> str:
    """Return what the pane shows of a text: control, format, unassigned and separating characters as escapes."""
    hidden = ("Cc", "Cf", "Zl", "Zp", "Co", "Cs", "Cn")
    return "".join(f"\\u{{{ord(c):x}}}" if unicodedata.category(c) in hidden and c not in "\n\t" else c for c in text)


def clipped(text: str) -> str:
    return (
        text if len(text) <= 4_000 else f"{text[:3_000]}\n[... {len(text) - 4_000:,} characters ...]\n{text[-1_000:]}"
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of a hostile run, beside a second one so that histories and comparisons are in it."""
    folder = tmp_path_factory.mktemp("hostile")
    runs = [hostile_run(folder / "s" / name, PAYLOADS) for name in ("one", "two")]
    path = folder / "report.html"
    path.write_bytes(open_run(runs[0]).report(runs[1]))
    return path


def test_the_corpus_is_large() -> None:
    """At least 60 payloads, all different."""
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60


def test_nothing_executes(tab: Any, hostile: Path) -> None:
    """Each sample is opened with all its texts unfolded: they are shown, as text, and that is all."""
    tab.page.add_init_script(INIT)
    tab.open(hostile)
    assert tab.page.evaluate(FOREIGN) == []
    for number, text in enumerate(PAYLOADS):
        tab.page.evaluate(f"location.hash = '#sample={key(number)}'")
        tab.until(f"document.querySelector('#list a[aria-current]')?.hash === '#sample={key(number)}'")
        tab.page.evaluate("document.querySelectorAll('#detail details').forEach((each) => each.open = true)")
        shown = tab.page.evaluate("[...document.querySelectorAll('#detail pre')].map((each) => each.textContent)")
        assert shown.count(visible(clipped(text))) >= 2, text[:80]
        assert tab.page.evaluate(FOREIGN) == []
    assert tab.page.evaluate("hits") == 0
    assert tab.complaints() == []
    assert tab.page.evaluate("[location.protocol, getComputedStyle(document.body).display]") == ["file:", "block"]


def test_filters_take_names_as_text(tab: Any, hostile: Path) -> None:
    """Tasks and targets with markup for a name can be chosen; a hostile search or link finds nothing, quietly."""
    tab.page.add_init_script(INIT)
    tab.open(hostile)
    tab.page.select_option("#task", PAYLOADS[0])
    count = 2 * len(PAYLOADS[::3])  # of both runs
    tab.until(f"document.getElementById('count').textContent.startsWith('{count} of ')")
    for text in PAYLOADS[:60]:
        tab.page.fill("#search", text)
        tab.page.evaluate("(text) => { location.hash = '#sample=' + text; }", text)
    assert tab.page.evaluate("hits") == 0
    assert tab.complaints() == []
