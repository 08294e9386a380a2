"""The simulator's endpoint: an OpenAI-compatible chat server whose answers and latencies come from `model`.

    spec     the kind as it is typed, and its start as a child process    model       what is answered, when, in bytes
    answers  what it knows of the questions                               prompt      tokens, prefixes, their cache
    server   the routes; `python -m` of it is the child process           connection  HTTP/1.1, and writing on time

POST /v1/chat/completions (streamed or not), GET /v1/models, GET /health. It never fails by itself: broken streams,
stalls and error statuses are the fault server's work, in the tests.

The truth log has one JSON line per answered request, written when it ends. All instants are nanoseconds of the
monotonic clock, which every process of this machine shares:

    id, digest           the response's id; the SHA-256 of the messages
    received_ns          the request was read whole
    written_ns           chunk k of tokens was handed to the kernel (of an answer in one piece: the answer)
    closed_ns, complete  the end was; whether the client stayed for it
    ttft_s, gap_s        what was drawn: chunk k is due at received + ttft + k * gap
    prompt_tokens, completion_tokens, right (the first choice)
    cached_tokens        the part of prompt_tokens that the prefix cache served, reported or not
"""

import asyncio
import contextlib
import gc
import hmac
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from evalrun.errors import SuiteError
from evalrun.secret import Secret
from evalrun.targets.child import begin
from evalrun.targets.simulator import connection as http
from evalrun.targets.simulator.answers import Answers
from evalrun.targets.simulator.model import DrawnAnswer, Question
from evalrun.targets.simulator.prompt import PrefixCache, Tokenize, read_prompt, tokenizer
from evalrun.targets.simulator.spec import Simulator
from evalrun.targets.transport.machine import loop_factory
from evalrun.types import Json

_encode = msgspec.json.encode
_LARGE_BYTES = 4096  # to count the tokens of less takes less than a millisecond


class ChatRequest(msgspec.Struct):
    """The fields of a chat request that matter here; others are ignored, as endpoints do."""

    model: str
    messages: list[dict[str, Json]]
    stream: bool = False
    stream_options: dict[str, Json] | None = None
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    seed: int | None = None

    @property
    def limit(self) -> int | None:
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens


