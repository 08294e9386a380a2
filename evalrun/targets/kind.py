"""What every kind of target has, and the values that pass between a target and who asks it. No network here.

A new kind is a subclass of `TargetKind` with a literal `kind`, its options as fields and `serve`, in a module of its
own, and its name in the union `targets.spec.TargetSpec`.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from pydantic import Field, field_validator

from evalrun.secret import Secret
from evalrun.spec import Dollars, Spec
from evalrun.types import Json
from evalrun.wire import extent
from evalrun.wire.dialect import DIALECTS, Dialect

# ---------------------------------------------------------------- values


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long each part of a request may take, in seconds. connect: DNS, TCP and TLS.

    asked      connected   sent          first byte     byte   byte      end
      |--connect--|          |--first_byte--|--idle-------|-idle-|-idle-----|
      |------------------------------total----------------------------------|
    """

    connect_s: float = 10.0
    first_byte_s: float = 300.0
    idle_s: float = 120.0
    total_s: float = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of an answer, and of one of its events, is taken before it is cut, in bytes."""

    answer: int = 64 * 2**20
    event: int = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What opening a target takes beside its spec.

    folder: where its config file is; relative paths in it start there. logs: folder for the logs of its server.
    slots: the most requests in flight. answers: the right answers, where the kind takes them (`simulator.answers`).
    notify: told what takes long. progress: told the bytes fetched so far, and in all.
    """

    folder: Path
    logs: Path
    slots: int
    key: Secret | None = None
    deadlines: Deadlines = Deadlines()
    sizes: Sizes = Sizes()
    answers: Path | None = None
    notify: Callable[[str], None] = lambda _: None
    progress: Callable[[int, int], None] = lambda *_: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server that is there, and how to reach it.

    base_url: without the dialect's path. model: its name in the request body. headers: of every request.
    query: what follows the `?` of every URL. key_header: the header that carries the key, in place of the dialect's.
    transport, verify, ca_file: as in `Http`. note: printed with every table; empty for an ordinary endpoint.
    facts: what the journal keeps about it (engine, sha256 of the weights, threads, slots).
    """

    base_url: str
    model: str
    key: Secret | None = None
    key_header: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    transport: Literal["evalrun", "httpx"] = "evalrun"
    verify: bool = True
    ca_file: str | None = None
    note: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)


# ---------------------------------------------------------------- what is typed

_CREDENTIAL = re.compile(
    r"(.*[-_])?(authorization|cookie|(api[-_]?)?key|token|secret|password|signature|sig)", re.IGNORECASE
)
HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEADER_NAME = re.compile(HEADER_NAME)
_OWN_HEADERS = {"accept", "accept-encoding", "content-length", "content-type", "host", "transfer-encoding"}
_OWN_FIELDS = ("messages", "model", "stream", "stream_options")
_COST_FIELDS = ("max_tokens", "max_completion_tokens", "n")


def carries_key(name: str) -> bool:
    """Say whether a header or query parameter of this name carries a key: it is redacted everywhere."""
    return _CREDENTIAL.fullmatch(name) is not None


class PriceSpec(Spec):
    """Prices in US dollars per million tokens, and the date they were looked up."""

    prompt: Dollars = Field(ge=0)
    """USD per 1M prompt tokens."""
    completion: Dollars = Field(ge=0)
    """USD per 1M completion tokens."""
    cached: Dollars | None = Field(default=None, ge=0)
    """USD per 1M prompt tokens from the provider's cache; without it the price of cached tokens is unknown."""
    date: date
    """The date the prices were looked up."""
    source: str = ""
    """Where they were looked up."""


class Rate(Spec):
    """Limits set by the provider."""

    concurrency: int | None = Field(default=None, ge=1)
    """Maximum requests in flight; lowers the suite's concurrency."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """Maximum requests sent in any 60 s, retries included."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Maximum tokens in any 60 s: a request counts a quarter of its bytes and its max_tokens, an answer its usage."""


class Quirks(Spec):
    """Deviations of an endpoint from the usual protocol."""

    stream: bool = True
    """Ask for a stream. Without it there is no time to first token."""
    stream_usage: bool = True
    """Send `stream_options: {include_usage: true}`."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The body field that limits the tokens of an answer."""
    end_markers: tuple[str, ...] = ("</s>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<｜end▁of▁sentence｜>")
    """Texts removed from the end of an answer, with a warning."""
    body: dict[str, Any] = Field(default={})
    """Further fields of every request body."""
    warm_body: dict[str, Any] = Field(default={})
    """Further fields of requests to be served from the prompt cache (a ladder's `cache: warm`)."""
    headers: dict[str, str] = Field(default={})
    """Further request headers. A key's value is a variable, e.g. `api-key: ${AZURE_KEY}`, and is redacted."""
    list_models: bool = True
    """Ask for the list of models first, to name near ones where the model is unknown. What it answers stops nothing."""

    @field_validator("body", "warm_body")
    @classmethod
    def _extra(cls, body: dict[str, Any]) -> dict[str, Any]:
        for name in body:
            if name in _OWN_FIELDS:
                raise ValueError(f"{name!r} is set by evalrun itself; remove it")
            if name in _COST_FIELDS:
                raise ValueError(f"{name!r} belongs in the suite's sampling; remove it")
        if wrong := extent.misread(body):
            raise ValueError(wrong)
        return body

    @field_validator("headers")
    @classmethod
    def _harmless(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name!r} is set by evalrun itself; remove it")
            if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
                raise ValueError(
                    f"{name!r} is not a header; a name has letters, digits and '-', a value is one ASCII line"
                )
        return headers


class TargetKind(Spec):
    """The fields of every target."""

    takes_answers: ClassVar[bool] = False
    """Whether it is told the right answers, at `Needs.answers`."""

    kind: str
    model: str
    about: str = ""
    """One line about the target, printed above the tables."""
    dialect: str = Field(default="chat", json_schema_extra={"enum": cast(Any, sorted(DIALECTS))})
    """The API it is asked by."""
    prices: PriceSpec | None = None
    """Prices per million tokens; without them the cost is unknown, not zero."""
    rate: Rate = Rate()
    """What the provider allows."""
    quirks: Quirks = Quirks()
    """Deviations from the usual protocol."""

    @field_validator("dialect")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in DIALECTS:
            raise ValueError(f"unknown dialect {name!r}; would be right: {', '.join(sorted(DIALECTS))}")
        return name

    @property
    def wire(self) -> Dialect:
        """The dialect."""
        return DIALECTS[self.dialect]

    @property
    def served_model(self) -> str:
        """The model's name in the request body."""
        return self.model

    def serve(self, name: str, needs: Needs) -> AbstractAsyncContextManager[Endpoint]:
        """Start what must be started, yield the endpoint, and stop it on every way out. name: the target's."""
        raise NotImplementedError
