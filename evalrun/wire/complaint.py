"""An error as a server words it, read from any of the shapes in use. What it means is said in `kinds`."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from evalrun.types import Json
from evalrun.wire.nested import loads
from evalrun.wire.wait import said_s

_MESSAGES = (
    "message", "detail", "msg", "error_description", "error_message", "errormessage", "error_msg", "errmsg", "err_msg",
    "status_msg", "faultstring", "description", "reason", "title",
)  # fmt: skip
_CODES = (
    "code", "type", "status", "status_code", "error_code", "errcode", "errorcode", "error_type", "__type", "statuscode",
    "exception",
)  # fmt: skip
_INSIDE = ("error", "errors", "detail", "base_resp", "fault", "err", "errormsg", "response")
"""Fields that hold the error: OpenAI and most, JSON:API and Cloudflare, FastAPI, MiniMax, Apigee, Tencent."""
_FAILED = {"error", "failed", "failure"}
_DEEPEST = 5
PAGE_CHARS = 8192
"""How much of a web page is searched for its title."""
_MARKUP = re.compile(r"<(script|style)\b.*?(?:</\1|\Z)|<[^<>]{0,500}>", re.DOTALL | re.IGNORECASE)
_FINE = {"", "0", "200", "ok", "success", "succeeded", "none", "null", "true"}


class Complaint(NamedTuple):
    """A server's error. code: its `code` and `type`, as sent. status: the HTTP status that it names, if any.

    wait_s: how long it asks to wait. headers: of the provider behind a gateway, in lower case, where it passes them on.
    """

    message: str
    code: str = ""
    status: int | None = None
    wait_s: float | None = None
    headers: Mapping[str, str] = {}


def complaint(value: Json) -> Complaint:
    """Read an error of any of the usual shapes: an object, a list of them, an object inside a field, text."""
    if isinstance(value, str) and (title := page(value.lstrip())):
        return Complaint(title)
    fields, inner = _unwrapped(value, {}, _DEEPEST)
    message = _message(fields, inner)
    behind = fields.get("metadata")  # OpenRouter: what the provider behind it answered
    headers = behind.get("headers") if isinstance(behind, dict) else None
    if isinstance(behind, dict) and isinstance(raw := behind.get("raw"), str) and raw.strip():
        message += f": {_message(*_unwrapped(raw, {}, 2))}"
    codes = [str(fields[key]) for key in _CODES if isinstance(fields.get(key), str | int)]
    codes += [message] if re.fullmatch("[45][0-9][0-9]", message) else []
    status = next((int(code) for code in codes if re.fullmatch("[45][0-9][0-9]", code)), None)
    reasons = (item.get("reason") for item in dicts(fields.get("details")))  # Google's google.rpc.ErrorInfo
    code = " ".join([*codes, *(reason for reason in reasons if isinstance(reason, str))])
    named = headers.items() if isinstance(headers, dict) else ()
    passed_on = {name.lower(): str(text) for name, text in named if isinstance(text, str | int)}
    return Complaint(message, code, status, said_s(value, message), passed_on)


def _message(fields: Mapping[str, Json], inner: Json) -> str:
    """Return the words of an error: its first field that has some, else all of it."""
    texts = (fields.get(key) for key in _MESSAGES)
    said = (words(text) for text in texts if not isinstance(text, int | float))
    return next(filter(None, said), "") or words(inner)


def unframed(value: Mapping[str, Json]) -> Complaint | None:
    """Return the complaint of an object of a stream that is not marked as an error and reads like one, else None.

    `{code, msg}`, `{detail}`, `{errors}`, `{base_resp: {status_code, status_msg}}`, `{success: false, message}`,
    `{status: "error"}`, `{type: "....failed"}`, `{Response: {Error}}`, `{...Exception: {message}}`.
    """
    fields = {name.lower(): inner for name, inner in value.items()}
    codes = [value.get(key) for key in ("code", "status_code", "error_code", "errcode")]
    response, kind = fields.get("response"), fields.get("type")
    failed = (
        any(isinstance(code, str | int) and str(code).lower() not in _FINE for code in codes)
        or refused(value.get("base_resp"))
        or value.get("success") is False
        or any(fields.get(name) for name in ("detail", "errors", "errormsg"))
        or any(name.endswith("exception") for name, inner in fields.items() if inner)
        or str(fields.get("status")).lower() in _FAILED
        or (isinstance(kind, str) and kind.rpartition(".")[2] in _FAILED)
        or (isinstance(response, dict) and any(name.lower() == "error" for name, inner in response.items() if inner))
    )
    return complaint(dict(value)) if failed else None


def refused(base_resp: Json) -> bool:
    """Return whether MiniMax's `base_resp`, which every chunk of it may have, tells of an error."""
    code = base_resp.get("status_code") if isinstance(base_resp, dict) else None
    return isinstance(code, str | int) and str(code).lower() not in _FINE


