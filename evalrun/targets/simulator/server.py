"""The simulator's endpoint: an OpenAI-compatible chat server whose answers and latencies come from `model`.

    spec      the kind as it is typed, and its start as a child process    model      when an answer is due, in bytes
    server    the routes; `python -m` of it is the child process           choice     what is said
    incoming, connection  HTTP                                             answers    what it knows of the questions
    deliver   writing one answer on time, and the truth about it           prompt     tokens, prefixes, their cache
    request   a chat request, or the API's error for it                    plausible  values valid against a schema
    refused   the API's error objects                                      tools      calls, and how they are streamed
    service   slots, the queue, when chunks are due                        faults     what goes wrong on purpose

POST /v1/chat/completions (streamed or not), GET /v1/models, GET /v1/models/NAME, GET /health.

The truth log is described in `deliver`.
"""

import asyncio
import contextlib
import gc
import hmac
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from evalrun.errors import SuiteError
from evalrun.secret import Secret
from evalrun.targets.child import begin
from evalrun.targets.simulator.answers import Answers
from evalrun.targets.simulator.choice import Question
from evalrun.targets.simulator.connection import ServerConnection
from evalrun.targets.simulator.deliver import TruthLine, deliver
from evalrun.targets.simulator.faults import ErrorFault, Faults
from evalrun.targets.simulator.incoming import HEAD_BYTES, HttpRequest
from evalrun.targets.simulator.model import DrawnAnswer
from evalrun.targets.simulator.prompt import PrefixCache, Tokenize, read_prompt, tokenizer
from evalrun.targets.simulator.refused import Refused, failed, refused
from evalrun.targets.simulator.request import ChatRequest, read_request
from evalrun.targets.simulator.service import Service
from evalrun.targets.simulator.spec import Simulator
from evalrun.targets.transport.machine import loop_factory

