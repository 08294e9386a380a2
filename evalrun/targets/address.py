"""Whether a base URL may be asked: scheme, host, and what must not stand in it. Resolves no name, opens no socket.

A host name that resolves to a refused address is not noticed here.
"""

import ipaddress
import socket
import urllib.parse

_METADATA = {"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}
# Clouds that serve machine credentials from an address which is not link-local: AWS over IPv6, Alibaba, Azure's host.
_METADATA_ADDRESSES = {ipaddress.ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16")}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def checked_base_url(url: str, *, allow_http: bool) -> str:
    """Return `url` without a trailing slash, or raise ValueError.

    Userinfo, which may be a password, is not repeated.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("holds spaces or letters that no URL has; write it in ASCII, e.g. https://api.example.com/v1")
    if "://" not in url:
        raise ValueError(f"{url!r} has no scheme; write https://{url}")
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL ({error}); write e.g. https://api.example.com/v1") from None
    if "@" in parts.netloc:
        raise ValueError("holds a user name or password; take it out and name the key's variable in key_env")
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"has the scheme {parts.scheme!r}; write http or https")
    if not host:
        raise ValueError(f"{url!r} names no host; write e.g. https://api.example.com/v1")
    if parts.query or parts.fragment:
        raise ValueError("ends in a query or fragment; leave out what begins with '?' or '#'")
    path = parts.path.rstrip("/")
    if path.endswith("/chat/completions"):
        right = url.rstrip("/").removesuffix("/chat/completions")
        raise ValueError(f"goes too far, /chat/completions is added to it; write {right}")
    _check_host(host.rstrip("."), plain=parts.scheme == "http" and not allow_http)
    return url.rstrip("/")


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


def _address(host: str) -> Address | None:
    """Return the address that a host is, in any spelling a resolver takes: 0xa9fea9fe is 169.254.169.254."""
    try:
        address: Address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
