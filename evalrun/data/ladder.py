"""The context ladder: questions about long texts at stated sizes, in prompt tokens as the server counts them.

    size --Scale.fit--> units, pad --probe.build--> a prompt of that size, for this server

A `Scale` says how many tokens a probe's prompts have; `run.calibrate` measures it for each target. Without one the
nominal scale holds: it serves the survey and its content hash, which must not depend on who is asked.
"""

from collections.abc import Iterator
from functools import lru_cache
from string import ascii_lowercase
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from evalrun.data.context import AnyProbe
from evalrun.data.dice import Dice
from evalrun.data.places import Places, Row
from evalrun.data.scale import NOMINAL, Scale, counter
from evalrun.fingerprint import fingerprint
from evalrun.spec import Spec

NONCE_LETTERS = 10  # 26^10 beginnings: no cache has seen one

CORRECTIONS = 2  # with a tokenizer: rounds of counting what was built and padding it


class LadderSource(Spec):
    """Generated questions about long texts, at sizes in prompt tokens by the server's own count."""

    kept: ClassVar[tuple[str, ...]] = ("size", "depth", "family", "cache")

    kind: Literal["ladder"]
    probe: AnyProbe
    """What is asked for, e.g. `{kind: needle}`."""
    sizes: tuple[Annotated[int, Field(ge=64, le=10_000_000)], ...] = Field(min_length=1)
    """Prompt tokens of each rung."""
    per_size: int = Field(default=5, ge=1, le=1_000_000)
    """Samples of each rung."""
    cache: Literal["cold", "warm", "both"] = "cold"
    """cold: every prompt begins with words no cache has seen. both: each is asked again at once, to be served from the
    cache. warm: as both, but only the second asking counts as a measurement."""
    nonce: bool = True
    """Begin every prompt with words no cache has seen. Without it a repeated run may be answered from the cache."""
    tolerance: float = Field(default=0.1, gt=0, lt=1)
    """How far accuracy may fall below the smallest rung's within the effective context."""
    tokenizer: str | None = None
    """A tokenizer.json, or a model's name on the hub: counts exactly instead of calibrating by a fit."""
    order_seed: int = 0
    """Sizes are asked in this random order, so that an endpoint that slows down is not taken for an effect of size."""

    @property
    def mark(self) -> str:
        """Name the probe: two tasks with the same probe share a scale."""
        return fingerprint(self.probe.model_dump(mode="json"))

    def rows(self, places: Places) -> Iterator[Row]:
        """Yield `id`, `prompt`, `answer`, `answers`, `candidates`, `size`, `depth` (0..1), `family`, `cache`."""
        scale = places.scales.get(self.mark, NOMINAL)
        rungs = [(size, index) for size in dict.fromkeys(self.sizes) for index in range(self.per_size)]
        for size, index in Dice(f"order {self.order_seed}").shuffled(rungs):
            row = self.row(size, index, scale=scale, salt=places.salt)
            if self.cache == "cold":
                yield row
                continue
            yield row if self.cache == "both" else {**row, "cache": "prime"}
            yield {**row, "id": f"{row['id']}-again", "cache": "warm"}

    def row(self, size: int, index: int, *, scale: Scale, salt: str) -> Row:
        """Build one question of about `size` tokens."""
        units, pad = scale.fit(size, least=self.probe.min_units, most=self.probe.max_units)
        row = self._built(size, index, units=units, pad=pad, salt=salt)
        if self.tokenizer is not None and scale.overhead is not None:
            for _ in range(CORRECTIONS):
                wrong = size - scale.overhead - _counter(self.tokenizer)(row["prompt"])
                pad = max(0, pad + round(wrong / scale.per_pad))
                row = self._built(size, index, units=units, pad=pad, salt=salt)
        return row

    def _built(self, size: int, index: int, *, units: int, pad: int, salt: str) -> Row:
        first = nonce(salt, f"{self.mark} {size} {index}") if self.nonce else ""
        row = self.probe.build(index, units=units, pad=pad, nonce=first)
        depth = row["depth"]
        named = {"id": f"{size}-{index + 1}", "size": size, "cache": "cold"}
        return {**row, **named, "depth": None if depth is None else depth / 100}


_counter = lru_cache(maxsize=4)(counter)


def nonce(salt: str, name: str) -> str:
    """Return a first line that no other prompt has, always of the same length: letters, each a token of its own.

    salt: names the run, the target, the task and the repeat. name: names the prompt among those.
    """
    dice = Dice(f"nonce {salt} {name}")
    return f"Page {' '.join(dice.pick(ascii_lowercase) for _ in range(NONCE_LETTERS))}"
