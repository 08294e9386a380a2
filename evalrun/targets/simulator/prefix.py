"""The simulator's prefix cache: which of a prompt's first tokens the latest prompts had too.

A prompt is in it from the moment it was read, and leaves it when so many others came after it. It keeps hashes only,
and no time passes in it.
"""

from array import array
from bisect import bisect_left

from evalrun.targets.simulator.prompt import BLOCK_TOKENS, Prompt


class PrefixCache:
    """The latest prompts' prefixes, the latest at the end. prompts: how many."""

    def __init__(self, prompts: int) -> None:
        self._prompts = prompts
        self._kept: dict[bytes, array[int]] = {}

    def take(self, prompt: Prompt) -> int:
        """Return how many of the prompt's tokens are cached, in whole blocks, and keep it as the latest."""
        blocks = max((_shared(prompt.prefixes, prefixes) for prefixes in self._kept.values()), default=0)
        self._kept.pop(prompt.mark, None)
        self._kept[prompt.mark] = prompt.prefixes
        if len(self._kept) > self._prompts:
            del self._kept[next(iter(self._kept))]
        return blocks * BLOCK_TOKENS


def _shared(one: "array[int]", other: "array[int]") -> int:
    """Count the prefixes that both have: as each stands for all before it, those are the first ones."""
    return bisect_left(range(min(len(one), len(other))), True, key=lambda block: one[block] != other[block])
