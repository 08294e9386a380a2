"""How long prompts are for the server that counts them: a few one-token requests, a line through their counts.

    A  few units                B  many units          ->  per_unit
    C  few units and padding                           ->  per_pad
    D  many units, another text                        ->  averaged with B, as no two texts count quite alike

A decides how many are many: a tokenizer of bytes counts five times what one of words does.

The requests cost money: they are reserved, booked and journalled like any other, as `Measured`, and are in no table.
"""

import functools
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from evalrun.data.ladder import LadderSource, nonce
from evalrun.data.places import Row
from evalrun.data.prompt import PromptWriter
from evalrun.data.scale import NOMINAL, Scale
from evalrun.errors import Unusable
from evalrun.run.ask import Asker
from evalrun.run.job import job
from evalrun.run.plan import Plan
from evalrun.store.lines import Calibrated, Measured
from evalrun.suite.read import Target
from evalrun.types import Completion

_Ask = Callable[[Row], Awaitable[int]]
"""Sends a row's prompt for one token of answer; returns the prompt tokens that the server counted."""

PAD = 48
FEW_TOKENS = 1024


class TooLong(Exception):
    """The endpoint refuses a prompt of this size."""


class Uncounted(Exception):
    """The endpoint's counts of prompt tokens do not follow the prompt."""


class CapReached(Exception):
    """The cap does not allow one more calibration request."""


async def calibrate(ladder: LadderSource, ask: _Ask, *, salt: str, root: Path) -> tuple[Scale, int]:
    """Return a ladder's scale, and how many requests it took: four, and those that were refused as too long.

    The many units make the largest rung: measured further down, the odd word more or less would be multiplied. Where
    the endpoint's context ends below it, they make half of it, or half of that. root: the folder of the suite.
    Raises TooLong, Uncounted.
    """
    probe, big, refused = ladder.probe, max(ladder.sizes), 0

    def built(index: int, units: int, pad: int) -> Row:
        first = nonce(salt, f"calibration {index} {units} {pad}") if ladder.nonce else ""
        return probe.build(index, units=units, pad=pad, nonce=first)

    few, _ = NOMINAL.fit(min(min(ladder.sizes), big // 4, FEW_TOKENS), least=probe.min_units, most=probe.max_units)
    if (count := ladder.counter(root)) is not None:
        return await _counted(count, ask, built, few=few, many=few + 1000), 1
    small, padded = await ask(built(0, few, 0)), await ask(built(0, few, PAD))
    guess = msgspec.structs.replace(NOMINAL, per_unit=max(small - NOMINAL.fixed, few) / few)
    while True:
        many, _ = guess.fit(big, least=few + 1, most=probe.max_units)
        try:
            large = (await ask(built(0, many, 0)) + await ask(built(1, many, 0))) / 2
            break
        except TooLong:
            refused += 1
            if many == few + 1:
                raise
            big //= 2
    if not small < min(padded, large):
        lengths = [len(built(0, units, pad)["prompt"]) for units, pad in ((few, 0), (few, PAD), (many, 0))]
        found = zip((small, padded, large), lengths, strict=True)
        told = ", ".join(f"{count:g} for {length:,} characters" for count, length in found)
        raise Uncounted(f"its counts of prompt tokens do not grow with the prompt: {told}")
    return _scale(few, many, small=small, large=large, padded=padded), 4 + refused


async def _counted(
    count: Callable[[str], int], ask: _Ask, built: Callable[[int, int, int], Row], *, few: int, many: int
) -> Scale:
    """Count with a tokenizer; one request shows what the server adds to the text."""
    first = built(0, few, 0)
    small, large, padded = (count(row["prompt"]) for row in (first, built(0, many, 0), built(0, few, PAD)))
    counted = await ask(first)
    if counted < small / 2:
        raise Uncounted(f"it counts {counted} prompt tokens where the ladder's tokenizer counts {small}")
    return _scale(few, many, small=small, large=large, padded=padded, overhead=counted - small)


def _scale(few: int, many: int, *, small: int, large: float, padded: int, overhead: int = 0) -> Scale:
    """Return the line through the counts of few and of many units. overhead: what the server adds to each."""
    per_unit = (large - small) / (many - few)
    fixed = overhead + small - per_unit * few
    return Scale(fixed=fixed, per_unit=per_unit, per_pad=(padded - small) / PAD, overhead=overhead)


class Calibrating:
    """Measures a target's scales over the wire, through the asker that will ask it: under the same cap and rules."""

    def __init__(self, plan: Plan, target: Target, asker: Asker) -> None:
        self._plan, self._target, self._asker = plan, target, asker
        self._known = dict(asker.writer.run.index.measured)

    async def scale(self, task: str, ladder: LadderSource) -> Scale:
        """Measure the scale of a task's ladder. Raises Unusable, CapReached."""
        try:
            scale, requests = await self._measured(task, ladder)
        except Uncounted as error:
            raise Unusable(
                f"{self._target.name}: no prompt of task {task} can be made to size: {error}; a ladder needs an"
                " endpoint that counts its prompt tokens"
            ) from error
        except TooLong as error:
            raise Unusable(f"{self._target.name}: not even the smallest prompt of {task} fits: {error}") from error
        writer = self._asker.writer
        writer.append(
            Calibrated(
                session=writer.session,
                target=self._target.name,
                probe=ladder.mark,
                scale=msgspec.to_builtins(scale),
                requests=requests,
            )
        )
        return scale

    async def _measured(self, task: str, ladder: LadderSource) -> tuple[Scale, int]:
        """Calibrate; where counts of an earlier session do not follow the prompt, once more without them."""
        salt = f"{self._asker.writer.run.path.name} {self._target.name}"
        measure = functools.partial(
            calibrate, ladder, functools.partial(self._count, task), salt=salt, root=self._plan.places.root
        )
        try:
            return await measure()
        except Uncounted:
            if not self._known:
                raise
        self._known.clear()
        return await measure()

    async def _count(self, task: str, row: Row) -> int:
        """Ask for one token, and return how many the prompt had; an earlier session's count where there is one."""
        spec, asker = self._plan.suite.tasks[task], self._asker
        sample = PromptWriter(spec.prompt, task=task).sample(
            {"id": "calibration", "size": 0, "cache": "cold", **row}, 1
        )
        asked = job(sample, spec.sampling.model_copy(update={"max_tokens": 1}), self._target)
        if asked.key in self._known:
            return self._known[asked.key]
        reserved = await asker.reserve(asked)
        if reserved is None:
            raise CapReached
        outcome = await asker.ask(asked, reserved, kept=Measured)
        if asker.capped:
            raise CapReached
        if isinstance(outcome, Completion):
            if outcome.usage.prompt_tokens is None:
                raise Unusable(
                    f"{self._target.name}: it does not say how many tokens a prompt has; name a `tokenizer` in"
                    f" tasks.{task}.data, and set quirks.stream_usage"
                )
            return outcome.usage.prompt_tokens
        if outcome is not None and outcome.kind == "context_length":
            raise TooLong(outcome.message)
        why = asker.stopped or (outcome.message if outcome is not None else "not asked")
        raise Unusable(f"while measuring prompts of {task}: {why}")
