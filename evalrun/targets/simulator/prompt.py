"""A prompt as the simulator counts it: its tokens, its digest, its prefixes, and which of these are cached. No clock.

A prompt is one row of tokens, as if a chat template had written it:

    [4 for the role] tokens of the text  [4 for the role] tokens of the text  [3 that ask for the answer]
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from evalrun.errors import SuiteError
from evalrun.targets.simulator.answers import digest, text_of
from evalrun.types import Json

MESSAGE_TOKENS, PROMPT_TOKENS = 4, 3  # what the template adds to each message, and to a conversation
BLOCK_TOKENS = 16  # of the prefix cache, as in vLLM

Tokenize = Callable[[str], Iterable[Hashable]]
"""From a text to its tokens: words, bytes or numbers."""


@dataclass(frozen=True, slots=True)
class CountedPrompt:
    """What is known of a conversation once it was read.

    mark: its digest. prefixes: a hash per whole block of tokens, of that block and all before it. The block with
    the last token has none: a server computes at least that token again.
    """

    mark: bytes
    tokens: int
    prefixes: "array[int]"


def read_prompt(messages: Sequence[Mapping[str, Json]], tokenize: Tokenize) -> CountedPrompt:
    """Count and mark a conversation; linear in its length, so a long one is work for a thread."""
    row: list[Hashable] = []
    for message in messages:
        row += [("role", str(message.get("role")))] * MESSAGE_TOKENS
        row += tokenize(text_of(message))
    row += [("answer",)] * PROMPT_TOKENS
    ends = range(BLOCK_TOKENS, len(row), BLOCK_TOKENS)
    blocks = (tuple(row[end - BLOCK_TOKENS : end]) for end in ends)
    chain = accumulate(blocks, _link, initial=0)  # Python's own hash: quick, and the marks never leave this process
    return CountedPrompt(digest(messages), len(row), array("q", chain)[1:])


def tokenizer(name: str, *, folder: Path) -> Tokenize:
    """Return the tokenizer called `words` or `bytes`, or the one in the file `name`, relative to `folder`."""
    match name:
        case "words":
            return str.split
        case "bytes":
            return str.encode
        case _:
            return _from_file((folder / Path(name).expanduser()).absolute())


def _from_file(path: Path) -> Tokenize:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        missing = f"target.tokenizer: {path}: the package tokenizers is not installed; `pip install tokenizers`"
        raise SuiteError(f"{missing}, or name `words` or `bytes`") from error
    right = "would be right: `words`, `bytes`, or the path of a tokenizer.json"
    try:
        tokenizer = Tokenizer.from_buffer(path.read_bytes())
    except OSError as error:
        raise SuiteError(f"target.tokenizer: {path}: {error.strerror}; {right}") from error
    except ValueError as error:
        raise SuiteError(f"target.tokenizer: {path}: not a tokenizer ({error}); {right}") from error
    tokenizer.no_truncation()  # some files cut at 512
    tokenizer.no_padding()

    def encode(text: str) -> list[int]:
        # a batch of one: unlike `encode`, it lets other threads run meanwhile
        ids: list[int] = tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids
        return ids

    return encode


def _link(before: int, block: Hashable) -> int:
    return hash((before, block))


class PrefixCache:
    """The prefixes of the latest prompts, the latest at the end. prompts: how many are kept.

    A prompt is in it from the moment it was read. Only hashes are kept, and no time passes.
    """

    def __init__(self, prompts: int) -> None:
        self._prompts = prompts
        self._kept: dict[bytes, array[int]] = {}

    def take(self, prompt: CountedPrompt) -> int:
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
