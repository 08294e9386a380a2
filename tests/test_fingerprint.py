"""Slugs: any name becomes one that is a single folder everywhere, and different names stay different (O09)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalrun.fingerprint import slug


@pytest.mark.parametrize("name", ["math", "deepinfra", "v3.2_x-1", "0", "modelA", "Qwen2.5-0.5B", "a" * 64])
def test_plain_names_stay(name: str) -> None:
    """What is safe everywhere already is not changed."""
    assert slug(name) == name


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("../../x", "x-"), ("a/b:c", "a-b-c-"), ("CON", "con-"), ("con", "con-"), ("nul.txt", "nul-txt-"),
        ("NUL.txt", "nul-txt-"), ("a.", "a-"), (".hidden", "hidden-"), ("", "name-"), ("数学", "name-"),
        ("x" * 300, "x" * 48 + "-"), ("a\x00b", "a-b-"), ("\ud800", "name-"),
    ],
)  # fmt: skip
def test_odd_names_are_cleaned_and_marked(name: str, start: str) -> None:
    """What had to be changed ends in 8 hex digits of its hash."""
    assert re.fullmatch(re.escape(start) + "[0-9a-f]{8}", slug(name))


@given(st.lists(st.text(max_size=80), min_size=2, max_size=2, unique=True))
def test_slugs_are_safe_and_apart(names: list[str]) -> None:
    """Any two names give two safe names, which differ in more than case where the names do; a slug is its own slug."""
    one, two = map(slug, names)
    for each in (one, two):
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", each)
        assert slug(each) == each
    assert one != two
    assert one.casefold() != two.casefold() or names[0].casefold() == names[1].casefold()
