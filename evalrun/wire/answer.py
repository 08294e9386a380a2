"""What the pieces of a chat reply add up to: texts joined, reasoning set apart, leaked markers removed.

Whether the sum counts as an answer is decided in `chat`.
"""

from array import array
from collections.abc import Callable, Iterable
from math import inf
from operator import attrgetter

from evalrun.ends import Finish, finish_of, gravest
from evalrun.types import Completion, Json, TokenSource, ToolCall, Usage
from evalrun.wire import reasoning
from evalrun.wire.chunk import NO_ENDING, ChatReply, Choice, Delta, ToolFragment, ending
from evalrun.wire.pace import MOST_BYTES
from evalrun.wire.pieces import Pieces
from evalrun.wire.reasoning import Split
from evalrun.wire.tools import MOST_CALLS, Tools
from evalrun.wire.usage import Tokens

Redact = Callable[[str], str]
"""Removes secrets from a text; `str` removes nothing."""

_BESIDE = tuple(name for name in Delta.__struct_fields__ if name != "content")
_beside_content, _NOTHING = attrgetter(*_BESIDE), (None,) * len(_BESIDE)
_MOST_ENDS = 16  # different words for how one answer ended
MOST_TEXT = 8 * 2**20
"""UTF-8 bytes of text in one answer: of all choices, with reasoning and tool calls. Two million tokens."""
MOST_EVENTS = 2**18
"""Token events of one answer. No model writes as many tokens at once."""
MOST_CHOICES = 128
"""Choices of one answer: the most that APIs allow."""
PARTIAL_CHARS = 64 * 1024
"""How much of a broken answer is kept."""
_NAME_CHARS = 1_000
"""How much is kept of what a server calls its model, an answer, a call."""


def strip_markers(text: str, markers: Iterable[str]) -> tuple[str, bool]:
    """Remove end markers from the end; return whether there were any."""
    endings = tuple(marker for marker in markers if marker)
    kept = end = len(text)
    while True:
        while end and text[end - 1].isspace():
            end -= 1
        marker = next((each for each in endings if text.endswith(each, 0, end)), None)
        if marker is None:
            return text[:kept], kept < len(text)
        kept = end = end - len(marker)


