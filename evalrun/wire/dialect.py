"""Dialects: how a kind of endpoint is asked, and how its answers read. Error answers are `rejection`'s in all of them.

A new dialect is a module beside `chat` with what `Dialect` lists, and a line in `DIALECTS`; a target names it as
`dialect`. Whoever asks sees only this: neither the client nor `run` nor a table knows the API of chat completions.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from evalrun.errors import SuiteError
from evalrun.types import Completion, Failure, Json, Message
from evalrun.wire import chat
from evalrun.wire.answer import Redact, well_formed
from evalrun.wire.sse import Event


class Decoder(Protocol):
    """Collects one streamed answer. It never raises, whatever the server sent.

    done: nothing that may still come changes the outcome. instants: of the token events, in ns; the same sequence
    throughout. sizes: the UTF-8 bytes of text of each of them. first_answer_ns: the first token event that is not
    reasoning.
    """

    done: bool

    @property
    def instants(self) -> Sequence[int]: ...
    @property
    def sizes(self) -> Sequence[int]: ...
    @property
    def first_answer_ns(self) -> int | None: ...
    def feed(self, event: Event, at_ns: int) -> None: ...
    def finish(self, *, broke: Failure | None = None, invalid_utf8: bool = False) -> Completion | Failure:
        """Return the outcome. broke: what ended the reading, if not the stream. invalid_utf8: bytes were replaced."""


class Dialect(Protocol):
    """What a dialect's module holds.

    PATH: what is added to a target's base URL. MODELS: the path of the list of models, "" without one.
    USAGE: body fields that ask a stream for its token counts.
    """

    PATH: str
    MODELS: str
    USAGE: Mapping[str, Json]

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the headers that every request needs, and those that carry the key, if there is one."""

    def models(self, body: bytes) -> list[str]:
        """Return the names in the answer of MODELS; none where it is something else."""

    def fields(self, sampling: Mapping[str, Json], *, limit_field: str) -> dict[str, Json]:
        """Return sampling parameters, named as in a suite, as body fields. limit_field: quirks.max_tokens_field."""

    def most_tokens(self, fields: Mapping[str, Json]) -> int | None:
        """Return the most completion tokens that a body with these fields may be billed for; None without limit."""

    def body(self, messages: Sequence[Message], *, model: str, stream: bool) -> dict[str, Json]:
        """Return the body fields that evalrun sets itself."""

    def decoder(self, *, max_bytes: int, end_markers: Iterable[str], redact: Redact) -> Decoder:
        """Return the decoder of one stream. max_bytes: the largest answer. end_markers: texts stripped off its end."""

    def reply(
        self, body: bytes, *, status: int, headers: Mapping[str, str], end_markers: Iterable[str], redact: Redact
    ) -> Completion | Failure:
        """Read a 2xx answer that came in one piece."""


DIALECTS: dict[str, Dialect] = {
    "chat": chat,
}


def request_body(
    dialect: Dialect,
    messages: Sequence[Message],
    *,
    model: str,
    fields: Mapping[str, Json],
    stream: bool,
    stream_usage: bool,
) -> bytes:
    """Return the request as canonical JSON: sorted keys, no blanks, UTF-8. The same request is always the same bytes.

    fields: beside those that evalrun sets itself, sent as they are. stream_usage: ask a stream for its token counts.
    Raises `SuiteError` for what JSON cannot express.
    """
    own = dialect.body(messages, model=model, stream=stream)
    if taken := own.keys() & fields.keys():  # the record would say something else than was sent
        raise SuiteError(f"sampling.body: {', '.join(sorted(taken))} cannot be set there; evalrun sets it itself")
    body = {**(dialect.USAGE if stream and stream_usage else {}), **fields, **own}
    try:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    except (TypeError, ValueError) as error:
        raise SuiteError(f"sampling: {error}; a request body is plain JSON without NaN or infinity") from None
    return well_formed(text).encode()  # half a character in a data row must not end the run
