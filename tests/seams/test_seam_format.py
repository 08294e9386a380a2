"""A report format is added in two files: its renderer, and its line in the table of formats."""

from typing import Any

FORMAT = '''\
"""Pages as definition lists of HTML."""

import html
from collections.abc import Sequence

from evalrun.report.page import Page, encoded


def render(pages: Sequence[Page], *, width: int) -> str:
    """Return the pages as HTML."""
    del width
    lines = []
    for page in pages:
        lines.append(f"<h1>{encoded(page.title, html.escape)}</h1>")
        for block in page.blocks:
            _, *rows = block.cells(html.escape)
            lines += [f"<dt>{label}<dd>{value}" for label, *values in rows for value in values]
        lines += [f"<li>{encoded(note, html.escape)}" for note in page.notes]
    return "\\n".join(lines) + "\\n"
'''
SUITE = """\
name: needles
targets: [sim]
tasks:
  needle:
    data: {kind: ladder, probe: {kind: needle}, sizes: [256, 512], per_size: 3, cache: cold}
    prompt: {template: "{{ prompt }}", expected: "{{ answer }}"}
    sampling: {max_tokens: 40}
    scorers: [{kind: items}]
"""


def test_a_format_takes_two_files(package: Any) -> None:
    """Every command that prints a page takes it, and names it where another format is misspelt."""
    package.add("report/webpage.py", FORMAT)
    package.change(
        "report/__init__.py",
        ("import data, markdown, text", "import data, markdown, text, webpage"),
        ('    "md": markdown.render,\n', '    "md": markdown.render,\n    "html": webpage.render,\n'),
    )
    assert len(package.touched) == 2
    suite = package.folder / "needles.yaml"
    suite.write_text(SUITE)
    assert package.evalrun("run", suite, "--quiet").returncode == 0
    (run,) = (package.folder / "results" / "needles").iterdir()

    for command, first in {
        ("table", run): "<h1>suite needles, run ",
        ("ladder", run): "<h1>ladder of suite needles, run ",
        ("compare", run, run): "<h1>",
        ("gate", run, "--rule", "failed <= 1 %"): "<h1>gate pass: suite needles, run ",
        ("history", "needles"): "<h1>history of suite needles: 1 run",
        ("plan", suite): "<h1>plan of suite needles: 6 requests",
    }.items():
        done = package.evalrun(*command, "--format", "html")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(first)
        assert "<li>" in done.stdout or command[0] == "gate"
        assert "<dd>" in done.stdout or command[0] == "gate"
    wrong = package.evalrun("table", run, "--format", "htm")
    assert wrong.returncode == 2
    assert "use text, md, html" in wrong.stderr
