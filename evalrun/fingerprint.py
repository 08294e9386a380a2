"""Content hashes, and file names made from text that somebody else chose: the same on every machine.

And which paths a file can have at all.
"""

import hashlib
import re
from typing import Any

import msgspec

from evalrun.escape import clip

MOST_PATH_BYTES, MOST_NAME_BYTES = 4095, 255  # of Linux; other systems allow no more
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?<!\.)")
# Windows opens a device for these, whatever follows the first dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def canonical(value: Any) -> bytes:
    """Return a JSON value in its canonical form: sorted keys, no spaces, UTF-8."""
    return msgspec.json.encode(value, order="sorted")


def fingerprint(value: Any) -> str:
    """Return the first 16 hex digits of the SHA-256 of a JSON value: 64 bits, for identity and not for security."""
    return hashlib.sha256(canonical(value)).hexdigest()[:16]


def slug(text: str) -> str:
    """Return `text` as a name that is a file's or a folder's on every file system: O09 of docs/faults.md.

    A plain name stays as it is, in its case. Any other is cleaned, shortened and given 8 hex digits of its SHA-256.
    Different texts have different names; those of two that differ only in case are one file on some systems, so whoever
    names several refuses such pairs.
    """
    if _PLAIN.fullmatch(text) and not _DEVICE.fullmatch(text):
        return text
    cleaned = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48].strip("-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{cleaned or 'name'}-{digest}"


def checked_path(text: str) -> str:
    """Return a path as it is. Raises ValueError where no file can have it, as every system call would."""
    if "\0" in text:
        raise ValueError("has a NUL character, which no path has; remove it")
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > MOST_PATH_BYTES or any(len(name) > MOST_NAME_BYTES for name in raw.split(b"/")):
        raise ValueError(f"{clip(text, 40)!r} is too long for a path; a name has at most {MOST_NAME_BYTES} bytes")
    return text