def well_formed(text: str) -> str:
    """Join split surrogate pairs; half a pair becomes U+FFFD. The result is always valid UTF-8."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _size(text: str | None) -> int:
    """Return the UTF-8 bytes of a text."""
    return 0 if not text else len(text) if text.isascii() else len(text.encode(errors="replace"))


class _Choice:
    """One choice so far."""

    def __init__(self) -> None:
        self.content = Pieces()
        self.content_at = array("q")  # the instant of each of its pieces: an inline <think> moves the answer's start
        self.content_sizes = array("q")  # and its characters
        self.reasoning = Pieces()
        self.shapes: dict[str, None] = {}  # of reasoning that was sent apart
        self.refusal = Pieces()
        self.tools = Tools()
        self.acted_at: int | None = None  # the first refusal or tool call
        self.ends: list[str] = []
        self.error: Json = None
        self._split: tuple[int, str, Split] | None = None

    def add(self, delta: Delta, at_ns: int, *, whole: bool) -> int | None:
        """Add a delta, or a message that is whole; return the bytes of its text, None where it was no token event."""
        if delta.content.__class__ is str and _beside_content(delta) == _NOTHING:
            return self._say(delta.content, at_ns)
        text, thought, shape = reasoning.said(delta)
        if shape:
            self.reasoning.add(thought)
            self.shapes[shape] = None
        spoke, acted = self._say(text, at_ns), self._act(delta, at_ns, whole=whole)
        if spoke is None and acted is None and not shape:
            return None
        return (spoke or 0) + (acted or 0) + _size(thought)

    def add_message(self, message: Delta, at_ns: int) -> int | None:
        """Add a whole message. In a stream each may have all that came before it, which is not added again."""
        if not (self.content or self.reasoning or self.acted_at is not None):
            return self.add(message, at_ns, whole=True)
        text, size = reasoning.said(message).text, self.content.size
        return self._say(text[size:], at_ns) if len(text) > size and text.startswith(str(self.content)) else None

    def _say(self, text: str, at_ns: int) -> int | None:
        if not text:
            return None
        self.content.add(text)
        self.content_at.append(at_ns)
        self.content_sizes.append(len(text))
        return _size(text)

    def _act(self, delta: Delta, at_ns: int, *, whole: bool) -> int | None:
        """Add a refusal and tool calls, if there are any."""
        fragments = [*(delta.tool_calls or ())]
        if delta.function_call:
            fragments.append(ToolFragment(index=0, function=delta.function_call))
        if not (delta.refusal or fragments):
            return None
        self.refusal.add(delta.refusal or "")
        for fragment in fragments:
            self.tools.add(fragment, whole=whole)
            if len(self.tools) > MOST_CALLS:
                break
        if self.acted_at is None:
            self.acted_at = at_ns
        called = [each.called for each in fragments]
        texts = (delta.refusal, *(each.name for each in called), *(each.arguments for each in called))
        return sum(map(_size, texts))

    def end(self, part: Choice) -> None:
        """Note what a part says about the end."""
        self.ends += [word for word in part.ends if word not in self.ends and len(self.ends) < _MOST_ENDS]
        self.error = part.error or self.error

    @property
    def finish_reason(self) -> str | None:
        """The word that decides how it ended."""
        return gravest(self.ends)

    @property
    def finish(self) -> Finish:
        return finish_of(self.finish_reason)

    def split(self) -> tuple[str, Split]:
        """Return the whole content, and where its answer is."""
        if self._split is None or self._split[0] != len(self.content_at):
            content = str(self.content)
            self._split = len(self.content_at), content, reasoning.split(content, reasoned=bool(self.reasoning))
        return self._split[1:]

    def lacks(self, *, text: bool, refusal: bool, called: bool, thought: bool) -> dict[str, bool]:
        """Return by flag what an answer with these parts lacks."""
        whole = self.finish != "truncated"
        return {
            "unknown_end": self.finish == "unknown",
            "reasoning_only": thought and whole and not (text or refusal or called),
            "only_tool_calls": called and not text,
            "only_refusal": refusal and not (text or called),
            "blank": whole and not (thought or refusal or called or text),
        }

    def answer(self, end_markers: Iterable[str]) -> tuple[str, bool]:
        """Return the answer without leaked end markers, and whether there were any."""
        content, split = self.split()
        return strip_markers(content[split.answer_at : split.answer_end], end_markers)

    def answered_at(self) -> int | None:
        """Return the instant of the first token event that was no reasoning."""
        _, split = self.split()
        instants = [] if self.acted_at is None else [self.acted_at]
        if split.answer_at < split.answer_end:
            end = 0
            for size, at_ns in zip(self.content_sizes, self.content_at, strict=True):
                end += size
                if end > split.answer_at:
                    instants.append(at_ns)
                    break
        return min(instants, default=None)


class Draft:
    """The reply so far. `add` is the hot path: texts are joined by the thousand, nothing is read before the end.

    instants, sizes: one per token event, of any choice: when it came, and the bytes of its text.
    overfull: what there is more of than an answer may hold; empty while it is within bounds.
    """

    def __init__(self, *, streamed: bool) -> None:
        self.instants = array("q")
        self.sizes = array("q")
        self.overfull = ""
        self._held = 0  # bytes of text
        self.tokens = Tokens()
        self._counted_by: set[int] = set()  # choices with a usage block of their own
        self._id = self._model = self._fingerprint = ""
        self._streamed = streamed
        self._choices: dict[int, _Choice] = {}

    def add(self, reply: ChatReply, at_ns: int) -> None:
        """Add a chunk, or a whole reply."""
        if reply.usage is not None or reply.x_groq is not None:
            self.count(reply)
        if not self._id:
            self._id = reply.id or ""
        if reply.model:  # a gateway that falls back to another model says so late
            self._model = reply.model
        if reply.system_fingerprint:
            self._fingerprint = reply.system_fingerprint
        for part in reply.choices or ():
            choice = self._choices.get(part.index)
            if choice is None:
                if len(self._choices) == MOST_CHOICES:
                    self.overfull = f"more than {MOST_CHOICES} choices"
                    return
                choice = self._choices[part.index] = _Choice()
            if ending(part) != NO_ENDING:
                choice.end(part)
                if part.usage:
                    self._count_choice(part)
            if self._streamed and part.delta is not None:
                size = choice.add(part.delta, at_ns, whole=False)
            else:
                size = None if part.message is None else choice.add_message(part.message, at_ns)
            if size is not None:
                self.instants.append(at_ns)
                self.sizes.append(size)
                self._held += size
                if self._held > MOST_TEXT or len(self.instants) > MOST_EVENTS or len(choice.tools) > MOST_CALLS:
                    self.overfull = self._what_is_over(len(choice.tools))
                    return

    def _what_is_over(self, calls: int) -> str:
        if calls > MOST_CALLS:
            return f"more than {MOST_CALLS:,} tool calls"
        if self._held > MOST_TEXT:
            return f"more than {MOST_TEXT:,} bytes of text"
        return f"more than {MOST_EVENTS:,} token events"

    def count(self, reply: ChatReply) -> None:
        """Add the usage of a chunk: its own, or Groq's."""
        self.tokens.add(reply.usage)
        if isinstance(reply.x_groq, dict):
            self.tokens.add(reply.x_groq.get("usage"))

    def _count_choice(self, part: Choice) -> None:
        """Add the usage of a choice (Moonshot). Where several have one, nothing says what the sum is."""
        self.tokens.add(part.usage)
        self._counted_by.add(part.index)

    @property
    def finish_reason(self) -> str | None:
        """The word for the end of the answer: of choice 0, or of the lowest there is."""
        return self._in_order()[0].finish_reason

    @property
    def finish(self) -> Finish:
        """How the answer ended."""
        return self._in_order()[0].finish

    @property
    def error(self) -> Json:
        """What the answer's choice has as its error."""
        return self._in_order()[0].error

    @property
    def began(self) -> bool:
        """Whether there is a choice."""
        return bool(self._choices)

    @property
    def finished(self) -> bool:
        """Whether there is a choice and every choice has a finish reason."""
        return bool(self._choices) and all(choice.ends for choice in self._choices.values())

    @property
    def first_answer_ns(self) -> int | None:
        """The instant of the first token event that was no reasoning, neither apart nor inside `<think>`."""
        instants = (choice.answered_at() for choice in self._choices.values())
        return min((at_ns for at_ns in instants if at_ns is not None), default=None)

    def partial(self, redact: Redact) -> str:
        """Return the beginning of the answer's text so far, as it came. Redacted before the cut, as in `head`."""
        return redact(well_formed(str(self._in_order()[0].content)))[:PARTIAL_CHARS]

    def completion(self, *, end_markers: Iterable[str], redact: Redact, flags: Iterable[str]) -> Completion:
        """Return the sum. flags: what the caller found odd."""

        def clean(text: str) -> str:
            return redact(well_formed(text))

        def called(name: str) -> str:
            return clean(name)[:_NAME_CHARS]

        first, *others = self._in_order()
        text, leaked = first.answer(end_markers)
        _, split = first.split()
        counted, counted_flags = self.tokens.usage()
        tokens, source = self._tokens(counted)
        calls = [
            ToolCall(id=called(c.id), name=called(c.name), arguments=clean(c.arguments)) for c in first.tools.calls()
        ]
        thought, refusal = str(first.reasoning), clean(str(first.refusal))
        if split.thought.strip() != thought.strip():  # else it was sent both ways
            thought += split.thought
        shapes = (*first.shapes, split.shape) if split.shape else tuple(first.shapes)
        odd = {split.flag: True, "leaked_marker": leaked, "usage_mismatch": self._exceeds(counted)}
        odd |= first.lacks(text=bool(text.strip()), refusal=bool(refusal), called=bool(calls), thought=bool(shapes))
        odd |= {f"other_{choice.finish}": choice.finish != "complete" for choice in others}
        own = {flag for flag, is_so in odd.items() if flag and is_so}
        return Completion(
            text=clean(text),
            reasoning=clean(thought),
            reasoning_shapes=shapes,
            refusal=refusal,
            tool_calls=tuple(calls),
            finish_reason=clean(first.finish_reason) if first.finish_reason else None,
            usage=counted,
            tokens=tokens,
            token_source=source,
            chunks=len(self.instants) if self._streamed else 0,
            streamed=self._streamed,
            model=called(self._model),
            response_id=called(self._id),
            system_fingerprint=called(self._fingerprint),
            others=tuple(clean(other.answer(end_markers)[0]) for other in others),
            flags=tuple(sorted({*flags, *own, *counted_flags, *first.tools.flags})),
        )

    def _exceeds(self, counted: Usage) -> bool:
        """Return whether the counts disagree, or more text came than the counted tokens can hold."""
        return len(self._counted_by) > 1 or sum(self.sizes) > MOST_BYTES * (counted.completion_tokens or inf)

    def _in_order(self) -> list[_Choice]:
        return [choice for _, choice in sorted(self._choices.items())] or [_Choice()]

    def _tokens(self, counted: Usage) -> tuple[int | None, TokenSource | None]:
        """Return the completion tokens and who counted them; chunks where the server did not."""
        if counted.completion_tokens is not None:
            return counted.completion_tokens, "usage"
        return (len(self.instants), "chunks") if self._streamed else (None, None)
