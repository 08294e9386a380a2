"""A key does not come back in any of the encodings that servers, proxies and libraries write."""

import base64

import pytest
from spellings import spellings

from evalrun.secret import Redactor, Secret

KEY = "sk-Proj/4+xY_9=zQ~7"
PIECES = ("sk-proj", "4+xy_9", "4%2bxy")  # of the key, as they would be left behind


MIXTURE = "s%6B-\\u0050roj&#47;4%252BxY_9\\x3dz&#x51;~7"
SPELLINGS = {**spellings(KEY), "a mixture": MIXTURE}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("around", ["{}", 'Incorrect API key provided: "{}".', "?key={}&x=1", "\\n{}\\n"])
def test_no_spelling_of_a_key_is_left(spelling: str, around: str) -> None:
    found = Redactor([Secret(KEY)])(around.format(spelling))
    assert "***" in found
    assert spelling[4:12] not in found
    assert not any(piece in found.lower() for piece in PIECES)


def test_every_key_of_several_is_removed() -> None:
    assert Redactor([Secret("first-key"), Secret("second-key")])("first-key, SECOND-KEY") == "***, ***"


def test_other_text_stays_as_it_is() -> None:
    text = r"\frac{1}{2} &amp; 50%25 of \underline{sk-} %zz c2st and \u0041\n" + KEY[:-1]
    assert Redactor([Secret(KEY)])(text) == text


def test_values_too_short_to_be_keys_are_left() -> None:
    assert Redactor([Secret("abc")])("abc") == "abc"


def test_what_a_search_costs_grows_with_the_text_alone() -> None:
    redact = Redactor([Secret(KEY)])
    for piece in ("\\", "%25", "&amp;", "&#0", "s\\", "73", "c2"):
        text = piece * (400_000 // len(piece))
        assert redact(text) == text


@pytest.mark.parametrize("before", ["", "a", "ab"])
@pytest.mark.parametrize("length", range(6, len(KEY)))  # of shorter keys, too few characters are decided
def test_base64_of_any_key_at_any_place_is_removed(length: int, before: str) -> None:
    key = KEY[:length]
    coded = base64.b64encode(f"{before}{key}".encode()).decode()
    assert "***" in Redactor([Secret(key)])(coded)