async def serve_forever(
    spec: Simulator, *, host: str, port: int, key: Secret | None, truth: Path | None, answers: Path | None,
    ready: Callable[[str], None], folder: Path = Path(),
) -> None:  # fmt: skip
    """Serve in this process until SIGINT or SIGTERM.

    port 0: any free one. ready: given the base URL once it listens. folder: where a tokenizer's path starts.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    known, tokenize = Answers(answers), tokenizer(spec.tokenizer, folder=folder)
    serving: set[asyncio.Task[None]] = set()
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(truth.open("ab", buffering=0)) if truth is not None else None
        chat = Chat(spec, key=key, answers=known, tokenize=tokenize, log=None if log is None else log.write)

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(http.ServerConnection(reader, writer).serve(chat.answer))
            serving.add(task)
            task.add_done_callback(serving.discard)

        try:
            server = await asyncio.start_server(connected, host, port, limit=http.HEAD_BYTES, backlog=4096)
        except OSError as error:
            where = f"serve sim: {host}:{port}"
            raise SuiteError(f"{where}: {os.strerror(error.errno or 0)}; name a free port, or 0 for any") from error
        try:
            name = f"[{host}]" if ":" in host else host
            ready(f"http://{name}:{server.sockets[0].getsockname()[1]}/v1")
            await stop.wait()
        finally:
            server.close()
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)  # they write their truth


class Chat:
    """The routes. log: given each line of the truth."""

    def __init__(
        self, spec: Simulator, *, key: Secret | None, answers: Answers, tokenize: Tokenize,
        log: Callable[[bytes], object] | None,
    ) -> None:  # fmt: skip
        self._spec = spec
        self._bearer = None if key is None else f"Bearer {key.reveal()}".encode()
        self._answers = answers
        self._tokenize = tokenize
        self._cache = None if spec.prefix_cache == "off" else PrefixCache(spec.prefix_cache_prompts)
        self._log = log
        self._number = 0
        self._created = int(time.time())

    async def answer(self, connection: http.ServerConnection, request: http.HttpRequest) -> None:
        """Answer one request. Raises Refused."""
        received_ns = time.monotonic_ns()
        match request.method, request.path:
            case "GET", "/health":
                connection.write(http.response(200, b'{"status":"ok"}'))
            case _ if not self._may(request):
                raise _refused(401, "wrong or missing API key", code="invalid_api_key")
            case "GET", "/v1/models":
                listed = {"id": self._spec.model, "object": "model", "created": self._created, "owned_by": "evalrun"}
                connection.write(http.response(200, _encode({"object": "list", "data": [listed]})))
            case "POST", "/v1/chat/completions":
                await self._chat(connection, request.body, received_ns)
            case _, "/health" | "/v1/models" | "/v1/chat/completions":
                raise _refused(405, f"{request.path} does not take {request.method}", code="method_not_allowed")
            case _:
                raise _refused(404, f"no such path: {request.path}", code="not_found")

    def _may(self, request: http.HttpRequest) -> bool:
        given = request.headers.get("authorization", "").encode("latin-1")
        return self._bearer is None or hmac.compare_digest(given, self._bearer)

    async def _chat(self, connection: http.ServerConnection, body: bytes, received_ns: int) -> None:
        try:
            ask = msgspec.json.decode(body, type=ChatRequest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:  # ValidationError is a DecodeError
            raise _refused(400, f"not a chat request: {error}", code="invalid_request") from error
        if len(body) < _LARGE_BYTES:
            prompt = read_prompt(ask.messages, self._tokenize)
        else:  # in a thread, so that other streams keep their schedules; this one keeps its own: it began before
            prompt = await asyncio.to_thread(read_prompt, ask.messages, self._tokenize)
        self._check(ask, prompt.tokens)
        try:
            fact = self._answers.find(ask.messages, mark=prompt.mark)
        except SuiteError as error:  # what was appended to the file is broken
            raise _refused(500, str(error), code="answers_file") from error
        question = Question(
            mark=prompt.mark, prompt_tokens=prompt.tokens, fact=fact, seed=ask.seed or 0, limit=ask.limit,
            cached_tokens=0 if self._cache is None else self._cache.take(prompt),
        )  # fmt: skip
        self._number += 1
        answer = DrawnAnswer(self._spec, question, choices=ask.n or 1, number=self._number, created=self._created)
        await self._deliver(connection, ask, answer, received_ns)

    def _check(self, ask: ChatRequest, prompt_tokens: int) -> None:
        """Refuse what an endpoint refuses."""
        window = self._spec.window
        if ask.model != self._spec.model:
            raise _refused(404, f"no model {ask.model!r} here, only {self._spec.model!r}", code="model_not_found")
        if not ask.messages:
            raise _refused(400, "messages: at least one is needed", code="invalid_request")
        if (ask.limit is not None and ask.limit < 1) or (ask.n is not None and not 1 <= ask.n <= 128):
            raise _refused(400, "max_tokens: at least 1; n: 1 to 128", code="invalid_request")
        asked = prompt_tokens + (ask.limit or 1)
        if window is not None and asked > window:
            what = f"maximum context length is {window} tokens; prompt and answer would be {asked}"
            raise _refused(400, what, code="context_length_exceeded")

    async def _deliver(
        self, connection: http.ServerConnection, ask: ChatRequest, answer: DrawnAnswer, received_ns: int
    ) -> None:
        """Write the answer when it is due, and the truth when it is over."""
        written_ns: list[int] = []
        complete = False
        first_s, gap_s, count = answer.first_s, answer.gap_s, answer.steps
        if ask.stream:
            if not connection.lost:
                connection.write(http.stream_head() + http.chunk(answer.opening()))
            usage_asked = bool((ask.stream_options or {}).get("include_usage"))
            pieces: Iterator[bytes] = map(http.chunk, answer.events(usage_asked=usage_asked))
        else:
            first_s, gap_s, count = first_s + (count - 1) * gap_s, 0.0, 1
            pieces = iter([http.response(200, answer.whole())])
        try:
            complete = await connection.write_on_time(
                pieces, written_ns, count=count, start_ns=received_ns, first_s=first_s, gap_s=gap_s
            )
            if ask.stream:
                connection.write(http.END)
        finally:
            self._tell(answer, written_ns, received_ns=received_ns, complete=complete)

    def _tell(self, answer: DrawnAnswer, written_ns: list[int], *, received_ns: int, complete: bool) -> None:
        if self._log is None:
            return
        truth = {
            "id": answer.id,
            "digest": answer.question.mark.hex(),
            "received_ns": received_ns,
            "written_ns": written_ns,
            "closed_ns": time.monotonic_ns(),
            "complete": complete,
            "ttft_s": answer.first_s,
            "gap_s": answer.gap_s,
            "prompt_tokens": answer.question.prompt_tokens,
            "cached_tokens": answer.question.cached_tokens,
            "completion_tokens": answer.completion_tokens,
            "right": answer.choices[0].right,
        }
        self._log(_encode(truth) + b"\n")


def _refused(status: int, message: str, *, code: str) -> http.Refused:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return http.Refused(status, _encode({"error": error}))


# ---------------------------------------------------------------- the child process


def main() -> None:
    """Serve as the child process of a run."""
    config, tell = begin()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection is a file
    gc.freeze()  # what was imported need not be looked through again
    truth, answers = (Path(config[name]) if config[name] else None for name in ("truth", "answers"))
    serving = serve_forever(
        Simulator.model_validate_json(config["spec"]),
        host="127.0.0.1",
        port=0,
        key=Secret(config["key"]),
        folder=Path(config["folder"]),
        truth=truth,
        answers=answers,
        ready=lambda url: tell({"base_url": url}),
    )
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            runner.run(serving)
        except SuiteError as error:
            tell({"wrong": str(error)})


if __name__ == "__main__":
    main()
