"""Targets as they are typed in configs/*.yaml: the union of their kinds, and the kind `http`. No network here.

The host of a base URL is checked as it is written: no name is resolved, so one that resolves to a refused address is
not noticed.
"""

import ipaddress
import socket
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from evalrun.spec import FilePath
from evalrun.targets.embedded.spec import Embedded
from evalrun.targets.kind import HEADER_NAME, Endpoint, Needs, TargetKind
from evalrun.targets.simulator.spec import Simulator
from evalrun.wire.dialect import DIALECTS

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = {"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}
# Clouds that serve machine credentials from an address which is not link-local: AWS over IPv6, Alibaba, Azure's host.
_METADATA_ADDRESSES = {ipaddress.ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16")}


class Http(TargetKind):
    """Any OpenAI-compatible endpoint."""

    kind: Literal["http"]
    allow_http: bool = False  # before base_url, whose check looks at it
    """Allow plain http to a host that is neither this machine nor a private address."""
    base_url: str
    """The URL without the dialect's path (`/chat/completions`), e.g. `https://api.deepinfra.com/v1/openai`.

    A query (`?api-version=2024-10-21`) is put behind that path.
    """
    query: dict[str, str] = Field(default={})
    """Query parameters of every request, e.g. `{api-version: "2024-10-21"}`; a key among them is a variable's value."""
    model: str
    """The model's name in the request body."""
    key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The environment variable with the key."""
    key_header: str | None = Field(default=None, pattern=f"^{HEADER_NAME}$")
    """The header that carries the key alone, e.g. `api-key`; without it `Authorization: Bearer KEY`."""
    verify: bool = True
    """Verify the server's certificate; `false` is shown in every report."""
    ca_file: FilePath | None = None
    """A PEM file of additional certificate authorities, relative to this file."""
    transport: Literal["evalrun", "httpx"] = "evalrun"
    """`httpx` supports HTTP(S)_PROXY, but its latencies are unreliable under load."""

    @field_validator("base_url")
    @classmethod
    def _may_be_asked(cls, url: str, info: ValidationInfo) -> str:
        path = DIALECTS[info.data.get("dialect", "chat")].PATH
        return checked_base_url(url, allow_http=info.data.get("allow_http", False), path=path)

    @asynccontextmanager
    async def serve(self, name: str, needs: Needs) -> AsyncIterator[Endpoint]:  # noqa: ARG002 (it has no log)
        """Yield the endpoint; there is nothing to start."""
        base_url, _, typed = self.base_url.partition("?")
        yield Endpoint(
            base_url=base_url,
            query="&".join(filter(None, (typed, urllib.parse.urlencode(self.query)))),
            model=self.model,
            key=needs.key,
            key_header=self.key_header,
            transport=self.transport,
            verify=self.verify,
            ca_file=None if self.ca_file is None else str((needs.folder / self.ca_file).resolve()),
            note="" if self.verify else "the server's certificate is not verified",
        )


TargetSpec = Annotated[Http | Embedded | Simulator, Field(discriminator="kind")]


def checked_base_url(url: str, *, allow_http: bool, path: str) -> str:
    """Return `url` without a slash at the end of its path. Raise ValueError.

    Its message never repeats userinfo, which may be a password. allow_http: even to public hosts. path: what the
    dialect will add.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("has spaces or letters that no URL has; write it in ASCII, e.g. https://api.example.com/v1")
    if "://" not in url:
        raise ValueError(f"{url!r} has no scheme; write https://{url}")
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL ({error}); write e.g. https://api.example.com/v1") from None
    if "@" in parts.netloc:
        raise ValueError("has a user name or password; remove it and name the key's variable in key_env")
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"has the scheme {parts.scheme!r}; write http or https")
    if not host:
        raise ValueError(f"{url!r} has no host; write e.g. https://api.example.com/v1")
    if parts.fragment:
        raise ValueError("ends in a fragment; remove what begins with '#'")
    kept = urllib.parse.urlunsplit((*parts[:2], parts.path.rstrip("/").removesuffix(path), parts.query, ""))
    if parts.path.rstrip("/").endswith(path):
        raise ValueError(f"goes too far, {path} is added to it; write {kept.partition('?')[0]}")
    _check_host(host.rstrip("."), plain=parts.scheme == "http" and not allow_http)
    return kept


def _check_host(host: str, *, plain: bool) -> None:
    address = _address(host)
    if host in _METADATA or (address and (address.is_link_local or address in _METADATA_ADDRESSES)):
        raise ValueError(f"{host} is an address where machines keep credentials; name the endpoint's own host")
    here = host == "localhost" or host.endswith(".localhost")
    near = address is not None and (address.is_private or address.is_loopback)
    if plain and not here and not near:
        raise ValueError(
            f"plain http to {host} shows key and questions to the network; write https, or allow_http: true"
        )


def _address(host: str) -> IpAddress | None:
    """Return the address that a host is, in any spelling a resolver takes: 0xa9fea9fe is 169.254.169.254."""
    try:
        address: IpAddress = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
