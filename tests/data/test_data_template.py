"""Templates: strict about fields, closed to Python's inside, bounded."""

from decimal import Decimal

import pytest

from evalrun.data.places import Row
from evalrun.data.template import Expression, Template
from evalrun.errors import SuiteError


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
    ],
)
def test_accidents_end_at_once(text: str) -> None:
    """Long products, large powers, loops in loops, endless recursion and endless output are cut off."""
    with pytest.raises(SuiteError):
        render(text)


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
