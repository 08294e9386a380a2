"""The body of a chat request, and the reply that comes in one piece. Streams are `stream`'s, refusals `rejection`'s."""

import json
from collections.abc import Iterable, Mapping, Sequence

from evalrun.errors import SuiteError
from evalrun.types import Completion, Failure, FailureKind, Json, Message, Phase
from evalrun.wire import chunk
from evalrun.wire.answer import Draft, Redact, well_formed
from evalrun.wire.rejection import complaint, head, rejected

OURS = frozenset({"model", "messages", "stream"})
"""Body fields that `params` may not set: the record would say something else than was sent."""


def request_body(
    messages: Sequence[Message], *, model: str, params: Mapping[str, Json], stream: bool, stream_usage: bool
) -> bytes:
    """Return the request as canonical JSON: sorted keys, no blanks, UTF-8. The same request is always the same bytes.

    params: the other fields of the body (temperature, max_tokens, ...), sent as they are. stream_usage: ask for the
    usage block, which streams lack by default. Raises `SuiteError` for what JSON cannot say.
    """
    if taken := OURS & params.keys():
        raise SuiteError(f"sampling.body: {', '.join(sorted(taken))} cannot be set there; evalrun sets it itself")
    body: dict[str, Json] = {
        **({"stream_options": {"include_usage": True}} if stream and stream_usage else {}),
        **params,
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        "stream": stream,
    }
    try:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    except (TypeError, ValueError) as error:
        raise SuiteError(f"sampling: {error}; a request body is plain JSON without NaN or infinity") from None
    return well_formed(text).encode()  # half a character in a data row must not end the run


def reply(
    body: bytes,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    end_markers: Iterable[str] = (),
    redact: Redact = str,
) -> Completion | Failure:
    """Read a 2xx answer that is not an event stream. It has no time to first token, whatever was asked for."""
    text = body.decode(errors="replace")
    try:
        answer = chunk.decode(text)
    except chunk.NotChat as error:
        if not text.lstrip().startswith("{"):
            return rejected(status, headers or {}, body, redact=redact)
        return _failure("bad_chunk", f"malformed reply, {error}: {redact(text)[:200]}", status=status)
    if answer.error or answer.object == "error" or answer.choices is None:
        said = complaint(chunk.parse(text))
        message = f"the server answered {status} with an error: {head(said.message or text, redact)}"
        return _failure("in_band", message, status=said.status or status)
    draft = Draft(streamed=False)
    draft.add(answer, 0)
    if not draft.instants:
        kind: FailureKind = "content_filter" if draft.finish_reason == "content_filter" else "empty"
        return _failure(kind, f"the reply says nothing (finish_reason: {draft.finish_reason or 'none'})", status=status)
    odd = {"no_finish_reason": not draft.finished, "invalid_utf8": "\ufffd" in text and not _is_utf8(body)}
    return draft.completion(
        end_markers=end_markers, redact=redact, flags=[flag for flag, is_so in odd.items() if is_so]
    )


def _failure(kind: FailureKind, message: str, *, status: int) -> Failure:
    return Failure(kind=kind, phase=Phase.COMPLETE, message=message, status=status, possibly_billed=kind != "in_band")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
