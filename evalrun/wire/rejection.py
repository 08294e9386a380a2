"""What a server says instead of an answer: HTTP errors, and error objects inside a reply. Resending is `retry`'s.

The status alone is not enough: quota is sent as 429, a full context as 400 or 500, moderation as 403. The server's own
words decide, codes before prose.
"""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from evalrun.types import Failure, FailureKind, Json, Phase
from evalrun.wire.answer import Redact, well_formed

HEAD_CHARS = 500
"""How much of an answer that cannot be read is shown."""


class Complaint(NamedTuple):
    """A server's error. code: its `code` and `type`, as sent. status: the HTTP status that it names, if any."""

    message: str
    code: str = ""
    status: int | None = None


def complaint(value: Json) -> Complaint:
    """Read an error object of any of the usual shapes: OpenAI, vLLM, llama.cpp, FastAPI, Google, plain text."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict) and value.get("error"):
        inner = value["error"]
        value = inner if isinstance(inner, dict) else {**value, "message": inner}
    if not isinstance(value, dict):
        return Complaint(_words(value))
    words = (_words(value.get(key)) for key in ("message", "detail", "msg", "error_description", "title"))
    codes = [value.get(key) for key in ("code", "type", "status", "status_code")]
    status = next((int(str(code)) for code in codes if re.fullmatch("[45][0-9][0-9]", str(code))), None)
    code = " ".join(str(code) for code in codes if isinstance(code, str | int))
    return Complaint(next(filter(None, words), "") or _words(value), code, status)


def rejected(status: int, headers: Mapping[str, str], body: bytes, *, redact: Redact = str) -> Failure:
    """Return the failure for an HTTP answer without a completion: not 2xx, or 2xx with something else in it."""
    fields = {name.lower(): value for name, value in headers.items()}
    text = body.decode(errors="replace").strip()
    said = _complaint_in(text)
    kind = _kind(status, said, text)
    match kind:
        case "redirect":
            words = f"redirected to {_host(fields.get('location', ''))}; put the right address in base_url"
        case "not_sse":
            what = fields.get("content-type") or "no content type"
            words = f"neither an event stream nor a completion ({what}); is a proxy or login page in between? {text}"
        case "empty":
            words = "the answer is empty"
        case _:
            words = said.message or text or "no reason given"
    hint = _hint(status, said.message)
    return Failure(
        kind=kind,
        phase=Phase.COMPLETE,
        message=f"HTTP {status}: {head(words, redact)}" + (f"; {hint}" if hint else ""),
        status=status,
        possibly_billed=kind == "empty",
    )


def head(text: str, redact: Redact) -> str:
    """Return the beginning of a text. Redacted before the cut: half a key is not found any more."""
    text = redact(well_formed(text))
    return text if len(text) <= HEAD_CHARS else text[:HEAD_CHARS] + "..."


# ---------------------------------------------------------------- which kind


_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|context (window|size|length)"
    r"|(prompt|input|request) is too long|too many (input |prompt )?tokens|max_model_len|maximum model length"
)
_QUOTA = re.compile(
    r"insufficient[ _](quota|balance|credit|funds)|billing_hard_limit|billing_not_active|payment required"
)
_FILTER = re.compile(
    r"content[_ ](filter|policy|management)|responsibleaipolicy|moderation|data_inspection_failed|flagged"
)
_NO_MODEL = re.compile(
    r"model_not_found|model_not_available|unknown model|no such model|model.{0,200}(does not exist|not found)",
    re.DOTALL,
)
_SURPLUS = ("stream_options", "logprobs", "seed", "max_tokens", "reasoning_effort", "temperature", "top_p", "stop")


def _kind(status: int, said: Complaint, text: str) -> FailureKind:
    """Return what went wrong. A status may mean several things: the server's words decide first."""
    words = f"{said.code} {said.message}".lower()
    if 200 <= status < 300:
        return "not_sse" if text else "empty"
    if 300 <= status < 400:
        return "redirect"
    if not 400 <= status < 600:
        return "protocol"
    if status in (400, 413, 422, 500) and _CONTEXT.search(words):
        return "context_length"
    if status == 402 or (status in (400, 403, 429) and _QUOTA.search(words)):
        return "quota"
    if status in (400, 403, 422, 451) and _FILTER.search(words):
        return "content_filter"
    if status == 404 or (status in (400, 422) and _NO_MODEL.search(words)):
        return "no_model"
    plain: dict[int, FailureKind] = {401: "auth", 403: "auth", 407: "auth", 413: "too_large", 429: "rate_limited"}
    passing = status >= 500 or status in (408, 409, 425)  # the server's trouble of the moment
    return plain.get(status, "server" if passing else "bad_request")


def _hint(status: int, message: str) -> str:
    """Return what to change, where it is known."""
    if status == 407:
        return "the proxy asks for credentials: look at HTTP_PROXY and HTTPS_PROXY"
    if status not in (400, 422):
        return ""
    named = next((field for field in _SURPLUS if re.search(rf"\b{field}\b", message)), None)
    if named == "stream_options":
        return "set quirks.stream_usage to false"
    if named == "max_tokens" and "max_completion_tokens" in message:
        return "set quirks.max_tokens_field to max_completion_tokens"
    return f"drop or change {named}" if named else ""


def _complaint_in(text: str) -> Complaint:
    """Read the body of an error answer; a web page has nothing to say."""
    try:
        return complaint(json.loads(text))
    except (ValueError, RecursionError):
        return Complaint("" if text.startswith("<") else text)


def _words(value: Json) -> str:
    """Return a field's words: text, or FastAPI's list of what is wrong where."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list) and value and all(isinstance(item, dict) and "msg" in item for item in value):
        return "; ".join(f"{'.'.join(map(str, _list(item.get('loc'))))}: {item['msg']}" for item in value)
    return "" if value in (None, {}, [], False) else json.dumps(value, ensure_ascii=False, default=str)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _host(location: str) -> str:
    """Return scheme and host of an address: the rest may hold a session."""
    try:
        parts = urlsplit(location)
        return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "another path of the same host"
    except ValueError:
        return "an invalid address"
