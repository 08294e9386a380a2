"""Keys that do not print themselves, and the redaction of their values from other text."""

import base64
import html.entities
import re
from collections.abc import Iterable, Iterator

# Text in which a character may be written as something else than itself.
_ESCAPE = re.compile(r"[%=][0-9a-f]{2}|\\[^\sa-tv-wyz]|&#?\w", re.IGNORECASE)


class Secret:
    """A key. `str`, `repr` and `format` do not show it, and it cannot be pickled; `reveal()` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Secret cannot be pickled")


class Redactor:
    """Removes secrets from text, whatever encoding they come back in.

    Found, in any mixture and in upper or lower case: the value itself; percent, backslash (`\\u`, `\\x`, octal, or
    before punctuation), quoted-printable and HTML escapes of any of its characters, also escaped again up to four
    times. Found whole: its bytes in hexadecimal, also with separators, and in base64, alone or at any place inside a
    longer text that was encoded. Not found: values shorter than four characters, and what was encrypted, compressed,
    reversed, cut in pieces or encoded in base64 more than once.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        values = [secret.reveal() for secret in secrets]
        values = [value for value in values if len(value) >= 4]  # "a" occurs everywhere, and protects nothing
        self._plain = [value.lower() for value in values]
        self._escaped = [re.compile("".join(map(_spellings, value)), re.IGNORECASE) for value in values]
        self._hex = [re.compile(r"[\s:,-]?".join(_pairs(value)), re.IGNORECASE) for value in values]
        self._base64 = {core: _base64_pattern(core) for value in values for core in _base64_cores(value.encode())}

    def __call__(self, text: str) -> str:
        """Return `text` with every secret replaced by `***`."""
        lower = text.lower()
        if _ESCAPE.search(text) or any(value in lower for value in self._plain):
            for pattern in self._escaped:
                text = pattern.sub("***", text)
        for pattern in self._hex:
            text = pattern.sub("***", text)
        for core, pattern in self._base64.items():
            if core in text:
                text = pattern.sub("***", text)
        return text


def _pairs(text: str) -> list[str]:
    return [f"{byte:02x}" for byte in text.encode()]


def _spellings(character: str) -> str:
    """Return a pattern of all the ways to escape a character, with bounded repetitions, so that searches are linear."""
    code = ord(character)
    names = [name.rstrip(";") for name, value in html.entities.html5.items() if value == character]
    percent = "".join(f"(?:%(?:25){{0,4}}|=){pair}" for pair in _pairs(character))
    escapes = rf"u(?:{code:04x}|\{{0{{0,6}}{code:x}\}})|x\{{?{code:02x}\}}?|{code:03o}"
    references = "|".join([f"#0{{0,8}}{code}", f"#x0{{0,8}}{code:x}", *map(re.escape, names)])
    return rf"(?:\\{{0,8}}{re.escape(character)}|{percent}|\\{{1,8}}(?:{escapes})|&(?:amp;){{0,4}}(?:{references});?)"


def _base64_cores(value: bytes) -> Iterator[str]:
    """Yield the characters that `value` alone decides, for each place in an encoded text and in both alphabets."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + value).decode()
        core = encoded[(0, 2, 3)[before] :].rstrip("=")
        if (before + len(value)) % 3:
            core = core[:-1]  # its last bits are of what follows
        if len(core) >= 6:  # shorter ones occur by chance
            yield core
            yield core.translate({ord("+"): "-", ord("/"): "_"})


def _base64_pattern(core: str) -> re.Pattern[str]:
    """Return a pattern of `core` and of the characters around it that hold bits of the secret."""
    return re.compile(rf"[\w+/-]{{0,2}}{re.escape(core)}[\w+/-]?={{0,2}}")
