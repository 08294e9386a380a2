"""A wire dialect is added in two files: its module, and its line in the table."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from evalrun.store.reader import StoredRun
from evalrun.types import Completion, Failure, Usage

DIALECT = '''\
"""A dialect of one prompt and words: POST /generate."""

import json
from collections.abc import Iterable, Mapping, Sequence

from evalrun.types import Completion, Failure, Json, Message, Phase, Usage
from evalrun.wire.answer import Redact
from evalrun.wire.sse import Event

PATH = "/generate"
USAGE: Mapping[str, Json] = {"count": True}


def headers(key: str | None) -> dict[str, str]:
    """Return the version, and the header that carries the key."""
    return {"x-words-version": "1"} | ({} if key is None else {"x-words-key": key})


def fields(sampling: Mapping[str, Json], *, limit_field: str) -> dict[str, Json]:
    """Return sampling parameters as body fields."""
    return {{"max_tokens": "most_words"}.get(name, name): value for name, value in sampling.items()}


def most_tokens(fields: Mapping[str, Json]) -> int | None:
    """Return the limit."""
    return fields.get("most_words")


def body(messages: Sequence[Message], *, model: str, stream: bool) -> dict[str, Json]:
    """Return the prompt, the model and how to answer."""
    return {"prompt": "\\n".join(message.content for message in messages), "engine": model, "live": stream}


def completion(words: Sequence[str], end: Mapping[str, Json], *, chunks: int) -> Completion:
    """Return what the words add up to."""
    usage = Usage(prompt_tokens=end["read"], completion_tokens=end["written"])
    return Completion(
        text=" ".join(words), finish_reason="stop", usage=usage, tokens=end["written"], token_source="usage",
        chunks=chunks, streamed=chunks > 0,
    )


class WordsDecoder:
    """Collects a word from each event."""

    def __init__(self) -> None:
        self.done = False
        self.instants: list[int] = []
        self.sizes: list[int] = []
        self._words: list[str] = []
        self._end: Mapping[str, Json] = {}

    @property
    def first_answer_ns(self) -> int | None:
        return self.instants[0] if self.instants else None

    def feed(self, event: Event, at_ns: int) -> None:
        if event.name == "end":
            self.done, self._end = True, json.loads(event.data)
        else:
            self._words.append(event.data)
            self.instants.append(at_ns)
            self.sizes.append(len(event.data))

    def finish(self, *, broke: Failure | None = None, invalid_utf8: bool = False) -> Completion | Failure:
        if not self.done:
            return broke or Failure(kind="truncated", phase=Phase.PARTIAL, message="no end event")
        return completion(self._words, self._end, chunks=len(self.instants))


def decoder(*, max_bytes: int, end_markers: Iterable[str], redact: Redact) -> WordsDecoder:
    """Return the decoder of one stream."""
    return WordsDecoder()


def reply(
    body: bytes, *, status: int, headers: Mapping[str, str], end_markers: Iterable[str], redact: Redact
) -> Completion | Failure:
    """Read a whole answer."""
    value = json.loads(body)
    return completion(value["words"], value, chunks=0)
'''
SUITE = """\
name: sums
targets: [words]
limits: {max_cost_usd: 1}
tasks:
  sums:
    data: {kind: inline, rows: [{q: "What is 2 + 3?", a: "5"}]}
    prompt: {template: "{{ q }}", expected: "{{ a }}"}
    sampling: {max_tokens: 7, temperature: 0}
    scorers: [{kind: contains}]
"""
STREAM = b'data: it is\n\ndata: 5\n\nevent: end\ndata: {"read": 6, "written": 2}\n\n'


class Handler(BaseHTTPRequestHandler):
    """Answers in the dialect; a wrong key is refused in the usual words."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, dict[str, Any]]]

    def do_GET(self) -> None:
        self._answer(404, "application/json", b"{}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append((self.path, body))
        if self.headers["x-words-key"] != "sesame":
            self._answer(401, "application/json", b'{"error": {"message": "who are you?"}}')
        elif body["live"]:
            self._answer(200, "text/event-stream", STREAM)
        else:
            self._answer(200, "application/json", b'{"words": ["it is", "5"], "read": 6, "written": 2}')

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Handler.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening
        listening.shutdown()


def test_a_dialect_takes_two_files(package: Any, server: ThreadingHTTPServer) -> None:
    """Streamed, whole and refused: path, key, body and answer are the dialect's, and the cap knows its limit."""
    package.add("wire/words.py", DIALECT)
    package.change(
        "wire/dialect.py",
        ("from evalrun.wire import chat\n", "from evalrun.wire import chat, words\n"),
        ('    "chat": chat,\n', '    "chat": chat,\n    "words": words,\n'),
    )
    assert len(package.touched) == 2
    target = (
        f"kind: http\ndialect: words\nbase_url: http://127.0.0.1:{server.server_port}/v0\n"
        "model: m\nkey_env: WORDS_KEY\nprices: {prompt: 1, completion: 1, date: 2026-01-01}\n"
    )
    suite, config = package.folder / "sums.yaml", package.folder / "configs" / "words.yaml"
    suite.write_text(SUITE)

    def outcome(more: str, key: str) -> tuple[Completion | Failure, float | None, tuple[str, dict[str, Any]]]:
        config.write_text(target + more)
        done = package.evalrun("run", suite, "--new", env={"WORDS_KEY": key})
        newest = max((package.folder / "results" / "sums").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        (record,) = StoredRun(newest).records()
        assert (done.returncode == 0) == isinstance(record.outcome, Completion), done.stderr
        return record.outcome, record.timing and record.timing.ttft_s, Handler.asked[-1]

    streamed, ttft_s, asked = outcome("", "sesame")
    assert isinstance(streamed, Completion)
    assert (streamed.text, streamed.chunks, streamed.tokens) == ("it is 5", 2, 2)
    assert streamed.usage == Usage(prompt_tokens=6, completion_tokens=2)
    assert ttft_s is not None
    body = {"prompt": "What is 2 + 3?", "engine": "m", "live": True, "most_words": 7, "temperature": 0, "count": True}
    assert asked == ("/v0/generate", body)

    whole, ttft_s, (_, body) = outcome("quirks: {stream: false}\n", "sesame")
    assert isinstance(whole, Completion)
    assert (whole.text, whole.streamed, ttft_s) == ("it is 5", False, None)
    assert (body["live"], "count" in body) == (False, False)

    refused, _, _ = outcome("", "pear")
    assert isinstance(refused, Failure)
    assert (refused.kind, refused.status) == ("auth", 401)
    assert "who are you?" in refused.message

    schema = json.loads(package.evalrun("schema", "target").stdout)
    assert schema["$defs"]["Http"]["properties"]["dialect"]["enum"] == ["chat", "words"]
    config.write_text(target.replace("dialect: words", "dialect: word"))
    wrong = package.evalrun("check", suite)
    assert wrong.returncode == 2
    assert "words.yaml:2:10: dialect: unknown dialect 'word'; would be right: chat, words" in wrong.stderr
    config.write_text(target.replace("/v0", "/v0/generate"))
    assert "goes too far, /generate is added to it" in package.evalrun("check", suite).stderr
