"""How long a server asks to wait: in headers, in the fields of an error, in its words. No clock: the caller has one.

    Retry-After, retry-after-ms        the server's own wish, the largest of them
    retryDelay, "try again in 2.5s"    what the error says, where no header does
    *ratelimit-reset*                  of an allowance that is used up, where nothing else is said

Sources: RFC 9110 (Retry-After), draft-ietf-httpapi-ratelimit-headers, the rate limit pages of OpenAI, Azure, Anthropic,
Groq, Mistral, Cerebras, Together and OpenRouter, google.rpc.RetryInfo, and Hugging Face's estimated_time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from evalrun.types import Json

MOST_S = 1e9
"""A longer wait is shown as this one: some 30 years."""
_LONGEST = 80  # characters of a header that can be a wait
_EPOCH_S = 1_000_000_000  # a number above it may be an instant
_NEAR_S = 400 * 86_400  # an instant is near now, else the number is a duration

_RETRY = ("retry-after", "retry-after-ms", "x-ms-retry-after-ms", "x-retry-after")

_UNITS_S = {"n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "ms": 0.001, "mi": 60.0, "m": 60.0, "s": 1.0, "h": 3600.0}
_UNITS_S |= {"mil": 0.001, "d": 86_400.0, "毫": 0.001, "秒": 1.0, "分": 60.0, "小": 3600.0}
_NUMBER = r"\d{1,18}(?:\.\d{1,12})?"
_UNIT = (
    r"(?:[nuµμ]s|ms|milli(?:second)?s?|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?"
    r"|毫秒|秒|分钟?|小时)(?:\(s\))?(?![a-zµμ])"
)
_PIECE = re.compile(rf"({_NUMBER})\s?({_UNIT})", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,]{0,3}(?:and\s)?")

_ASKS = re.compile(
    r"(?<![a-z])(?:try(?:ing)?(?: it| your request)? again|retry(?:[ _-]after|ing)?|wait|resets?|available again"
    rf"|come back|estimated time)(?:[^\w\n]{{0,4}}[a-z]{{1,12}}){{0,4}}[^\w\n]{{0,4}}(?={_NUMBER})",
    re.IGNORECASE,
)
_ASKS_AFTER = re.compile(rf"(?={_NUMBER}\s?(?:毫秒|秒|分钟?|小时)[之以]?后)")
_AFTER = re.compile(r"after\W*$", re.IGNORECASE)
_BARE = re.compile(rf"{_NUMBER}(?![\w%/:-]|\.\d)")
_ONE = re.compile(r"\b(?:an?|one) (?=(?:second|minute|hour|day)\b)", re.IGNORECASE)
_PROSE_CHARS = 4096


# ---------------------------------------------------------------- one value


def wait_s(text: str, now: datetime | None) -> float | None:
    """Read a wait in any spelling, in seconds; negative for an instant that has passed, None if it is none.

    `7`, `2.5`, `1m30s`, `120ms`, `2 minutes`; epoch seconds or milliseconds, an HTTP date, ISO 8601: those need `now`.
    """
    text = text.strip().strip('"')
    if not text or len(text) > _LONGEST:
        return None
    if re.fullmatch(_NUMBER, text):
        return _number_s(float(text), now)
    duration_s, end = _duration(text, 0)
    if end == len(text):
        return min(duration_s, MOST_S)
    instant = _instant(text)
    return None if instant is None or now is None else (instant - now).total_seconds()


def _number_s(number: float, now: datetime | None) -> float:
    """Return a plain number as a wait: an instant where it is one, else seconds."""
    instant_s = number / 1000 if number > _EPOCH_S * 1000 else number
    if now is not None and instant_s > _EPOCH_S and abs(ahead_s := instant_s - now.timestamp()) < _NEAR_S:
        return ahead_s
    return min(number, MOST_S)


def _duration(text: str, start: int) -> tuple[float, int]:
    """Return the sum of the pieces `1m`, `2.3s`, ... from `start` on, and where they end."""
    total_s, end, begin = 0.0, start, start
    while piece := _PIECE.match(text, begin):
        unit = piece[2].lower()
        total_s += float(piece[1]) * next(_UNITS_S[name] for n in (3, 2, 1) if (name := unit[:n]) in _UNITS_S)
        end = piece.end()
        between = _BETWEEN.match(text, end)
        begin = between.end() if between else end
    return total_s, end


def _instant(text: str) -> datetime | None:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        try:
            date = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


# ---------------------------------------------------------------- headers


@dataclass(slots=True)
class Allowance:
    """What a server allows of something, as its headers tell. None: not told. reset_s: until it is whole again."""

    remaining: float | None = None
    reset_s: float | None = None

    @property
    def used_up(self) -> bool:
        return self.remaining is not None and self.remaining <= 0


_PART = re.compile(r"(?<![a-z])(remaining|reset)(-ms)?(?:-(?:after|at|in|time|seconds))?(?![a-z])")
_LIMITED = re.compile("limit|quota")
_LEADING = re.compile(r"\s*(-?\d{1,18}(?:\.\d{1,9})?)")
_LISTED = re.compile(r"(?<![a-z])(remaining|reset|r|t)\s?=\s?(-?\d{1,18})")


def allowances(headers: Mapping[str, str], now: datetime | None) -> dict[str, Allowance]:
    """Return the allowances that headers tell of, by name. headers: names in lower case.

    `x-ratelimit-remaining-tokens`, `anthropic-ratelimit-requests-reset`, `RateLimit: limit=9, remaining=0, reset=5`.
    """
    found: dict[str, Allowance] = {}
    for header, value in headers.items():
        name = header.replace("_", "-").replace("rate-limit", "ratelimit")
        if not _LIMITED.search(name):
            continue
        if name == "ratelimit":
            for part, number in _LISTED.findall(value[:200]):
                _tell(found.setdefault(name, Allowance()), part, number, now)
        elif part := _PART.search(name):
            own = found.setdefault((name[: part.start()] + name[part.end() :]).strip("-"), Allowance())
            _tell(own, part[1], f"{value}ms" if part[2] else value, now)
    return found


def _tell(allowance: Allowance, part: str, value: str, now: datetime | None) -> None:
    if part in ("remaining", "r"):
        number = _LEADING.match(value)
        allowance.remaining = float(number[1]) if number else None
    else:
        allowance.reset_s = wait_s(value, now)


def used_up_s(headers: Mapping[str, str], now: datetime | None) -> float | None:
    """Return for how long an allowance is used up, in seconds; None where none is known to be."""
    known = allowances(headers, _server_now(headers, now)).values()
    waits = [each.reset_s for each in known if each.used_up and each.reset_s is not None]
    if not waits and any(each.used_up for each in known):  # Kong: what remains and the reset have other names
        waits = [each.reset_s for each in known if each.remaining is None and each.reset_s is not None]
    return max((wait for wait in waits if wait > 0), default=None)


def asked_s(headers: Mapping[str, str], now: datetime | None, *, said_s: float | None, limited: bool) -> float | None:
    """Return the wait that an answer asks for, in seconds; None where it asks for none or for nonsense.

    headers: names in lower case. now: used only where the answer has no Date of its own, since the server's clock is
    the one its dates are written by. said_s: what its body says. limited: it refuses because of a rate limit; else
    allowances say nothing about it. Where no allowance says what remains, the first one to be whole again counts.
    """
    server_now = _server_now(headers, now)
    wishes = [_wish_s(name, headers[name], server_now) for name in _RETRY if name in headers]
    if valid := [wish for wish in wishes if wish is not None and wish > 0]:
        return max(valid)
    if said_s is not None or not limited:
        return said_s
    if (until_s := used_up_s(headers, now)) is not None:
        return until_s
    known = allowances(headers, server_now).values()
    if any(each.remaining is not None for each in known):
        return None
    return min((each.reset_s for each in known if each.reset_s is not None and each.reset_s > 0), default=None)


def nonsense(headers: Mapping[str, str], now: datetime | None) -> str:
    """Return a header that asks for a wait and cannot be read as one, as `name: value`; empty where there is none."""
    for name in _RETRY:
        if headers.get(name, "").strip() and ((wish := _wish_s(name, headers[name], now)) is None or wish < 0):
            return f"{name}: {headers[name][:40]}"
    return ""


def _wish_s(name: str, value: str, now: datetime | None) -> float | None:
    in_ms = name.endswith("-ms") and re.fullmatch(_NUMBER, value.strip())
    return min(float(value) / 1000, MOST_S) if in_ms else wait_s(value, now)


def _server_now(headers: Mapping[str, str], now: datetime | None) -> datetime | None:
    date = headers.get("date", "")
    return (_instant(date) if len(date) <= _LONGEST else None) or now


# ---------------------------------------------------------------- bodies

_FIELDS_S = {
    "retrydelay": 1.0, "retryafter": 1.0, "retryafterseconds": 1.0, "retryafters": 1.0, "retryaftersec": 1.0,
    "retryafterms": 0.001, "retryaftermillis": 0.001, "retryaftermilliseconds": 0.001, "retryin": 1.0,
    "retryinseconds": 1.0, "waitseconds": 1.0, "waittime": 1.0, "waits": 1.0, "estimatedtime": 1.0,
    "resetsinseconds": 1.0, "resetinseconds": 1.0, "resetin": 1.0, "resetafter": 1.0, "quotaresetdelay": 1.0,
    "cooldownseconds": 1.0, "backoffseconds": 1.0, "secondsuntilreset": 1.0,
}  # fmt: skip
_MOST_FIELDS, _DEEPEST = 300, 8


def said_s(value: Json, words: str) -> float | None:
    """Return the wait that an error asks for, in seconds: in a field of it, else in its words. None: no wait."""
    fields = [wait for wait in _in_fields(value) if wait > 0]
    return max(fields) if fields else _in_words(words[:_PROSE_CHARS])


def _in_fields(value: Json) -> Iterator[float]:
    """Yield the waits in the fields of an error, at any depth within reason."""
    left, rest = _MOST_FIELDS, [(0, value)]
    while rest and left:
        left -= 1
        depth, item = rest.pop()
        if depth > _DEEPEST or not isinstance(item, dict | list):
            continue
        named = list(item.items()) if isinstance(item, dict) else [("", each) for each in item[:20]]
        for name, inner in named[:50]:
            unit_s = _FIELDS_S.get(re.sub("[^a-z]", "", str(name)[:40].lower()))
            if unit_s is not None and (wait := _field_s(inner, unit_s)) is not None:
                yield wait
            rest.append((depth + 1, inner))


def _field_s(value: Json, unit_s: float) -> float | None:
    if isinstance(value, dict):  # a google.protobuf.Duration that was not shortened
        value = value.get("seconds")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    if re.fullmatch(_NUMBER, text.strip()):
        return min(float(text) * unit_s, MOST_S)
    return wait_s(text, None)


def _in_words(text: str) -> float | None:
    """Return the longest wait that a sentence asks for: "try again in 1m2.3s", "retry after 20", "请在20秒后重试"."""
    text = _ONE.sub("1 ", text)
    waits = []
    for asks in (*_ASKS.finditer(text), *_ASKS_AFTER.finditer(text)):
        duration_s, end = _duration(text, asks.end())
        if end > asks.end():
            waits.append(min(duration_s, MOST_S))
        elif (bare := _BARE.match(text, asks.end())) and _AFTER.search(asks[0]):
            waits.append(min(float(bare[0]), MOST_S))
    return max((wait for wait in waits if wait > 0), default=None)
