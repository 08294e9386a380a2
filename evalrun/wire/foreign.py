"""What a stream carries beside chat: pings, progress, other vendors' events, and errors that no standard frames.

A foreign event is skipped and counted. One that reads like an error fails the answer only where no answer follows:
a progress event may have a `message` too.
"""

import re
from collections.abc import Callable, Mapping

from evalrun.types import Json
from evalrun.wire.complaint import Complaint, complaint, unframed
from evalrun.wire.kinds import kind_of
from evalrun.wire.sse import STRAY

_APIS: dict[str, Callable[[Mapping[str, Json]], bool]] = {
    "Anthropic's API": lambda value: str(value.get("type")).startswith(("message_start", "content_block_")),
    "OpenAI's Responses API": lambda value: str(value.get("type")).startswith("response."),
    "Gemini's API": lambda value: "candidates" in value,
    "Ollama's API": lambda value: "done" in value and ("message" in value or "response" in value),
    "Bedrock's API": lambda value: "contentBlockDelta" in value or "messageStart" in value,
}
CHAT_EVENTS = frozenset({"", "message", "data", "delta", "chunk", "completion", "chat.completion.chunk"})
"""Names under which chunks come. Under another name only what reads as a chunk is one."""
SILENT = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "error", "system_fingerprint", "provider", "service_tier"}
    | {"x_groq", "obfuscation"}
)
"""Fields of a chunk that says nothing."""
_HEARTBEATS = {"ping", "heartbeat", "keepalive", "keep-alive", "keep_alive"}


_WORDS = re.compile(r'[^{}\[\]"]*|"[^{}\[\]"]*"|\[[A-Za-z _-]*\][^{}\[\]"]*')
_ERROR_NAME = re.compile(r"(?:.*[._-])?(?:error|exception|fail(?:ed|ure)?|abort(?:ed)?)", re.IGNORECASE)


def is_error(name: str) -> bool:
    """Return whether an event of this name says that the server gave up: `error`, `response.failed`."""
    return _ERROR_NAME.fullmatch(name[:100]) is not None


def is_foreign(text: str) -> bool:
    """Say whether an event that is no JSON object is plain words, `ping`; else it may be a piece of a torn chunk."""
    return _WORDS.fullmatch(text) is not None


class ForeignEvents:
    """The events of one stream that are not chat. count: of those that are no heartbeat.

    said: the latest complaint among them. first: the text of the first one, shown where no answer came. stray: the
    words of the lines outside the protocol. api: another API, by the shape of its events.
    """

    def __init__(self) -> None:
        self.count = 0
        self.said: Complaint | None = None
        self.first = ""
        self.stray = self.api = ""

    def text(self, name: str, data: str) -> None:
        """Note an event that is no JSON object: `ping`, `error: overloaded`, a JSON number or text."""
        self._note(name, data)
        said = complaint(data.strip().strip('"'))
        if said.message.lower().lstrip("[<( ").startswith("error") or said.status or kind_of(None, said):
            self.said = said
        if name == STRAY:
            self.stray = said.message

    def fields(self, name: str, data: str, value: Mapping[str, Json]) -> None:
        """Note a JSON object that has nothing of chat."""
        self.api = self.api or next((api for api, shape in _APIS.items() if shape(value)), "")
        said = unframed(value)
        if said is None and name == "" and set(value) <= {"message", "msg", "status", "type", "title"}:
            plain = complaint(dict(value))
            said = plain if kind_of(None, plain) else None
        self._note(name, data, beats=str(value.get("type") or value.get("event") or ""))
        self.said = said or self.said

    def _note(self, name: str, data: str, beats: str = "") -> None:
        self.first = self.first or data[:500].strip()
        if not {name.lower(), beats.lower(), data[:20].strip(' :"[]').lower()} & _HEARTBEATS:
            self.count += 1
