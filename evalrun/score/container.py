r"""The common containers of an answer: a tag, a JSON object, and a line of confidence beside it. Nothing here judges.

    <answer>42</answer>                       42, rule `tag`; of several the last that is not empty
    {"answer": 42, "confidence": 0.9}         42, rule `json`; fenced or not, of several the last with such a key
    {"result": {"final_answer": "42"}}        42: objects are looked into
    42 / Confidence: 95%                      the line of confidence goes

Numbers keep their spelling. Everything takes time linear in the text: an object that never closes is tried a few times.
"""

import json
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from evalrun.types import Json
from evalrun.wire.nested import loads

_MOST_TRIES = 20  # objects that do not close
_MOST_DEPTH = 40
_MOST_ITEMS = 1_000
_LOOKED_INTO = 4  # levels of objects
_TAGS = r"final[_-]?answer|answer|ans|final|solution|result"
_TAG = re.compile(
    rf"<({_TAGS})(?:\s[^<>]{{0,80}})?>|<\|begin_of_box\|>|\[(ANSWER|ANS)\]", re.IGNORECASE
)  # the second is GLM's
_WHOLE = re.compile(r"\s*<([A-Za-z]\w{0,40})>\s*([^<\s](?:[^<]{0,2000}[^<\s])?)\s*</\1>\s*")
_OPENS = re.compile(r"\{\s*[\"'}]")
_SIGNS = re.compile(r"\\.|[\"{}\[\]]", re.DOTALL)
_LATEX = re.compile(  # LaTeX that was not escaped for JSON: `\frac` is not a form feed and `rac`
    r"(?<!\\)\\(?=frac|boxed|binom|beta|bar|big|bmod|begin|text|times|theta|tan|tau|to\b|right|rho|rm|neq?\b|nu\b)"
    r"|(?<!\\)\\(?![\"\\/bfnrtu])"
)
_FENCE = re.compile(r"^[ \t]*```\w*[ \t]*$", re.MULTILINE)
_TRAILING = re.compile(r",(?=\s*[}\]])")
_KEYS = (
    "finalanswer", "answer", "correctanswer", "finalchoice", "answerchoice", "choice", "correctchoice",
    "selectedoption", "selectedchoice", "selectedanswer", "correctoption", "answerletter", "finalresult", "result",
    "solution", "最终答案",
    "答案", "ответ", "respuesta", "réponse", "antwort", "resposta", "risposta", "정답", "答え",
)  # fmt: skip
_GENERAL = ("final", "selected", "option", "letter", "label", "prediction", "value", "output", "response")
"""Keys that name an answer where the object is all of the text, or is in one of the others."""
_CONFIDENCE = (
    "confidence|certainty|konfidenz|sicherheit|vertrauen|confiance|confianza|confiança|fiducia|confidenza|уверенность"
    "|置信度|信心|确信度|確信度|自信度|신뢰도|확신도|güven|الثقة|विश्वास"
)
_SURE = re.compile(
    rf"^[ \t>*_#\-•]*(?:(?:my|overall|the|model|answer)[ _]){{0,2}}(?:{_CONFIDENCE})"
    rf"(?![ _-]?(?:interval|limit|band|region))[ _]?(?:level|score|rating|in[^:\n]{{0,40}})?[ \t*_]*"
    rf"(?:[:：=(\-–—]|\bis\b)[^\n]{{0,60}}$"
    r"|\([^()\n]{0,20}[0-9]{1,3} ?%[^()\n]{0,20}"
    r"(?:sure|certain|confident|sicher|sûre?|segur[oa]|sicur[oa]|уверен\w*|确定)\)"
    rf"|\((?:{_CONFIDENCE})[:：= ][^()\n]{{0,30}}\)"
    rf"|[ \t]?[—–,;-][ \t]?(?:{_CONFIDENCE})[:： ]{{1,3}}[0-9.]{{1,6}} ?%?"
    r"|^[ \t>*_#\-•]*probability (?:of|that)[^:\n]{0,40}\b(?:correct|right)\b[^\n]{0,30}$"
    r"|\b(?:I(?:'m|’m| am) )?(?:about |around |roughly |approximately )?[0-9.]{1,6} ?%"
    r" (?:confident|sure|certain)\b[^.\n]{0,60}\.?",
    re.IGNORECASE | re.MULTILINE,
)


class Contained(NamedTuple):
    """The content of a container, and where in the text the container ends."""

    content: str
    rule: Literal["tag", "json"]
    end: int


