"""YAML text -> tree: what scalars mean, what is refused and in which words, and that nothing explodes."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from evalrun.errors import SuiteError
from evalrun.suite import document
from evalrun.suite.document import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, Position, parse

ROOT = Path(__file__).parents[2]
ENVIRON = {"MODEL": "sim", "EIGHT": "8", "EMPTY": ""}


def read(text: str) -> Any:
    return parse(text, "s.yaml", environ=ENVIRON).plain()


def refused(text: str) -> str:
    with pytest.raises(SuiteError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("off", "off"), ("1:30", "1:30"), ("2025-12-05", "2025-12-05"),
        ("1_000", "1_000"),
        ("1e-3", 0.001), (".5", 0.5), ("5.", 5.0), ("0.1", 0.1), ("+7", 7), ("-0", 0), ("0o17", 15), ("0x1f", 31),
        ("12345678901234567890123", 12345678901234567890123),
        ("true", True), ("False", False), ("~", None), ("null", None), ("", None), ("nUll", "nUll"),
        ("'012'", "012"), ('"true"', "true"),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema(typed: str, value: object) -> None:
    """Y04: an unquoted scalar means what YAML 1.2's core schema says; what it does not name is a text."""
    found = read(f"a: {typed}")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("012", "012 has a leading zero, which YAML versions read differently; quote it, or remove the zero"),
        ("-00.5", "-00.5 has a leading zero, which YAML versions read differently; quote it, or remove the zero"),
        (".inf", ".inf is not a finite number; quote it to make it text"),
        ("1e400", "1e400 cannot be stored as a number without loss; quote it to make it text"),
        ("1e-99999999999", "1e-99999999999 cannot be stored as a number without loss; quote it to make it text"),
        ("0.3000000000000000001", "0.3000000000000000001 cannot be stored as a number without loss; quote it"),
        ("1" * 5000, "a number of 5000 characters; quote it to make it text"),
    ],
)  # fmt: skip
def test_doubtful_numbers_are_refused(typed: str, why: str) -> None:
    """Y04, D09: a number that two YAML versions read differently, or that a float would change, is refused."""
    assert refused(f"a: 1\nb: {typed}").startswith(f"s.yaml:2:4: {why}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\t- b", "s.yaml:2:1: tab where YAML expects spaces; indent with spaces\n    2 | \\t- b\n      | ^"),
        ("a: @x", "s.yaml:1:4: a value cannot start with '@'; quote it\n    1 | a: @x\n      |    ^"),
        (
            "é: [1, 2\nb: 3",
            "s.yaml:2:2: did not find expected ',' or ']' while parsing a flow sequence of line 1; "
            "check the quotes, brackets and indentation\n    2 | b: 3\n      |  ^",
        ),
        (
            "a: b: c",
            "s.yaml:1:5: mapping values are not allowed in this context; quote text that contains ': ', "
            "and check the indentation\n    1 | a: b: c\n      |     ^",
        ),
        (
            "a: 'x\nb: 2\n",
            "s.yaml:1:4: found unexpected end of stream while scanning a quoted scalar of line 1; close the quote\n"
            "    1 | a: 'x\n      |    ^",
        ),
        (
            "é: \x1b[31m",
            's.yaml:1:4: control character; write it as "\\x1b" in double quotes\n    1 | é: \\x1b[31m\n      |    ^',
        ),
        (
            "a:\n  b: 1\n  c: 2\n  b: 3",
            "s.yaml:4:3: duplicate key 'b', first used on line 2; keep one of them\n    4 |   b: 3\n      |   ^",
        ),
    ],
)
def test_mistakes_are_shown_where_they_are(text: str, message: str) -> None:
    """Y01, Y03: line, column, what is wrong, what would be right, the line itself and a caret under the place."""
    assert refused(text) == message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: !!python/object/apply:os.system [x]", "1:4: unsupported tag !!python/object/apply:os.system; remove it"),
        ("a: !mine x", "1:4: unsupported tag !mine; remove it"),
        ("a: ! x", "1:4: unsupported tag !; remove it"),
        ("a: !!str x", "1:4: unsupported tag !!str; remove it"),
        ("%TAG ! tag:x,2000:\n---\na: !y 1", "1:1: YAML directive; remove it"),
        ("#\r%TAG ! tag:x,2000:\n---\na: !y 1", "2:1: YAML directive; remove it"),
        ("a: 1\n---\nb: 2", "2:1: a second document starts here; keep one document per file"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "3:3: merge keys are not supported; repeat the fields, or use `include`"),
        ("? [a, b]\n: c", "1:3: a key must be plain text; write `name: value`"),
        ("a: *b", "1:4: undefined alias *b; put &b before the value it refers to"),
        ("a: &a [*a]", "1:8: the alias *a is inside the value it refers to; write out the value"),
    ],
)
def test_what_yaml_offers_and_suites_do_not(text: str, why: str) -> None:
    """Y05, Y06: tags, directives, merge keys, several documents and self-reference are refused in plain words."""
    assert refused(text).startswith(f"s.yaml:{why}")


