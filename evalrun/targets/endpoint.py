"""What a server is, once it stands: where it listens, which model, which key. No behaviour, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalrun.secret import Secret
from evalrun.types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server to ask, given or started by us.

    base_url: up to and without `/chat/completions`. model: its name in the request body. key: sent as bearer token.
    headers: what every request must carry besides.
    note: what every table made from it must say; empty for an ordinary endpoint.
    facts: what the manifest keeps about it (engine, sha256 of the weights, threads, slots).
    """

    base_url: str
    model: str
    key: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)
