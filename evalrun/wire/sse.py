"""Server-sent events: bytes in, events out, however the bytes were cut. No chat, no clock, no reconnecting.

Follows "Interpreting an event stream" of the WHATWG HTML standard. The bytes are cut into lines first and decoded
after, one event at a time, so a cut inside a character or a line end changes nothing:

    feed(b'data: {"a"') -> []
    feed(b':1}\\n\\n: ping\\n') -> [Event('', '{"a":1}')]

Two kinds of line are events of their own though the standard ignores them, because servers put errors there: a bare
JSON object with a field of an error or of a chunk, and the field `error`. Other lines that are none of the standard's
(a web page, plain words) are one event at the end, named `STRAY`.
"""

import re
from typing import NamedTuple

from evalrun.errors import TargetError

BOM = b"\xef\xbb\xbf"
STRAY = "stray lines"
_STRAY_BYTES = 2048
_FIELDS = (b"data", b"event", b"id", b"retry", b"")
_BARE = re.compile(rb'"(errors?|detail|code|message|msg|choices)"')


class Event(NamedTuple):
    """One event. name: its `event:` field, empty when there was none."""

    name: str
    data: str


class EventTooBig(TargetError):
    """An event, or one line, grew over the limit. `events` are those of the same read that came before it."""

    def __init__(self, limit: int, events: list[Event]) -> None:
        super().__init__(f"event stream: an event is larger than {limit} bytes; raise limits.max_event_bytes")
        self.events = events


class Parser:
    """Turns the bytes of one response into events. Not to be used after `EventTooBig`.

    invalid_utf8: bytes were replaced by U+FFFD. unseparated: events came without the blank line that ends them; the
    first of them was known only when the second began.
    """

    def __init__(self, max_event_bytes: int = 16 * 2**20) -> None:
        self.invalid_utf8 = self.unseparated = False
        self._limit = max_event_bytes
        self._start: bytes | None = b""  # what came while it may still be the beginning of a byte order mark
        self._after_cr = False  # the last byte was a CR: a LF that follows belongs to it
        self._line: list[bytes] = []  # the pieces of the unfinished line
        self._name = b""
        self._data: list[bytes] = []  # the data lines of the unfinished event
        self._held = 0  # the bytes of the data lines and of the unfinished line
        self._stray = b""  # lines that are none of the standard's

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes. Raises `EventTooBig`."""
        if self._start is not None:
            data = self._without_bom(data)
        if self._after_cr and data:
            self._after_cr = False
            if data.startswith(b"\n"):
                data = data[1:]
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

        events: list[Event] = []
        lines = data.split(b"\n")
        if len(lines) > 1 and self._line:
            self._held -= sum(map(len, self._line))
            lines[0] = b"".join(self._line) + lines[0]
            self._line.clear()
        rest = lines.pop()
        for line in lines:
            if not line:
                if self._data:
                    events.append(self._event())
                self._name = b""
            elif self._held + len(line) > self._limit:
                raise self._too_big(events)
            elif line.startswith(b"data: "):
                if (self._data or self.unseparated) and (ended := self._ended(line[6:])):
                    events += ended
                    continue
                self._data.append(line[6:])
                self._held += len(line)
            elif (stray := self._field(line)) is not None:
                events.append(stray)
        if rest:
            self._line.append(rest)
            self._held += len(rest)
            if self._held > self._limit:
                raise self._too_big(events)
        return events

    def _too_big(self, events: list[Event]) -> EventTooBig:
        """Drop what is held, and return the error to raise."""
        self._line.clear()
        self._data.clear()
        return EventTooBig(self._limit, events)

    def _without_bom(self, data: bytes) -> bytes:
        """Hold back the first bytes until they are a byte order mark, which goes, or are not, and stay."""
        assert self._start is not None
        start = self._start + data
        if len(start) < len(BOM) and BOM.startswith(start):
            self._start = start
            return b""
        self._start = None
        return start.removeprefix(BOM)

    def _ended(self, line: bytes) -> list[Event]:
        """Return the events that a line of data ends without a blank line: the one before it, and from then on itself.

        Two JSON objects are no event together.
        """
        begins = line.startswith((b"{", b"[DONE]"))
        if not self.unseparated:
            self.unseparated = begins and self._data[0].startswith(b"{") and self._data[-1].rstrip().endswith(b"}")
            if not self.unseparated:
                return []
        events = [self._event()] if self._data else []
        if begins and line.rstrip().endswith((b"}", b"[DONE]")):
            return [*events, Event("", self._text(line))]
        self._data.append(line)
        self._held += len(line)
        return events

    def _event(self) -> Event:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        self._held = 0
        return Event(self._text(self._name) if self._name else "", self._text(data))

    def rest(self) -> list[Event]:
        """Return the error that the stream ended in without a blank line, if any, and the stray lines.

        Any other unfinished event is none.
        """
        line = b"".join(self._line)
        self._line.clear()
        begun = any(name.startswith(line) for name in _FIELDS)  # `dat`, cut off
        last = self._field(line) if line and not begun else None
        if last is None and self._data:
            last = self._event()
        told = last is not None and (last.name == "error" or '"error"' in last.data)
        events = [last] if last is not None and told and last.data.rstrip().endswith("}") else []
        return [*events, Event(STRAY, self._text(self._stray))] if self._stray else events

    def _field(self, line: bytes) -> Event | None:
        """Add a line that is not the usual `data: ...`; return a stray error. What else is unknown is ignored."""
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field not in _FIELDS and value.startswith((b"{", b"[DONE]")):  # ` data`, `Data`: no text begins like that
            field = field.strip().lower()
        if field == b"data":
            self._data.append(value)
            self._held += len(line)
        elif field == b"event":
            self._name = value
        elif field == b"error" and value.strip():
            return Event("error", self._text(value))
        elif line.startswith(b"{") and _BARE.search(line):
            return Event("", self._text(line))
        elif field not in _FIELDS and len(self._stray) < _STRAY_BYTES:
            self._stray += line[:_STRAY_BYTES] + b"\n"
        return None

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.invalid_utf8 = True
            return raw.decode(errors="replace")


class LineParser:
    """Turns JSON lines into events, one a line: what some servers send in place of an event stream. As `Parser`."""

    def __init__(self, max_event_bytes: int = 16 * 2**20) -> None:
        self.invalid_utf8 = self.unseparated = False
        self._limit = max_event_bytes
        self._line: list[bytes] = []
        self._held = 0

    def feed(self, data: bytes) -> list[Event]:
        """Return the lines that `data` completes. Raises `EventTooBig`."""
        *ended, rest = data.split(b"\n")
        if ended:
            ended[0] = b"".join([*self._line, ended[0]])
            self._line.clear()
            self._held = 0
        self._line.append(rest)
        self._held += len(rest)
        events = [self._event(line) for line in ended if line.strip()]
        if self._held > self._limit or any(len(line) > self._limit for line in ended):
            self._line.clear()
            raise EventTooBig(self._limit, events[:-1])
        return events

    def rest(self) -> list[Event]:
        """Return the last line, where it has no end."""
        line = b"".join(self._line)
        self._line.clear()
        return [self._event(line)] if line.strip() else []

    def _event(self, line: bytes) -> Event:
        text = line.decode(errors="replace")
        self.invalid_utf8 |= "\ufffd" in text and line.find("\ufffd".encode()) < 0
        return Event("", text.strip())