_encode = msgspec.json.encode
_LARGE_BYTES = 4096  # to count the tokens of less takes less than a millisecond
_CHAT, _MODELS = "/v1/chat/completions", "/v1/models"


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
            task = asyncio.create_task(ServerConnection(reader, writer).serve(chat.answer))
            serving.add(task)
            task.add_done_callback(serving.discard)

        try:
            server = await asyncio.start_server(connected, host, port, limit=HEAD_BYTES, backlog=4096)
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
        self._key = None if key is None else key.reveal().encode()
        self._answers = answers
        self._tokenize = tokenize
        self._cache = None if spec.prefix_cache == "off" else PrefixCache(spec.prefix_cache_prompts)
        self._log = log
        self._number = 0
        self._created = int(time.time())
        self._started_ns = time.monotonic_ns()
        self._service = Service(spec, started_ns=self._started_ns)
        self._faults = Faults(spec.faults, seed=spec.seed)

    async def answer(self, connection: ServerConnection, request: HttpRequest) -> None:
        """Answer one request. Raises Refused."""
        received_ns = time.monotonic_ns()
        if request.path != "/health":
            self._check_key(request)
        if request.path == _CHAT and request.method == "POST":
            await self._chat(connection, request, received_ns)
            return
        methods = "POST, OPTIONS" if request.path == _CHAT else "GET, HEAD, OPTIONS"
        body = self._found(request.path)
        if request.method == "OPTIONS":
            connection.write(connection.response(200, b"", [f"Allow: {methods}"]))
        elif request.method not in methods.split(", "):
            wrong = f"{request.path} does not take {request.method}, only {methods}"
            raise refused(405, wrong, code="method_not_allowed", headers=[f"Allow: {methods}"])
        else:
            connection.write(connection.response(200, body))

    def _check_key(self, request: HttpRequest) -> None:
        if self._key is None:
            return
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode("latin-1"), self._key)
        if kind.lower() != "bearer" or not right:
            wrong = "Incorrect API key provided." if given else "You didn't provide an API key."
            advice = f"{wrong} It goes into the header `Authorization: Bearer KEY`."
            raise refused(401, advice, code="invalid_api_key", headers=["WWW-Authenticate: Bearer"])

    def _found(self, path: str) -> bytes:
        """Return what is at a path. Raises Refused."""
        model = {"id": self._spec.model, "object": "model", "created": self._created, "owned_by": "evalrun"}
        if path == "/health":
            return b'{"status":"ok"}'
        if path == _MODELS:
            return _encode({"object": "list", "data": [model]})
        if path == f"{_MODELS}/{self._spec.model}":
            return _encode(model)
        if path.startswith(f"{_MODELS}/"):
            raise self._no_model(path.removeprefix(f"{_MODELS}/"))
        if path == _CHAT:
            return b""
        known = f"{_CHAT}, {_MODELS}, {_MODELS}/NAME and /health"
        raise refused(404, f"Invalid URL: no such path {path}. There are {known}.", code="not_found")

    def _no_model(self, name: str) -> Refused:
        wrong = f"The model `{name}` does not exist; there is only `{self._spec.model}`."
        return refused(404, wrong, param="model", code="model_not_found")

    async def _chat(self, connection: ServerConnection, request: HttpRequest, received_ns: int) -> None:
        self._number += 1
        number, told = self._number, TruthLine(received_ns)
        fault = self._faults.hit(number, at_s=(received_ns - self._started_ns) / 1e9)
        if fault is not None:
            told.fault = fault.kind
        if fault is not None and fault.kind in ("error", "reset", "close") and not fault.after_chunks:
            self._tell(told, None)
            if isinstance(fault, ErrorFault):
                raise failed(fault.status, fault.retry_after_s)
            connection.hang_up(reset=fault.kind == "reset")
            return
        _check_type(request.headers)
        ask = read_request(request.body, lenient=self._spec.unknown_fields == "ignore")
        answer = await self._drawn(ask, len(request.body), number)
        if self._service.full:
            told.fault = "queue_full"
            self._tell(told, answer)
            raise failed(503)
        start_ns, waits = received_ns, self._service.busy
        await self._service.enter()
        try:
            if waits:
                start_ns = time.monotonic_ns()
                told.queue_s = (start_ns - received_ns) / 1e9
            told.in_service = self._service.in_service
            await deliver(
                connection, answer, told=told, service=self._service, fault=fault, start_ns=start_ns,
                cut=self._spec.split == "character",
            )  # fmt: skip
        finally:
            self._service.leave()
            self._tell(told, answer)

    async def _drawn(self, ask: ChatRequest, size: int, number: int) -> DrawnAnswer:
        """Return the answer to a request. Raises Refused. size: of its body in bytes."""
        if ask.model != self._spec.model:
            raise self._no_model(ask.model)
        if size < _LARGE_BYTES:
            prompt = read_prompt(ask.messages, self._tokenize)
        else:  # in a thread, so that other streams keep their schedules; this one keeps its own: it began before
            prompt = await asyncio.to_thread(read_prompt, ask.messages, self._tokenize)
        window, asked = self._spec.window, prompt.tokens + (ask.limit or 1)
        if window is not None and asked > window:
            what = f"This model's maximum context length is {window} tokens; prompt and answer would be {asked}."
            raise refused(400, what, param="messages", code="context_length_exceeded")
        try:
            fact = self._answers.find(ask.messages, mark=prompt.mark)
        except SuiteError as error:  # what was appended to the file is broken
            raise refused(500, str(error), kind="server_error", code="answers_file") from error
        cached = 0 if self._cache is None else self._cache.take(prompt)
        question = Question(prompt.mark, prompt.tokens, cached, fact, ask)
        return DrawnAnswer(self._spec, question, number=number, created=self._created)

    def _tell(self, told: TruthLine, answer: DrawnAnswer | None) -> None:
        if self._log is not None:
            self._log(told.encoded(answer))


def _check_type(headers: dict[str, str]) -> None:
    """Refuse a body that says it is something other than JSON in UTF-8."""
    kind, *parameters = (part.strip().lower() for part in headers.get("content-type", "application/json").split(";"))
    charset = next((part[8:].strip('"') for part in parameters if part.startswith("charset=")), "utf-8")
    if kind != "application/json" or charset not in ("utf-8", "utf8", "us-ascii"):
        raise refused(415, "the content type must be application/json in UTF-8", code="unsupported_media_type")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise refused(415, "the content encoding must be identity", code="unsupported_media_type")


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
