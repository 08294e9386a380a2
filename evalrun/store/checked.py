"""Stored JSON: written with a checksum, and read with every error as one. It opens no file.

    {"crc":"0123abcd","field": ...}     CRC-32 of what follows its comma, line ends as LF

So a bit that flipped, a line that was cut and a file that was edited or merged by hand are noticed, and git may change
line ends. The journal's lines have the same form (`lines`).
"""

import zlib
from typing import TypeVar

import msgspec

_HEAD = b'{"crc":"'
_BODY = len(b'{"crc":"01234567",')
NOT_DECODED = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What a decoder raises for bytes that are not what it expects: not UTF-8, too deep, numbers of any length."""
T = TypeVar("T")


class DamagedError(ValueError):
    """Stored JSON is not what was written."""


def sealed(fields: bytes) -> bytes:
    """Return a JSON object, which has a field at least, with its checksum as the first one."""
    body = fields[1:]
    return b'{"crc":"%08x",%b' % (zlib.crc32(body.removesuffix(b"\n")), body)


def check(raw: bytes) -> None:
    """Raise DamagedError unless the checksum of a JSON object fits."""
    if raw.startswith(b'{"crc":"%08x",' % zlib.crc32(raw[_BODY:].removesuffix(b"\n"))):
        return
    if not raw.startswith(_HEAD):
        raise DamagedError("it has no checksum")
    if b"\r\n" not in raw:
        raise DamagedError("its checksum does not fit: it was changed since it was written")
    check(raw.replace(b"\r\n", b"\n"))


def is_sealed(raw: bytes) -> bool:
    """Return whether a JSON object says that it has a checksum."""
    return raw.startswith(_HEAD)


def decoded(raw: bytes, as_type: type[T]) -> T:
    """Decode JSON. Raises DamagedError for whatever is wrong with it."""
    try:
        return msgspec.json.decode(raw, type=as_type)
    except NOT_DECODED as error:
        raise DamagedError(str(error)) from error


class _Version(msgspec.Struct):
    schema: int
    evalrun: str = ""


def versioned(raw: bytes, as_type: type[T], schema: int) -> T:
    """Check and decode a file of this schema. Raises DamagedError, and OtherSchemaError for any other schema."""
    if is_sealed(raw):
        check(raw)
    version = decoded(raw, _Version)
    if version.schema != schema:
        raise OtherSchemaError(version.schema, version.evalrun)
    check(raw)  # files of earlier schemas had no checksum
    return decoded(raw, as_type)


class OtherSchemaError(Exception):
    """A file is of another schema than the one that is read. evalrun: the version that wrote it, where it says so."""

    def __init__(self, schema: int, evalrun: str) -> None:
        super().__init__(f"format {schema}")
        self.schema, self.evalrun = schema, evalrun
