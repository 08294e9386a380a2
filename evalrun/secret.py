"""Keys that do not print themselves, and the redaction of their values from other text."""

import base64
import urllib.parse
from collections.abc import Iterable


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
    """Removes secrets from text, in every encoding in which they are likely to come back."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        spellings: set[str] = set()
        for secret in secrets:
            value = secret.reveal()
            if len(value) < 4:  # redacting "a" would destroy the text and protect nothing
                continue
            raw = value.encode()
            spellings |= {value, urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value)}
            encoded = (base64.b64encode(raw), base64.urlsafe_b64encode(raw), base64.b64encode(b"Bearer " + raw))
            spellings |= {text.decode().rstrip("=") for text in encoded}
        self._spellings = sorted(spellings, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return `text` with every secret replaced by `***`."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, "***")
        return text
