"""Content hashes: the same value gives the same text on every machine and under every hash seed."""

import hashlib
from typing import Any

import msgspec


def canonical(value: Any) -> bytes:
    """Write a JSON value in its one canonical form: sorted keys, no spaces, UTF-8."""
    return msgspec.json.encode(value, order="sorted")


def fingerprint(value: Any) -> str:
    """Return the first 16 hex digits of the SHA-256 of a JSON value (64 bits: a mark, not a proof)."""
    return hashlib.sha256(canonical(value)).hexdigest()[:16]
