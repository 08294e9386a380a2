"""The context ladder: questions about long texts at exact sizes, in prompt tokens as the server counts them.

    size --Scale.fit--> units, pad --probe.build--> a prompt of that size, for this server

A `Scale` says how many tokens a probe's prompts have; `run.calibrate` measures it for each target. Without one the
nominal scale applies, as in the survey and its content hash, which must not depend on the target.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from string import ascii_lowercase
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from evalrun.data.context import AnyProbe
from evalrun.data.dice import Dice
from evalrun.data.places import Places, Row
from evalrun.data.scale import NOMINAL, Scale, counter
from evalrun.fingerprint import fingerprint
from evalrun.spec import Spec

NONCE_LETTERS = 10  # 26^10 different first lines
CORRECTIONS = 2  # with a tokenizer: rounds of counting what was built and padding it


class LadderSource(Spec):
    """Generated questions about long texts, at sizes in prompt tokens by the server's own count."""

    kept: ClassVar[tuple[str, ...]] = ("size", "depth", "family", "cache")
    drawn: ClassVar[bool] = True

    kind: Literal["ladder"]
    probe: AnyProbe
    """The kind of question, e.g. `{kind: needle}`."""
    sizes: tuple[Annotated[int, Field(ge=64, le=10_000_000)], ...] = Field(min_length=1)
    """The prompt size of each rung, in tokens."""
    per_size: int = Field(default=5, ge=1, le=1_000_000)
    """Samples of each rung."""
    cache: Literal["cold", "warm", "both"] = "cold"
    """cold: no prompt is in the server's cache. both: each prompt is sent again at once, to be served from the cache.
    warm: as both, but only the second request is measured."""
    nonce: bool = True
    """Begin every prompt with a random line, so that no cache knows it. Without it a second run may be served from the
    cache."""
    tolerance: float = Field(default=0.1, gt=0, lt=1)
    """How far accuracy may drop below that of the smallest rung within the effective context."""
    tokenizer: str | None = None
    """A tokenizer.json beside the suite, or a model's name on the hub: counts tokens exactly instead of by a fit."""

    @property
    def mark(self) -> str:
        """Return the probe's fingerprint: two tasks with the same probe share a scale."""
        return fingerprint(self.probe.model_dump(mode="json"))

    def rows(self, places: Places) -> Iterator[Row]:
        """Yield `id`, `prompt`, `answer`, `answers`, `size`, `depth` (0..1), `family`, `cache`."""
        scale = places.scales.get(self.mark, NOMINAL)
        rungs = [(size, index) for size in dict.fromkeys(self.sizes) for index in range(self.per_size)]
        for size, index in Dice("order 0").shuffled(rungs):  # a slowing endpoint must not look like an effect of size
            row = self.row(size, index, scale=scale, salt=places.salt, root=places.root)
            if self.cache == "cold":
                yield row
                continue
            yield row if self.cache == "both" else {**row, "cache": "prime"}
            yield {**row, "id": f"{row['id']}-again", "cache": "warm"}

    def counter(self, root: Path) -> Callable[[str], int] | None:
        """Return what counts a text's tokens exactly, None where nothing does. root: the folder of the suite."""
        if self.tokenizer is None:
            return None
        return counter(str(root / self.tokenizer) if self.tokenizer.endswith(".json") else self.tokenizer)

    def row(self, size: int, index: int, *, scale: Scale, salt: str, root: Path) -> Row:
        """Return a question of about `size` tokens."""
        units, pad = scale.fit(size, least=self.probe.min_units, most=self.probe.max_units)
        row = self._built(size, index, units=units, pad=pad, salt=salt)
        if scale.overhead is not None and (counted := self.counter(root)) is not None:
            for _ in range(CORRECTIONS):
                wrong = size - scale.overhead - counted(row["prompt"])
                pad = max(0, pad + round(wrong / scale.per_pad))
                row = self._built(size, index, units=units, pad=pad, salt=salt)
        return row

    def _built(self, size: int, index: int, *, units: int, pad: int, salt: str) -> Row:
        first = nonce(salt, f"{self.mark} {size} {index}") if self.nonce else ""
        row = self.probe.build(index, units=units, pad=pad, nonce=first)
        depth = None if row["depth"] is None else row["depth"] / 100
        return {**row, "id": f"{size}-{index + 1}", "size": size, "depth": depth, "cache": "cold"}


def nonce(salt: str, name: str) -> str:
    """Return a first line that no other prompt has, always of the same length: letters, each a token of its own.

    salt: identifies the run, the target, the task and the repeat. name: identifies the prompt among those.
    """
    dice = Dice(f"nonce {salt} {name}")
    return f"Page {' '.join(dice.pick(ascii_lowercase) for _ in range(NONCE_LETTERS))}"
