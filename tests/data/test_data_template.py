"""Templates: strict about fields, closed to Python's inside, bounded."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from evalrun.data.places import Row
from evalrun.data.template import Expression, Template
from evalrun.errors import SuiteError


@contextmanager
def limited(*, bytes_: int) -> Iterator[None]:
    """Let the process have so much more memory than it has, and no more."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + bytes_, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def render(text: str, row: Row | None = None) -> str:
    return Template(text, where="here")(row or {}, 7)


def test_fields_print_as_they_are() -> None:
    """Text, integers and decimals; a row's own text is never taken for a template."""
    row = {"q": "What is {{ x }} <b>&</b>?", "n": 2**70, "d": Decimal("1.10"), "odd name": "o", "xs": ["a", "b"]}
    text = "{{ q }}|{{ n }}|{{ d }}|{{ row['odd name'] }}|{{ row_number }}|{{ xs | join('+') }}|{{ xs | tojson }}"
    assert render(text, row) == 'What is {{ x }} <b>&</b>?|1180591620717411303424|1.10|o|7|a+b|["a","b"]'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ questoin }}", "here: row 7: no field 'questoin'; the fields are question, empty, many; did you mean 'q"),
        ("{{ question.missing }}", "has no attribute 'missing'"),
        ("{{ empty }}", "row 7: field 'empty' is null"),
        ("{{ many }}", "is a list; print it with"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("question", "'question' would be sent literally; for the field write {{ question }}"),
    ],
)  # fmt: skip
def test_what_cannot_be_printed_is_refused_with_row_and_field(text: str, said: str) -> None:
    """A missing field, a null and a list never become empty text, `None` or `[...]` (D07)."""
    with pytest.raises(SuiteError) as error:
        render(text, {"question": "q", "empty": None, "many": [1]})
    assert said in str(error.value)


def test_nan_is_refused() -> None:
    """Parquet can hold a NaN; a prompt cannot."""
    with pytest.raises(SuiteError, match="is nan; a prompt needs a finite number"):
        render("{{ x }}", {"x": float("nan")})


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ row.__class__ }}",
        "{{ row.update({'a': 1}) }}",
        "{{ '{0.__class__}'.format(row) }}",
        "{% include '/etc/passwd' %}",
    ],
)
def test_the_sandbox_is_closed(text: str) -> None:
    """Neither classes nor files nor changes to the row."""
    with pytest.raises(SuiteError):
        render(text, {"q": "x"})


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 10**9 }}",
        "{{ 9 ** 999999 }}",
        "{% for i in range(10**6 - 1) %}{% for j in range(10**6) %}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for i in range(1000) %}{{ 'x' * 100000 }}{% endfor %}",
        "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "{% set n = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
        "{% set n = namespace(s=[1, 2]) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
        "{% set n = namespace(s=9) %}{% for i in range(60) %}{% set n.s = n.s * n.s %}{% endfor %}",
        "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}",
        "{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s.replace('x', 'xx') %}{% endfor %}",
        "{{ '{:>2000000000}'.format(1) }}",
        "{{ '{:{}}'.format(1, 2000000000) }}",
        "{{ '{x:>2000000000}'.format_map({'x': 1}) }}",
        "{{ '%2000000000d' % 1 }}",
        "{{ '%*d' % (2000000000, 1) }}",
        "{{ '%2000000000d' | format(1) }}",
        "{{ 'x' | center(2000000000) }}",
        "{{ 'x'.center(2000000000) }}",
        "{{ 'x'.ljust(2000000000) }}",
        "{{ 'x'.zfill(2000000000) }}",
        "{{ '\t'.expandtabs(2000000000) }}",
        "{{ 'x\nx' | indent(2000000000) }}",
        "{{ ('x\n' * 100000) | indent('y' * 100000) }}",
        "{{ ('x' * 100000) | replace('x', 'y' * 100000) }}",
        "{{ ('x' * 100000).replace('', 'y' * 100000) }}",
        "{{ ('y' * 100000).join(['x'] * 100000) }}",
        "{{ (['x'] * 100000) | join('y' * 100000) }}",
        "{{ (['x'] * 100000) | join(d='y' * 100000) }}",
        "{{ ('x' * 100000).translate({120: 'y' * 100000}) }}",
        "{{ ('x' * 100000) | wordwrap(1, wrapstring='y' * 100000) }}",
        "{{ [1] | batch(2000000000, 'x') | list }}",
        "{{ [1] | slice(2000000000) | list }}",
        "{{ range(10**12) | list }}",
        "{{ range(10**12) | select | list }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% set x = 'x' * 10000000 %}{% for i in range(1000) %}{% set y = x[1:] %}{% endfor %}",
        "{{ '1' * 5000 + 1 }}",
    ],
)
def test_accidents_end_at_once(text: str) -> None:
    """Doubling, powers, wide formats, loops in loops, endless recursion and output are cut off within 1 GiB."""
    with pytest.raises(SuiteError, match="here: row 7: "), limited(bytes_=2**30):
        render(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{% if 1 %}" * 200 + "{% endif %}" * 200,
        "{% for i in [1] %}" * 60 + "{% endfor %}" * 60,
        "{{ " + "-" * 5000 + "1 }}",
        "{{ 1" + " + 1" * 5000 + " }}",
    ],
    ids=["brackets", "if", "for", "minus", "plus"],
)
def test_a_template_that_is_too_deep_is_refused(text: str) -> None:
    """Its place is named, before any row is read."""
    with pytest.raises(SuiteError, match="here: nested too deeply; write a simpler template"):
        Template(text, where="here")


