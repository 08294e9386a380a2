"""How many tokens a prompt of a given number of units has: a line through what a server, or a tokenizer, counted."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from evalrun.errors import SuiteError
from evalrun.types import Value

MAX_PAD = 400  # padding is one-letter words: for the last few tokens of a size, not for a text
SPARE = 32  # tokens left to padding even where units would fill the size, so that it can be corrected both ways


class Scale(Value, frozen=True):
    """Tokens of a probe's prompt = fixed + per_unit x units + per_pad x pad; `fixed` includes the chat template.

    overhead: tokens that the server adds to the text, where a tokenizer counts the text; else None.
    """

    fixed: float
    per_unit: float
    per_pad: float
    overhead: float | None = None

    def tokens(self, units: int, pad: int) -> float:
        """Return the size of a prompt in tokens."""
        return self.fixed + self.per_unit * units + self.per_pad * pad

    def fit(self, size: float, *, least: int, most: int | None) -> tuple[int, int]:
        """Return the units and the padding of a prompt of `size` tokens, as near as `least` and `most` units allow."""
        units = int((size - self.fixed - SPARE) / self.per_unit)
        units = max(least, units if most is None else min(units, most))
        pad = round((size - self.tokens(units, 0)) / self.per_pad)
        return units, min(max(pad, 0), MAX_PAD)


NOMINAL = Scale(fixed=60, per_unit=12, per_pad=1)
"""Before any server was asked: about right for sentences and common tokenizers."""


@lru_cache(maxsize=4)
def counter(tokenizer: str) -> Callable[[str], int]:
    """Return a function that counts a text's tokens: `tokenizer` is a tokenizer.json or a model's name on the hub."""
    from tokenizers import Tokenizer

    load = Tokenizer.from_file if tokenizer.endswith(".json") else Tokenizer.from_pretrained
    try:
        loaded = load(tokenizer)
    except Exception as error:  # noqa: BLE001 - the library raises bare Exception for everything
        missing = "no such file" if tokenizer.endswith(".json") and not Path(tokenizer).exists() else str(error)
        raise SuiteError(
            f"tokenizer: {tokenizer}: {missing}; write a path to tokenizer.json or a model's name on the hub"
        ) from None

    def count(text: str) -> int:
        return len(loaded.encode(text, add_special_tokens=False).ids)

    return count