def doubling(levels: int, width: int = 10) -> str:
    """An alias bomb: each level holds `width` aliases of the one before."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (doubling(9), "more than 100,000 values with aliases expanded"),
        ("a: &a x\nb: [" + "*a, " * (MAX_ALIASES + 1) + "]", "more than 100 aliases"),
        ("[" * 300_000, "nested more than 50 deep"),
        ("{a: " * 200_000, "nested more than 50 deep"),
        ("- " * 400_000, "nested more than 50 deep"),
        ("? " * 400_000, "a key must be plain text"),
        (f"a: &a {'[' * 40}{']' * 40}\nb: {'[' * 20}*a{']' * 20}", "nested more than 50 deep"),
        ("- x\n" * 100_001, "more than 100,000 values"),
        ("#" * (MAX_BYTES + 1), "is larger than 1,000,000 bytes"),
    ],
    ids=["doubling", "aliases", "open lists", "open mappings", "dashes", "keys", "deep alias", "wide", "large"],
)
def test_bombs_are_refused_by_counting(text: str, why: str) -> None:
    """Y05: each limit is checked before the next event is read, so that no text costs more than its own length."""
    assert why in refused(text)


def test_limits_are_met_exactly() -> None:
    """Exactly 50 levels and exactly 100 aliases are allowed; the alias counts as what it stands for."""
    assert read("[" * (MAX_DEPTH - 1) + "x" + "]" * (MAX_DEPTH - 1))
    assert len(read("a: &a x\nb: [" + "*a, " * MAX_ALIASES + "]")["b"]) == MAX_ALIASES


def test_an_alias_is_the_value_it_stands_for() -> None:
    """Aliases are expanded, and the place of what they bring is where it was typed."""
    tree = parse("a: &x\n  deep: 1\nb: *x", "s.yaml", environ={})
    assert tree.plain() == {"a": {"deep": 1}, "b": {"deep": 1}}
    assert isinstance(tree.value, dict)
    b = tree.value["b"]
    assert isinstance(b.value, dict)
    assert (b.key, b.value["deep"].position) == (Position("s.yaml", 3, 1), Position("s.yaml", 2, 9))


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("${MODEL}", "sim"), ("a-${MODEL}-b", "a-sim-b"), ("${EIGHT}", 8), ("'${EIGHT}'", "8"),
        ("${NONE:-http://127.0.0.1:8000/v1}", "http://127.0.0.1:8000/v1"), ("${EMPTY:-7}", 7), ("'${NONE:-}'", ""),
        ("$${MODEL}", "${MODEL}"), (r"${\frac{1}{2}}$", r"${\frac{1}{2}}$"), ("$5 {x}", "$5 {x}"),
    ],
)  # fmt: skip
def test_variables(typed: str, value: object) -> None:
    """`${NAME}` becomes its value as if that had been typed; quotes keep it a text; `$${` is a literal."""
    assert read(f"a: {typed}") == {"a": value}


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("${NONE}", "the variable NONE is not set; set it, or write ${NONE:-default} (a literal: $${NONE})"),
        ("${EMPTY}", "the variable EMPTY is empty; set it, or write ${EMPTY:-default} (a literal: $${EMPTY})"),
        ("${MODEL-x}", "'${MODEL-x}' is neither ${NAME} nor ${NAME:-default}; write $${ for a literal ${"),
        ("${MODEL", "'${MODEL' is neither ${NAME} nor ${NAME:-default}; write $${ for a literal ${"),
    ],
)
def test_a_variable_without_value_is_refused(typed: str, why: str) -> None:
    """Y07: an unset or empty variable is refused by name and line, never taken for an empty text."""
    assert refused(f"a: 1\nb: {typed}").splitlines()[0] == f"s.yaml:2:4: {why}"


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.text(alphabet="ab01.:-?[]{}&*!|>'\"#%@`,\n\t \\~<$\x00\x85\ufeff\ud800é", max_size=60),
    )
)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever the text, the outcome is a tree or a SuiteError, whose message is printable on every line."""
    try:
        parse(text, "s.yaml", environ=ENVIRON)
        said = "s.yaml"
    except SuiteError as error:
        said = str(error)
    assert said.startswith("s.yaml")
    assert all(line.isprintable() for line in said.split("\n"))


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF)).filter(lambda text: "${" not in text),
        lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text("a <*é", max_size=5), each, max_size=4),
        max_leaves=20,
    )
)  # fmt: skip
def test_json_is_yaml(value: Any) -> None:
    """Any JSON value, written as JSON, comes back as itself: texts, exact numbers, keys and their order."""
    text = json.dumps(value)
    assert read(text) == value
    assert json.dumps(read(text)) == text


def test_without_libyaml_the_same_is_read(tmp_path: Path) -> None:
    """PyYAML built without libyaml gives the same tree and refuses the same bombs."""
    program = """
        import yaml
        del yaml.CSafeLoader
        from evalrun.errors import SuiteError
        from evalrun.suite.document import _LOADER, parse
        assert _LOADER is yaml.SafeLoader
        print(parse("a: [1, 'b']\\nb: ${X:-2}\\nc: &x 1e-3\\nd: *x", "s", environ={}).plain())
        for text in ("[" * 5000, "a: &a [*a]", "a: !t x", "a:\\n\\t- b", 'a: "\\\\ud800"'):
            try:
                print(parse(text, "s", environ={}).plain())
            except SuiteError as error:
                print(str(error).splitlines()[0][:50])
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == [
        "{'a': [1, 'b'], 'b': 2, 'c': 0.001, 'd': 0.001}",
        "s:1:51: nested more than 50 deep; flatten it",
        "s:1:8: the alias *a is inside the value it refers ",
        "s:1:4: unsupported tag !t; remove it (quote a valu",
        "s:2:1: tab where YAML expects spaces; indent with ",
        "s:1:4: half of a surrogate pair (\\ud800); write th",
    ]


def test_the_fast_loader_is_used_where_it_exists() -> None:
    """With libyaml present the tree is built from its events: 10 times faster."""
    assert document._LOADER is getattr(yaml, "CSafeLoader", yaml.SafeLoader)
