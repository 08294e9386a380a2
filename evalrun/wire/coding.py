"""Content codings of an answer that was asked for without any: gzip and deflate are decoded, the others named.

What comes out is bounded: a few bytes may stand for gigabytes.
"""

import re
import zlib
from collections.abc import Iterator

from evalrun.errors import TargetError

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_PLAIN = re.compile(rb'\s*(?:(?:data|event|id|retry|error):|: |\{\s*"|<!doctype|<html)', re.IGNORECASE)
"""How text begins, whatever the header says."""
KNOWN = ("gzip", "x-gzip", "deflate")
_STEP = 64 * 1024


class CodingError(TargetError):
    """The coding is not known here, or the bytes are not what it says. too_large: they expand beyond the limit."""

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


class Unpacker:
    """Decodes the body of one answer, piece by piece. coding: its Content-Encoding. limit: most bytes to come out.

    Raises CodingError for a coding that is not known.
    """

    def __init__(self, coding: str, *, limit: int) -> None:
        if coding not in KNOWN:
            raise CodingError(
                f"the answer is compressed ({coding[:40]!r}) though that was not asked for; turn it off at the server,"
                " or at the proxy before it"
            )
        self._coding = coding
        self._left = limit
        self._inflate = zlib.decompressobj(wbits=47)  # gzip or zlib, as its first bytes say
        self._raw = coding == "deflate"  # some send it without the zlib header
        self._began = False

    def feed(self, data: bytes) -> bytes:
        """Return what `data` decodes to. Raises CodingError."""
        return b"".join(self._pieces(data))

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        more = True
        while more:
            try:
                piece = self._inflate.decompress(data, _STEP)
            except zlib.error as error:
                if not self._raw or self._began:
                    raise CodingError(f"the answer is not the {self._coding} that it is sent as ({error})") from None
                self._raw, self._inflate = False, zlib.decompressobj(wbits=-zlib.MAX_WBITS)
                continue
            self._began = True
            self._left -= len(piece)
            if self._left < 0:
                raise CodingError("the answer expands beyond the limit; raise limits.max_answer_bytes", too_large=True)
            yield piece
            data = self._inflate.unconsumed_tail
            if self._inflate.eof and (data := self._inflate.unused_data):  # another member
                self._inflate = zlib.decompressobj(wbits=47)
            more = bool(data) or len(piece) == _STEP


def coding_of(header: str, start: bytes) -> str:
    """Return the coding of a body: by its first bytes where they tell, else by its Content-Encoding; "" for none."""
    named = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")
    plain = _PLAIN.match(start) or header.strip().lower() in ("", "identity", "none", "utf-8")
    return named or ("" if plain else header.strip().lower())
