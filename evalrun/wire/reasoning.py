"""Reasoning in the shapes that servers send it: in fields of its own, in parts of the content, in tags in the text.

    field     `reasoning_content`, `reasoning`, `thinking`, ...: a text, or a list of items with texts
    part      the content as a list, with items of the type `thinking` or `reasoning` beside those of the text
    tags      `<think>...</think>` and its relatives (`TAGS`), at the start of the content

Each piece of reasoning counts once, however many fields of a delta hold it. The rules are docs/metrics.md's.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from evalrun.types import Json

FIELDS = (
    "reasoning_content", "reasoning", "reasoning_text", "reasoning_details", "thinking", "thinking_content",
    "thinking_blocks", "thought", "thoughts",
)  # fmt: skip
"""Fields of a delta or a message that hold reasoning; where several do, the first one counts."""
PART = "content part"
ENCRYPTED = "encrypted"
_TEXTS = ("text", "thinking", "reasoning", "summary", "content", "thought")
_PARTS = frozenset({"thinking", "reasoning", "thought", "redacted_thinking", "reasoning_text", "summary_text"})
_SECRETS = ("data", "encrypted_content")
_DEEPEST = 4


class Said(NamedTuple):
    """What a delta says: text of the answer, text of reasoning, the shape of the reasoning (empty: there is none)."""

    text: str
    thought: str = ""
    shape: str = ""


_SILENT = Said("")


class Spoken(Protocol):
    """A delta or a message, as decoded."""

    content: Json
    thought: Json
    extra_content: Json


def said(delta: Spoken) -> Said:
    """Take a delta's content and reasoning apart."""
    text, thought, shape = _content(delta)
    for name in FIELDS:
        value = getattr(delta, name)
        if not value or value is True:
            continue
        found = value if value.__class__ is str else "".join(_texts(value, 0))
        if found or _is_encrypted(value):
            return Said(text, found, name if found else ENCRYPTED)
    return Said(text, thought, shape)


def _content(delta: Spoken) -> Said:
    content = delta.content
    if content is None:
        return _SILENT
    if isinstance(content, str):
        return Said("", content, PART if content else "") if _all_thought(delta) else Said(content)
    parts = [content] if isinstance(content, dict) else content if isinstance(content, list) else ()
    texts, thoughts = list[str](), list[str]()
    hidden = False
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            inside = _is_thought(part)
            hidden |= inside and _is_encrypted(part)
            (thoughts if inside else texts).extend(_texts(part, 0))
    thought = "".join(thoughts)
    return Said("".join(texts), thought, PART if thought else ENCRYPTED if hidden else "")


def _is_thought(part: dict[str, Json]) -> bool:
    kind = part.get("type")
    return part.get("thought") is True or (isinstance(kind, str) and (kind in _PARTS or kind.startswith("reasoning.")))


def _all_thought(delta: Spoken) -> bool:
    """Return whether the content is marked as reasoning: by `thought`, or by Google's `extra_content`."""
    google = delta.extra_content.get("google") if isinstance(delta.extra_content, dict) else None
    return delta.thought is True or (isinstance(google, dict) and google.get("thought") is True)


