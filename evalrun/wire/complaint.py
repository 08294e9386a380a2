"""An error as a server words it, read from any of the shapes in use. What it means is said in `kinds`."""

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
)  # fmt: skip
_INSIDE = ("error", "errors", "detail", "base_resp", "fault", "err")
"""Fields that hold the error: OpenAI and most, JSON:API and Cloudflare, FastAPI, MiniMax, Apigee."""
_DEEPEST = 5
_FINE = {"", "0", "200", "ok", "success", "succeeded", "none", "null", "true"}


class Complaint(NamedTuple):
    """A server's error. code: its `code` and `type`, as sent. status: the HTTP status that it names, if any.

    wait_s: how long it asks to wait.
    """

    message: str
    code: str = ""
    status: int | None = None
    wait_s: float | None = None


def complaint(value: Json) -> Complaint:
    """Read an error of any of the usual shapes: an object, a list of them, an object inside a field, text."""
    fields, inner = _unwrapped(value, {}, _DEEPEST)
    texts = (fields.get(key) for key in _MESSAGES)
    message = next(filter(None, (words(text) for text in texts if not isinstance(text, int | float))), "")
    message = message or words(inner)
    codes = [str(fields[key]) for key in _CODES if isinstance(fields.get(key), str | int)]
    status = next((int(code) for code in codes if re.fullmatch("[45][0-9][0-9]", code)), None)
    reasons = (item.get("reason") for item in dicts(fields.get("details")))  # Google's google.rpc.ErrorInfo
    code = " ".join([*codes, *(reason for reason in reasons if isinstance(reason, str))])
    return Complaint(message, code, status, said_s(value, message))


def unframed(value: Mapping[str, Json]) -> Complaint | None:
    """Return the complaint of an object of a stream that is not marked as an error and reads like one, else None.

    `{code, msg}`, `{detail}`, `{errors}`, `{base_resp: {status_code, status_msg}}`, `{success: false, message}`.
    """
    status = value.get("base_resp")
    codes = [value.get(key) for key in ("code", "status_code", "error_code", "errcode")]
    if isinstance(status, dict):
        codes.append(status.get("status_code"))
    failed = any(isinstance(code, str | int) and str(code).lower() not in _FINE for code in codes)
    if failed or value.get("success") is False or value.get("detail") or value.get("errors"):
        return complaint(dict(value))
    return None


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
        if not inner or not deeper or (isinstance(inner, list) and _located(inner)):
            continue
        if isinstance(inner, str) and any(words(rest.get(key)) for key in _MESSAGES):  # {error: "Not Found", message}
            own.setdefault("type", inner)
            continue
        return _unwrapped(inner, rest, deeper - 1)
    return own, value


def _parsed(text: str) -> Json:
    try:
        return loads(text)
    except ValueError:
        return text


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
