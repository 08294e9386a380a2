"""What the pieces of a chat reply add up to: texts joined, reasoning set apart, leaked markers removed.

Whether the sum counts as an answer is decided in `chat`.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from evalrun.types import Completion, TokenSource, ToolCall, Usage
from evalrun.wire.chunk import ChatReply, Counts, Delta, ToolFragment, usage

Redact = Callable[[str], str]
"""Removes secrets from a text; `str` removes nothing."""

OPEN, CLOSE = "<think>", "</think>"


class Split(NamedTuple):
    """Content taken apart: the reasoning inside it, where the answer starts, and what was odd."""

    thought: str
    answer_at: int
    flag: str = ""


def split_thought(content: str, *, reasoned: bool) -> Split:
    """Set `<think>...</think>` at the start of the content apart from the answer.

    Without its end, all of it is reasoning. Without its beginning (templates that put `<think>` into the prompt), what
    precedes the end is, unless the reasoning was sent apart (`reasoned`).
    """
    text = content.lstrip()
    if text.startswith(OPEN):
        start, flag = len(content) - len(text) + len(OPEN), "inline_think"
        end = content.find(CLOSE, start)
        if end < 0:
            return Split(content[start:], len(content), "unterminated_think")
    else:
        start, flag = 0, "unopened_think"
        end = -1 if reasoned or OPEN in content else content.find(CLOSE)
        if end < 0:
            return Split("", 0)
    answer = content[end + len(CLOSE) :].lstrip()
    return Split(content[start:end], len(content) - len(answer), flag)


def strip_markers(text: str, markers: Iterable[str]) -> tuple[str, bool]:
    """Remove end markers from the end; return whether there were any."""
    endings = tuple(marker for marker in markers if marker)
    leaked = False
    while (trimmed := text.rstrip()).endswith(endings):
        text = trimmed.removesuffix(next(marker for marker in endings if trimmed.endswith(marker)))
        leaked = True
    return text, leaked


def well_formed(text: str) -> str:
    """Join split surrogate pairs; half a pair becomes U+FFFD. The result is always valid UTF-8."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class _Tool:
    """A tool call so far."""

    def __init__(self) -> None:
        self.id = self.name = ""
        self.arguments: list[str] = []


class _Choice:
    """One choice so far."""

    def __init__(self) -> None:
        self.content: list[str] = []
        self.content_at: list[int] = []  # in step with content: an inline <think> moves the answer's start
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.tools: dict[int, _Tool] = {}
        self.acted_at: int | None = None  # the first refusal or tool call
        self.finish_reason: str | None = None

    def add(self, delta: Delta, at_ns: int) -> bool:
        """Add a delta; return whether it was a token event."""
        event = False
        if delta.content:
            self.content.append(delta.content)
            self.content_at.append(at_ns)
            event = True
        if thought := delta.reasoning_content or delta.reasoning:
            self.reasoning.append(thought)
            event = True
        if delta.refusal or delta.tool_calls:
            self.refusal.append(delta.refusal or "")
            for fragment in delta.tool_calls or ():
                self._call(fragment)
            if self.acted_at is None:
                self.acted_at = at_ns
            event = True
        return event

    def _call(self, fragment: ToolFragment) -> None:
        name = (fragment.function and fragment.function.name) or ""
        index = fragment.index
        if index is None:  # not the API, but seen: a name begins a new call, the rest belongs to the last one
            index = max(self.tools, default=-1) + (1 if name or not self.tools else 0)
        tool = self.tools.setdefault(index, _Tool())
        tool.id = tool.id or fragment.id or ""
        tool.name = tool.name or name
        if fragment.function and fragment.function.arguments:
            tool.arguments.append(fragment.function.arguments)

    def split(self) -> tuple[str, Split]:
        """Return the whole content, and where its answer is."""
        content = "".join(self.content)
        return content, split_thought(content, reasoned=bool(self.reasoning))

    def answered_at(self) -> int | None:
        """Return the instant of the first token event that was no reasoning."""
        content, split = self.split()
        instants = [] if self.acted_at is None else [self.acted_at]
        if split.answer_at < len(content):
            end = 0
            for text, at_ns in zip(self.content, self.content_at, strict=True):
                end += len(text)
                if end > split.answer_at:
                    instants.append(at_ns)
                    break
        return min(instants, default=None)