def _texts(value: Json, depth: int) -> Iterator[str]:
    """Yield the texts of a field: of an item the first of its fields that has one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < _DEEPEST:
        for item in value:
            yield from _texts(item, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        for name in _TEXTS:
            if found := "".join(_texts(value.get(name), depth + 1)):
                yield found
                return


def _is_encrypted(value: Json) -> bool:
    """Return whether a field has reasoning that cannot be read."""
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, dict) and any(item.get(name) for name in _SECRETS) for item in items)


# ---------------------------------------------------------------- in the text

_HARMONY_FINAL = r"(?:<\|end\|>)?(?:<\|start\|>assistant)?<\|channel\|>final\b[^<]{0,200}<\|message\|>"
BARE = "harmony without its tokens"
TAGS: dict[str, tuple[str, str, str]] = {
    "<think>": (r"<think>", r"</think>", "</think>"),
    "<thinking>": (r"<thinking>", r"</thinking>", "</thinking>"),
    "<thought>": (r"<thoughts?>", r"</thoughts?>", "</thought"),
    "<reasoning>": (r"<reasoning>", r"</reasoning>", "</reasoning>"),
    "<vendor think>": (r"<[a-z]{1,20}[:_]think>", r"</[a-z]{1,20}[:_]think>", "think>"),
    "◁think▷": (r"◁think▷", r"◁/think▷", "◁/think▷"),
    "[THINK]": (r"\[THINK\]", r"\[/THINK\]", "[/think]"),
    "<|think|>": (r"<\|think\|>", r"<\|/think\|>", "<|/think|>"),
    "<|begin_of_thought|>": (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>", "<|end_of_thought|>"),
    "<|START_THINKING|>": (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>", "<|end_thinking|>"),
    "<|inner_prefix|>": (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>", "<|inner_suffix|>"),
    "<|channel>thought": (r"<\|channel>thought", r"<channel\|>", "<channel|>"),
    "<unused94>": (r"<unused94>thought", r"<unused95>", "<unused95>"),
    "harmony": (
        r"(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)\b[^<]{0,200}<\|message\|>",
        _HARMONY_FINAL, "<|channel|>final",
    ),
    BARE: (r"analysis(?=[A-Z])", r"assistantfinal", "assistantfinal"),
}  # fmt: skip
"""Shape -> patterns of the beginning and the end of reasoning in the text, and what every end has in lower case.

Upper and lower case are the same.
"""
_OPENERS = {shape: re.compile(r"\s*" + opener, re.IGNORECASE) for shape, (opener, _, _) in TAGS.items()}
_CLOSERS = {shape: re.compile(closer, re.IGNORECASE) for shape, (_, closer, _) in TAGS.items()}
_ANYWHERE = {shape: re.compile(opener, re.IGNORECASE) for shape, (opener, _, _) in TAGS.items()}
_FINAL = re.compile(r"\s*" + _HARMONY_FINAL, re.IGNORECASE)
_HARMONY_END = re.compile(r"<\|(?:return|end|call)\|>\s*\Z")


class Split(NamedTuple):
    """Content taken apart: the reasoning in it, where its answer begins and ends, its shape, and what was odd."""

    thought: str
    answer_at: int
    answer_end: int
    shape: str = ""
    flag: str = ""


def split(content: str, *, reasoned: bool) -> Split:
    """Set the reasoning at the start of the content apart from the answer.

    Without its end, all of it is reasoning. Without its beginning (templates that put `<think>` into the prompt), what
    precedes the end is, unless the reasoning was sent apart (`reasoned`); then an end alone, at the start, is dropped.
    """
    at, thoughts, shape, whole = 0, list[str](), "", len(content)
    while opened := _opened(content, at):
        shape, start = opened
        closed = _CLOSERS[shape].search(content, start)
        if closed is None and shape == BARE:  # the word `analysis`
            break
        if closed is None:
            return Split("\n".join([*thoughts, content[start:]]), whole, whole, shape, "unterminated_think")
        thoughts.append(content[start : closed.start()])
        at = closed.end()
    if at:
        return _answer(content, at, "\n".join(thoughts), shape, "inline_think")
    if final := _FINAL.match(content):
        return _answer(content, final.end(), "", "harmony", "inline_think")
    return _unopened(content, reasoned=reasoned) or Split("", 0, whole)


def _opened(content: str, at: int) -> tuple[str, int] | None:
    """Return the shape that begins here, and where what is in it begins; None where none does."""
    for shape, opener in _OPENERS.items():
        if found := opener.match(content, at):
            return shape, found.end()
    return None


def _unopened(content: str, *, reasoned: bool) -> Split | None:
    """Return the split at an end without a beginning; None where there is none."""
    lower = content.lower()
    for shape in (shape for shape, (_, _, every) in TAGS.items() if every in lower):
        closed = _CLOSERS[shape].search(content)
        if closed is None or _ANYWHERE[shape].search(content, 0, closed.start()):
            continue
        before = content[: closed.start()]
        if not (reasoned and before.strip()) and shape != BARE:
            return _answer(content, closed.end(), before, shape, "unopened_think")
    return None


def _answer(content: str, at: int, thought: str, shape: str, flag: str) -> Split:
    """Return the split whose answer begins at `at`, without the blanks before it."""
    begin, end = len(content) - len(content[at:].lstrip()), len(content)
    if shape == "harmony" and (ended := _HARMONY_END.search(content, begin)):
        end = ended.start()
    return Split(thought, begin, end, shape, flag)