def _unwrapped(value: Json, outer: dict[str, Json], deeper: int) -> tuple[dict[str, Json], Json]:
    """Return the fields of the innermost error, in lower case, with the codes of those around it, and that error."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]
    if isinstance(value, str) and value.lstrip().startswith("{") and deeper:
        value = _parsed(value)
    if not isinstance(value, dict):
        return ({**outer, "message": words(value)} if words(value) else outer), value
    fields = {str(name).lower(): inner for name, inner in value.items()}
    own = {**{name: outer[name] for name in (*_CODES, *_MESSAGES) if name in outer}, **fields}
    rest = {name: each for name, each in own.items() if name not in _INSIDE}
    for name in _INSIDE:
        inner = fields.get(name)
        if not inner or not deeper or isinstance(inner, int | float) or (isinstance(inner, list) and _located(inner)):
            continue
        if isinstance(inner, str) and any(words(rest.get(key)) for key in _MESSAGES):  # {error: "Not Found", message}
            own.setdefault("type", inner)
            continue
        return _unwrapped(inner, rest, deeper - 1)
    thrown = (name for name, each in fields.items() if name.endswith("exception") and isinstance(each, dict))
    if deeper and (named := next(thrown, None)):  # Bedrock
        return _unwrapped(fields[named], {**rest, "type": named}, deeper - 1)
    text = own.get("message")
    if deeper and isinstance(text, str) and text.lstrip().startswith("{") and isinstance(_parsed(text), dict):
        return _unwrapped(text, {name: each for name, each in rest.items() if name != "message"}, deeper - 1)
    return own, value


def _parsed(text: str) -> Json:
    try:
        return loads(text)
    except ValueError:
        return text


def page(text: str) -> str:
    """Return a web page's title, else its first words; empty where `text` is no web page."""
    if not text.startswith("<"):
        return ""
    found = text[:PAGE_CHARS]
    title = re.search(r"<(title|h1)[^<>]{0,200}>([^<]{1,300})", found, re.IGNORECASE)
    shown = title[2] if title else _MARKUP.sub(" ", found)
    return repr(" ".join(html.unescape(shown).split())[:200])


def words(value: Json) -> str:
    """Return a field's words: text, a list of texts, or FastAPI's list of what is wrong where."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list) and _located(value):
        return "; ".join(f"{'.'.join(map(str, _list(item.get('loc'))))}: {item['msg']}" for item in dicts(value))
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "; ".join(map(str, value))
    return "" if value in (None, {}, [], False) else json.dumps(value, ensure_ascii=False, default=str)


def _located(value: list[Json]) -> bool:
    return bool(value) and all(isinstance(item, dict) and "msg" in item for item in value)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def dicts(value: Json) -> Iterator[dict[str, Json]]:
    """Yield the objects of a list; nothing where it is none."""
    return (item for item in _list(value) if isinstance(item, dict))