def inside(text: str, *, cut: bool = False) -> str:
    """Return the content of the last container of a text, and all of a text that has none."""
    found = contained(text, cut=cut)
    return found.content if found else text


def contained(text: str, *, cut: bool = False) -> Contained | None:
    """Return the content of the last container of a text that has one; a tag comes before an object.

    cut: the text was cut off at its token limit, so that only a container that closes counts.
    """
    return _tagged(text, cut=cut) or _in_object(text)


def without_confidence(text: str) -> str:
    """Drop what says how sure the model is, unless that is all there is."""
    rest = _SURE.sub("", text)
    return rest if rest != text and rest.strip(" \t\n*_-") else text


def _tagged(text: str, *, cut: bool) -> Contained | None:
    """Return the last content of an answer's tag. One that never closes, as before a stop sequence, takes the rest."""
    if whole := _WHOLE.fullmatch(text):
        return Contained(whole[2], "tag", len(text))
    tags = list(_TAG.finditer(text))
    for tag, end in zip(reversed(tags), [len(text), *(tag.start() for tag in reversed(tags))], strict=False):
        name = re.escape(tag[1] or tag[2] or "")
        closing = rf"</{name}\s*>" if tag[1] else rf"\[/{name}\]" if tag[2] else r"<\|end_of_box\|>"
        close = re.compile(closing, re.IGNORECASE).search(text, tag.end(), end)
        if close and (content := text[tag.end() : close.start()].strip()):
            return Contained(content, "tag", close.end())
    if not tags or cut:
        return None
    content = text[tags[-1].end() :].strip()
    return None if not content or content.startswith("</") else Contained(content, "tag", len(text))


def _in_object(text: str) -> Contained | None:
    found = None
    alone = _FENCE.sub("", text).strip()
    keys = _KEYS + _GENERAL if alone.startswith("{") and alone.endswith("}") else _KEYS
    for value, end in objects(text):
        if (content := _answer_of(value, keys, _LOOKED_INTO)) is not None:
            found = Contained(content, "json", end)
    return found


def objects(text: str) -> Iterator[tuple[dict[str, Json], int]]:
    """Yield the JSON objects of a text, each with its end. Numbers are texts, as they were written."""
    start = failures = 0
    while failures < _MOST_TRIES and (match := _OPENS.search(text, start)):
        end = _end(text, match.start())
        value = None if end is None else _decoded(text[match.start() : end])
        if value is None:
            failures += 1
            start = match.start() + 1
        else:
            yield value, end or 0
            start = end or 0


def _end(text: str, start: int) -> int | None:
    """Return where the object that starts there ends; None where it does not, or is absurdly deep."""
    depth, quoted = 0, False
    for sign in _SIGNS.finditer(text, start):
        if sign[0] == '"':
            quoted = not quoted
        elif not quoted and sign[0] in "{[":
            depth += 1
        elif not quoted and sign[0] in "}]":
            depth -= 1
        if depth == 0 and not quoted:
            return sign.end()
        if depth > _MOST_DEPTH:
            return None
    return None


def _decoded(text: str) -> dict[str, Json] | None:
    """Read an object as models write them: with a comma too many, LaTeX not escaped, or in Python's quotes."""
    text = _TRAILING.sub("", _LATEX.sub(r"\\\\", text))
    for spelling in (text, text.replace("'", '"')) if '"' not in text else (text,):
        try:
            value = loads(spelling, parse_int=str, parse_float=str, strict=False)
        except ValueError:
            continue
        return value if isinstance(value, dict) else None
    return None


def _answer_of(value: Json, keys: tuple[str, ...], levels: int) -> str | None:
    """Return what an object names as the answer: by its own keys, else by those of the objects in it."""
    if isinstance(value, str | bool):
        return written(value)
    if isinstance(value, list):
        every = [_answer_of(one, keys, levels) for one in value[:_MOST_ITEMS]]
        return ", ".join(one for one in every if one is not None) if every and None not in every else None
    if not isinstance(value, dict) or levels == 0:
        return None
    named = {re.sub(r"[\s_-]", "", key).casefold(): key for key in reversed(value)}
    for name in keys:
        if name in named:
            found = _answer_of(value[named[name]], _KEYS + _GENERAL, levels - 1)
            if found is not None:
                return found
    inner = [_answer_of(one, keys, levels - 1) for one in value.values() if isinstance(one, dict)]
    return next((one for one in inner if one is not None), None)


def written(value: Json) -> str | None:
    """Return a JSON value as the text of an answer; None for null and for what is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    return json.dumps(value, ensure_ascii=False)