def test_a_template_with_a_number_that_python_cannot_read_is_refused() -> None:
    with pytest.raises(SuiteError, match="here: a number with more than 4,300 digits"):
        Template("{{ " + "1" * 5_000 + " }}", where="here")


def test_a_constant_that_cannot_be_computed_is_refused() -> None:
    with pytest.raises(SuiteError, match="here: 'float object' has no attribute 'a'"):
        Template("{{ 0.0.a ~ a }}", where="here")


def test_ordinary_templates_have_room() -> None:
    """A row of 10 MB through filters, loops with their length, macros, slices and formats.

    `truncate` cuts at the last space: 222,221 times the 9 characters of `word <br>`, `word`, and three dots: 1,999,996.
    """
    row = {"text": "word \n" * 1_700_000, "xs": ["a", "b", "c"]}
    text = (
        "{{ text | trim | replace('\n', '<br>') | truncate(2000000) | length }}"
        "{% for x in xs %}{{ loop.index }}/{{ loop.length }}{{ x }}{{ ', ' if not loop.last }}{% endfor %}"
        "{% macro m(n) %}<{{ n ~ '>' }}{% endmacro %}{{ m(xs[0]) }}{{ xs[1:] | join('-') }}"
        "{{ '%05.2f' % 3.14159 }}{{ '{:>4}'.format(7) }}{{ 'é' | center(3) }}{{ xs | map('upper') | join }}"
    )
    assert render(text, row) == "19999961/3a, 2/3b, 3/3c<a>b-c03.14   7 é ABC"


def test_a_syntax_error_names_its_line() -> None:
    """It is found before any row is read."""
    with pytest.raises(SuiteError, match="here: line 2: "):
        Template("fine\n{% if %}", where="here")


def test_an_expression_gives_a_list_of_texts() -> None:
    """Fields, paths and literals; anything but a list is refused."""
    row = {"options": ["a", 2], "choices": {"text": ["x"]}, "q": "text"}
    assert Expression("options", where="w")(row, 1) == ("a", "2")
    assert Expression("choices.text", where="w")(row, 1) == ("x",)
    for text, said in (("q", "must be a list"), ("optoins", "did you mean 'options'"), ("[none]", "null")):
        with pytest.raises(SuiteError, match=said):
            Expression(text, where="w")(row, 1)


def test_nothing_random_is_reachable() -> None:
    """The same row gives the same prompt, always."""
    for text in ("{{ lipsum() }}", "{{ [1, 2] | random }}"):
        with pytest.raises(SuiteError):
            render(text)