class Draft:
    """The reply so far. `add` is the hot path: texts and instants go to lists, nothing is joined before the end.

    instants: one per token event, of any choice.
    """

    def __init__(self, *, streamed: bool) -> None:
        self.instants: list[int] = []
        self._counts: Counts | None = None
        self._id = self._model = self._fingerprint = ""
        self._streamed = streamed
        self._choices: dict[int, _Choice] = {}

    def add(self, reply: ChatReply, at_ns: int) -> None:
        """Add a chunk, or a whole reply."""
        if reply.usage is not None:
            self._counts = reply.usage  # the last one wins; a server that sends it with every chunk sends totals
        if not self._id:
            self._id, self._model = reply.id or "", reply.model or self._model
        if reply.system_fingerprint:
            self._fingerprint = reply.system_fingerprint
        for part in reply.choices or ():
            choice = self._choices.get(part.index)
            if choice is None:
                choice = self._choices[part.index] = _Choice()
            if part.finish_reason:
                choice.finish_reason = part.finish_reason
            said = part.delta if self._streamed else part.message
            if said is not None and choice.add(said, at_ns):
                self.instants.append(at_ns)

    @property
    def finish_reason(self) -> str | None:
        """The finish reason of the answer: of choice 0, or of the lowest there is."""
        return self._in_order()[0].finish_reason

    @property
    def finished(self) -> bool:
        """Whether there is a choice and every choice has a finish reason."""
        return bool(self._choices) and all(choice.finish_reason for choice in self._choices.values())

    @property
    def first_answer_ns(self) -> int | None:
        """The instant of the first token event that was no reasoning, neither apart nor inside `<think>`."""
        instants = (choice.answered_at() for choice in self._choices.values())
        return min((at_ns for at_ns in instants if at_ns is not None), default=None)

    def partial(self, redact: Redact) -> str:
        """Return the answer's text so far, as it came."""
        return redact(well_formed("".join(self._in_order()[0].content)))

    def completion(self, *, end_markers: Iterable[str], redact: Redact, flags: Iterable[str]) -> Completion:
        """Return the sum. flags: what the caller found odd."""

        def clean(text: str) -> str:
            return redact(well_formed(text))

        first, *others = self._in_order()
        content, split = first.split()
        text, leaked = strip_markers(content[split.answer_at :], end_markers)
        counted, odd = _plausible(usage(self._counts))
        tokens, source = self._tokens(counted)
        own = (split.flag, leaked and "leaked_marker", odd and "odd_usage")
        return Completion(
            text=clean(text),
            reasoning=clean("".join(first.reasoning) + split.thought),
            refusal=clean("".join(first.refusal)),
            tool_calls=tuple(
                ToolCall(id=clean(tool.id), name=clean(tool.name), arguments=clean("".join(tool.arguments)))
                for _, tool in sorted(first.tools.items())
            ),
            finish_reason=clean(first.finish_reason) if first.finish_reason else None,
            usage=counted,
            tokens=tokens,
            token_source=source,
            chunks=len(self.instants) if self._streamed else 0,
            streamed=self._streamed,
            model=clean(self._model),
            response_id=clean(self._id),
            system_fingerprint=clean(self._fingerprint),
            others=tuple(clean(_answer(other, end_markers)) for other in others),
            flags=tuple(sorted({*flags, *(flag for flag in own if flag)})),
        )

    def _in_order(self) -> list[_Choice]:
        return [choice for _, choice in sorted(self._choices.items())] or [_Choice()]

    def _tokens(self, counted: Usage) -> tuple[int | None, TokenSource | None]:
        """Return the completion tokens and who counted them; chunks where the server did not."""
        if counted.completion_tokens is not None:
            return counted.completion_tokens, "usage"
        return (len(self.instants), "chunks") if self._streamed else (None, None)


def _answer(choice: _Choice, end_markers: Iterable[str]) -> str:
    content, split = choice.split()
    return strip_markers(content[split.answer_at :], end_markers)[0]


def _plausible(counted: Usage) -> tuple[Usage, bool]:
    """Take zero tokens for "not counted"; return whether a count is odd."""
    zeros = {name: None for name in ("prompt_tokens", "completion_tokens") if getattr(counted, name) == 0}
    counted = msgspec.structs.replace(counted, **zeros) if zeros else counted
    reasoning, completion = counted.reasoning_tokens, counted.completion_tokens
    outside = reasoning is not None and completion is not None and reasoning > completion  # it should be inside
    return counted, bool(zeros) or outside
