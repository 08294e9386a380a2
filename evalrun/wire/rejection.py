"""What a server says instead of an answer: HTTP errors, and error objects inside a reply. Resending is `retry`'s.

`complaint` reads the error, `kinds` says what it means, `wait` how long it asks to wait.
"""

import html
import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from evalrun.types import Failure, FailureKind, Phase
from evalrun.wire import wait
from evalrun.wire.answer import Redact, well_formed
from evalrun.wire.complaint import Complaint, complaint
from evalrun.wire.kinds import kind_of
from evalrun.wire.nested import loads

HEAD_CHARS = 500
"""How much of an answer that cannot be read is shown."""
PAGE_CHARS = 8192
"""How much of a web page is searched for its title."""
_MARKUP = re.compile(r"<(script|style)\b.*?(?:</\1|\Z)|<[^<>]{0,500}>", re.DOTALL | re.IGNORECASE)


def rejected(
    status: int, headers: Mapping[str, str], body: bytes, *, redact: Redact = str, now: datetime | None = None
) -> Failure:
    """Return the failure for an HTTP answer without a completion: not 2xx, or 2xx with something else in it.

    now: what the dates in its headers are counted from where it has no Date of its own.
    """
    fields = {name.lower(): value for name, value in headers.items()}
    text = body.decode(errors="replace").strip()
    page = _page(text)
    said = Complaint(page) if page else _complaint_in(text)
    kind = _kind(status, said, text)
    match kind:
        case "redirect":
            words = f"redirected to {_host(fields.get('location', ''))}; put the right address in base_url"
        case "not_sse":
            what = fields.get("content-type") or "no content type"
            shown = f"a web page, {page}" if page else text
            words = f"neither an event stream nor a completion ({what}); is a proxy or login page in between? {shown}"
        case "empty":
            words = "the answer is empty"
        case _:
            words = (f"a web page, {page}" if page else said.message or text) or "no reason given"
    asked_s, odd = None, ""
    if kind in ("rate_limited", "server"):
        asked_s = wait.asked_s(fields, now, said_s=said.wait_s, limited=kind == "rate_limited")
        odd = wait.nonsense(fields, now)
    hints = [_hint(status, kind, said.message, page=page), f"{odd!r} is not a wait" if odd else ""]
    return Failure(
        kind=kind,
        phase=Phase.COMPLETE,
        message="; ".join([f"HTTP {status}: {head(words, redact)}", *(head(hint, redact) for hint in hints if hint)]),
        status=status,
        retry_after_s=asked_s,
        possibly_billed=kind in ("empty", "not_sse"),
    )


def in_band(said: Complaint, message: str, *, phase: Phase, billed: bool, status: int | None = None) -> Failure:
    """Return the failure for an error inside a 2xx answer: of the kind that the same words have with a status.

    status: the answer's own, kept where the error names none. billed: part of an answer came before.
    """
    kind = kind_of(said.status, said) or "in_band"
    wait_s = said.wait_s if kind in ("rate_limited", "server") else None
    return Failure(
        kind=kind,
        phase=phase,
        message=message,
        status=said.status or status,
        retry_after_s=wait_s,
        possibly_billed=billed,
    )


def head(text: str, redact: Redact) -> str:
    """Return the beginning of a text. Redacted before the cut: half a key is not found any more."""
    text = redact(well_formed(text))
    return text if len(text) <= HEAD_CHARS else text[:HEAD_CHARS] + "..."


# ---------------------------------------------------------------- which kind


_SURPLUS = ("stream_options", "logprobs", "seed", "max_tokens", "reasoning_effort", "temperature", "top_p", "stop")


def _kind(status: int, said: Complaint, text: str) -> FailureKind:
    """Return what went wrong. A status may mean several things: the server's words decide first."""
    if 200 <= status < 300:
        return "not_sse" if text else "empty"
    if 300 <= status < 400:
        return "redirect"
    if not 400 <= status < 600:
        return "protocol"
    return kind_of(status, said) or "bad_request"


def _hint(status: int, kind: FailureKind, message: str, *, page: str) -> str:
    """Return what to change, where it is known."""
    if status == 407:
        return "the proxy asks for credentials: look at HTTP_PROXY and HTTPS_PROXY"
    if kind == "tls":
        return "it speaks TLS: write https:// in base_url"
    if kind == "not_sse" and page:
        return "is base_url right? it usually ends in /v1"
    if kind != "bad_request":
        return ""
    named = next((field for field in _SURPLUS if re.search(rf"\b{field}\b", message)), None)
    if named == "stream_options":
        return "set quirks.stream_usage to false"
    if named == "max_tokens" and "max_completion_tokens" in message:
        return "set quirks.max_tokens_field to max_completion_tokens"
    return f"drop or change {named}" if named else ""


def _page(text: str) -> str:
    """Return a web page's title, else its first words; empty where `text` is no web page."""
    if not text.startswith("<"):
        return ""
    found = text[:PAGE_CHARS]
    title = re.search(r"<(title|h1)[^<>]{0,200}>([^<]{1,300})", found, re.IGNORECASE)
    shown = title[2] if title else _MARKUP.sub(" ", found)
    return repr(" ".join(html.unescape(shown).split())[:200])


def _complaint_in(text: str) -> Complaint:
    """Read the body of an error answer."""
    try:
        return complaint(loads(text))
    except ValueError:
        return complaint(text)


def _host(location: str) -> str:
    """Return scheme and host of an address: the rest may hold a session."""
    try:
        parts = urlsplit(location)
        return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "another path of the same host"
    except ValueError:
        return "an invalid address"
