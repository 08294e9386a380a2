r"""The option `extract` of every scorer: a part of the reply, by a pattern, a JSON path or a tag, before its own rules.

    {regex: 'ANSWER: (.+)'}       the last match's group 1; without a group all of the match
    {json_path: result.items[0]}  a path into a JSON object anywhere in the reply, fenced or not
    {xml_tag: answer}             what is between <answer> and </answer>

The scorer then judges this part as if it were the whole reply. A pattern of the user's may take forever, so that a
scorer with one is called in a killable worker; paths and tags take time linear in the reply.
"""

import re
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from evalrun.score.container import objects, written
from evalrun.spec import Spec
from evalrun.types import Json

_STEP = re.compile(r"\.?([^.\[\]\"']+)|\[(-?[0-9]{1,6})\]|\[\"([^\"]*)\"\]|\['([^']*)'\]")


class Extract(Spec):
    """What part of a reply to judge: exactly one of `regex`, `json_path` and `xml_tag`."""

    regex: str | None = Field(default=None, min_length=1)
    """A Python regular expression; `^` and `$` match at lines. Its first group is the answer, else all of it."""
    json_path: str | None = Field(default=None, min_length=1)
    """Keys and indices in a JSON object of the reply: `answer`, `result.choices[0]`."""
    xml_tag: str | None = Field(default=None, pattern=r"^[A-Za-z_][\w.:-]{0,99}$")
    """The name of a tag."""
    take: Literal["first", "last"] = "last"
    """Which of several matches."""
    missing: Literal["unscored", "wrong", "fall_through"] = "unscored"
    """If nothing matches: no score, a score of 0, or the scorer's own rules on the whole reply."""

    @field_validator("regex")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        return pattern if pattern is None else compiles(pattern)

    @field_validator("json_path")
    @classmethod
    def _is_a_path(cls, path: str | None) -> str | None:
        if path is not None:
            _steps(path)
        return path

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(one is not None for one in (self.regex, self.json_path, self.xml_tag)) != 1:
            raise ValueError("needs exactly one of 'regex', 'json_path' and 'xml_tag'")
        return self

    @property
    def rule(self) -> str:
        """Return what a score says of how its answer was found."""
        return "extract." + ("regex" if self.regex else "json_path" if self.json_path else "xml_tag")

    def find(self, reply: str, *, cut: bool = False) -> str | None:
        """Return the part of a reply, stripped; None where there is none, or it is empty.

        cut: the reply was cut off at its token limit, so that a match that reaches its end may not be whole.
        """
        found = (part for part in self._parts(reply, cut=cut) if part)
        if self.take == "first":
            return next(found, None)
        last = None
        for part in found:
            last = part
        return last

    def _parts(self, reply: str, *, cut: bool) -> Iterator[str]:
        if self.regex is not None:
            end = len(reply.rstrip())
            for match in re.compile(self.regex, re.MULTILINE).finditer(reply):
                if not cut or match.end() < end:
                    yield (match[1 if match.re.groups else 0] or "").strip()
        elif self.json_path is not None:
            steps = _steps(self.json_path)
            for value, _ in objects(reply):
                yield written(_at(value, steps)) or ""
        else:
            yield from _tagged(reply, self.xml_tag or "")


def compiles(pattern: str) -> str:
    """Return a pattern that is a regular expression; else raises ValueError."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def _tagged(reply: str, name: str) -> Iterator[str]:
    """Yield the contents of a tag's innermost elements."""
    start: int | None = None
    for tag in re.compile(rf"<(/?){re.escape(name)}(?:\s[^<>]{{0,500}})?>", re.IGNORECASE).finditer(reply):
        if not tag[1]:
            start = tag.end()
        elif start is not None:
            yield reply[start : tag.start()].strip()
            start = None


def _steps(path: str) -> list[str | int]:
    """Read a path, with or without JSONPath's `$` before it. Raises ValueError."""
    steps: list[str | int] = []
    at, text = 0, path.removeprefix("$")
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None or (at == 0 and text[0] == "." and not path.startswith("$")):
            raise ValueError(f"{path!r} is not a JSON path; write e.g. answer, result.value or choices[0].text")
        steps.append(int(step[2]) if step[2] else next(key for key in (step[1], step[3], step[4]) if key is not None))
        at = step.end()
    if not steps:
        raise ValueError(f"{path!r} names no key; write e.g. answer")
    return steps


def _at(value: Json, steps: list[str | int]) -> Json:
    """Return what a path leads to; None where it leads nowhere."""
    for step in steps:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value
