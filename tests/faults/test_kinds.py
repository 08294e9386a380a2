"""Kinds of trouble that endpoints give, each with members of several providers, over a real socket.

The first half asks once with the client, the second runs the whole command in this process and reads what it prints.
What each kind becomes is docs/faults.md's and docs/metrics.md's; the smallest parts of each are tested in tests/wire/.
"""

import asyncio
import gzip
import json
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from asking import BODY, PATIENT, SIZES, Ask
from click.testing import CliRunner
from fault_server import (
    CLOSE,
    DONE,
    SSE,
    STOP,
    FaultServer,
    Script,
    answer,
    ends,
    event,
    head,
    refuses,
    says,
    stream,
    usage,
)  # fmt: skip
from running import ran

from evalrun.cli import cli
from evalrun.retry import Rules
from evalrun.targets.client import Client
from evalrun.targets.kind import Endpoint
from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.types import Completion, Failure, Outcome

ASK = Ask(transport=MeasuringTransport)
SAID = says("4")
FINE = stream(SAID, STOP, usage(10, 1), DONE)
HASTY = Rules(backoff_s=(0.001, 0.002))


def outcomes(*scripts: Script) -> list[Outcome]:
    """Return what comes of one request to each script."""
    with FaultServer(*scripts) as server:
        return [reply.outcome for reply in ASK(server.url, times=len(scripts))]


def completions(*scripts: Script) -> list[Completion]:
    found = outcomes(*scripts)
    assert [one for one in found if isinstance(one, Failure)] == []
    return [one for one in found if isinstance(one, Completion)]


def failures(*scripts: Script) -> list[Failure]:
    found = outcomes(*scripts)
    assert [one for one in found if isinstance(one, Completion)] == []
    return [one for one in found if isinstance(one, Failure)]


def counted(**fields: Any) -> Script:
    """Return an answer with these fields of usage."""
    return [stream(SAID, STOP, {"choices": [], "usage": fields}, DONE)]


# ---------------------------------------------------------------- counts of tokens

THOUGHT = {"completion_tokens_details": {"reasoning_tokens": 300}}


def test_output_that_the_total_has_and_the_completion_has_not() -> None:
    """xAI: 800 - 100 - 400 = 300 is the reasoning; Gemini: 570 - 20 = 550, in both spellings, also without a count."""
    answered = completions(
        counted(prompt_tokens=100, completion_tokens=400, total_tokens=800, **THOUGHT),
        counted(prompt_tokens=20, completion_tokens=50, total_tokens=570),
        counted(promptTokenCount=20, candidatesTokenCount=50, thoughtsTokenCount=500, totalTokenCount=570),
        counted(prompt_tokens=20, total_tokens=570),
    )
    assert [one.usage.completion_tokens for one in answered] == [700, 550, 550, 550]
    assert [one.flags for one in answered] == [("usage_by_total",)] * 4


def test_counts_that_contradict_themselves() -> None:
    """A total below its parts, 0 for a prompt, one output token for 200 bytes, more reasoning than output."""
    long = says("forty-two " * 20)
    answered = completions(
        counted(prompt_tokens=100, completion_tokens=50, total_tokens=120),
        counted(prompt_tokens=0, completion_tokens=5, total_tokens=5),
        [stream(long, STOP, usage(10, 1), DONE)],
        counted(prompt_tokens=100, completion_tokens=50, **THOUGHT),
    )
    assert ["usage_mismatch" in one.flags for one in answered] == [True] * 4


def test_cached_tokens_under_any_name() -> None:
    """900 of 1,000 by OpenAI, Moonshot, DeepSeek, Gemini; of Anthropic's 100 + 900, whatever it first says."""
    prompt = {"prompt_tokens": 1000, "completion_tokens": 2}
    whole = {"choices": [], "usage": {"input_tokens": 1000, "output_tokens": 0}}
    split = {"choices": [], "usage": {"input_tokens": 100, "output_tokens": 2, "cache_read_input_tokens": 900}}
    answered = completions(
        counted(**prompt, prompt_tokens_details={"cached_tokens": 900}),
        counted(**prompt, cached_tokens=900),
        counted(**prompt, prompt_cache_hit_tokens=900, prompt_cache_miss_tokens=100),
        counted(promptTokenCount=1000, candidatesTokenCount=2, cachedContentTokenCount=900),
        [stream(SAID, STOP, whole, split, DONE)],
    )
    assert [(one.usage.prompt_tokens, one.usage.cached_tokens) for one in answered] == [(1000, 900)] * 5


# ---------------------------------------------------------------- time per output token


class Paced(NamedTuple):
    """What is known of an answer's TPOT: over how many tokens, and by what."""

    tokens: float | None
    basis: str | None


def paced(*scripts: list[Any], counts: list[dict[str, Any]]) -> list[Paced]:
    """Return the paces of answers whose events come 2 ms apart."""
    sent: list[Script] = []
    for events, count in zip(scripts, counts, strict=True):
        steps = [step for one in events for step in (event(one), 0.002)]
        sent.append([SSE, *steps, event(STOP), event(count), event(DONE), CLOSE])
    with FaultServer(*sent) as server:
        timings = [reply.timing for reply in ASK(server.url, times=len(sent))]
    return [Paced(one.tpot_tokens, one.tpot_basis) for one in timings if one is not None]


def hidden(tokens: int) -> dict[str, Any]:
    return {"completion_tokens_details": {"reasoning_tokens": tokens}}


def test_hidden_reasoning_is_not_in_the_pace() -> None:
    """Ten tokens were seen, nine after the first, whether 2,000 more are counted within, beside or in the total alone.

    A count of 2,010 that says nothing of reasoning is withheld: the text is too short for it.
    """
    ten = [says(" word")] * 10
    known = paced(ten, ten, ten, ten, counts=[
        usage(50, 2010, **hidden(2000)), usage(50, 10, total_tokens=2060, **hidden(2000)),
        usage(50, 10, total_tokens=2060), usage(50, 2010),
    ])  # fmt: skip
    assert known == [Paced(9, "events")] * 3 + [Paced(None, None)]


def test_few_and_large_chunks() -> None:
    """Most tokens at the beginning, at the end, in two halves: withheld. Five a chunk: estimated by the text."""
    word, many = says(" word"), says(" word" * 40)
    known = paced([many, *[word] * 3], [*[word] * 3, many], [many, many], [says(" word" * 5)] * 4, counts=[
        usage(50, 43), usage(50, 43), usage(50, 80), usage(50, 20),
    ])  # fmt: skip
    assert known == [Paced(None, None)] * 3 + [Paced(15, "sizes")]


# ---------------------------------------------------------------- ends and tool calls


@pytest.mark.parametrize(
    ("becomes", "words"),
    [
        ("complete", ["stop", "END_TURN", "eos-token", "<|im_end|>", {"type": "stop"}]),
        ("truncated", ["length", "MAX_TOKENS", "maxTokens", "output_token_limit", {"reason": "max_tokens"}]),
        ("in_band", ["abort", "insufficient_system_resource", "upstream_failure", "MALFORMED_FUNCTION_CALL"]),
        ("content_filter", ["SAFETY", "content-filter", "content_filter: RECITATION", "input_blocked", ["refusal"]]),
        ("unknown_end", ["wombat", 7, "fin"]),
    ],
)
def test_ends(becomes: str, words: list[Any]) -> None:
    """The words of many providers, as text, as an object, as a list; a number means nothing anybody knows."""
    found = outcomes(*([stream(says("2 + 2 is"), ends(word), usage(10, 5), DONE)] for word in words))
    for word, one in zip(words, found, strict=True):
        if becomes in ("in_band", "content_filter"):
            assert isinstance(one, Failure), word
            assert one.kind == becomes, word
        else:
            assert isinstance(one, Completion), word
            assert one.flags == (("unknown_end",) if becomes == "unknown_end" else ()), word


def calls(*fragments: dict[str, Any]) -> Script:
    """Return a stream of pieces of tool calls. name, arguments: of its `function`."""
    pieces = []
    for each in fragments:
        function = {name: each.pop(name) for name in ("name", "arguments") if name in each}
        pieces.append(says(tool_calls=[{**each, "function": function}]))
    return [stream(*pieces, ends("tool_calls"), usage(10, 9), DONE)]


OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'


def test_pieces_of_tool_calls() -> None:
    """Two calls under one index; one of many ids; indexes that count the pieces; pieces that are sent once more."""
    answered = completions(
        calls(
            {"index": 0, "id": "a", "name": "w", "arguments": OSLO},
            {"index": 0, "id": "b", "name": "w", "arguments": ROME},
        ),
        calls({"name": "w", "arguments": OSLO}, {"name": "w", "arguments": ROME}),
        calls(*({"index": 0, "id": f"c{at}", "name": "w", "arguments": OSLO[at : at + 6]} for at in (0, 6, 12))),
        calls({"index": 0, "name": "w"}, {"index": 1, "arguments": OSLO[:5]}, {"index": 2, "arguments": OSLO[5:]}),
        calls(*({"index": 0, "id": "a", "name": "w", "arguments": OSLO[:end]} for end in (5, 10, 16))),
        calls({"index": 0, "id": "a", "name": "get_"}, {"index": 0, "name": "w"}, {"index": 0, "arguments": OSLO}),
    )  # fmt: skip
    found = [[(call.name, call.arguments) for call in one.tool_calls] for one in answered]
    assert found == [[("w", OSLO), ("w", ROME)]] * 2 + [[("w", OSLO)]] * 3 + [[("get_w", OSLO)]]
    assert ["tool_index_shared" in answered[0].flags, "tool_ids_differ" in answered[2].flags] == [True, True]
    assert "tool_repeated" in answered[4].flags


# ---------------------------------------------------------------- framing


def test_bytes_count_before_the_content_type() -> None:
    """A stream as JSON, as text, without a type; without blank lines; framed twice; one event with the whole answer."""
    sent = b"".join(map(event, (says("It is "), says("4"), STOP, usage(10, 5), DONE)))
    whole = event({"choices": [{"index": 0, "message": {"content": "It is 4"}, "finish_reason": "stop"}]}) + event(DONE)
    lines = sent.replace(b"\n\n", b"\n")
    answered = completions(
        [answer("200 OK", sent, content_type="application/json")],
        [answer("200 OK", b": busy\n\n" + sent, content_type="text/plain")],
        [answer("200 OK", sent)],
        [answer("200 OK", lines, content_type="text/event-stream")],
        [answer("200 OK", sent.replace(b"data: ", b"data: data: "), content_type="text/event-stream")],
        [answer("200 OK", whole, content_type="text/event-stream")],
    )
    assert [one.text for one in answered] == ["It is 4"] * 6
    assert ["odd_content_type" in one.flags for one in answered] == [True] * 3 + [False] * 3
    assert "no_blank_lines" in answered[3].flags


def test_compression_that_was_not_asked_for() -> None:
    """gzip and deflate, said or not, whole or in pieces; plain bytes that are called gzip; others are named."""
    sent = b"".join(map(event, (SAID, STOP, usage(10, 1), DONE)))
    half = len(sent) // 2
    pieces = zlib.compressobj(wbits=31)
    flushed = [
        pieces.compress(sent[:half]) + pieces.flush(zlib.Z_SYNC_FLUSH),
        pieces.compress(sent[half:]) + pieces.flush(),
    ]
    typed = {"content_type": "text/event-stream"}
    answered = completions(
        [answer("200 OK", gzip.compress(sent), content_encoding="gzip", **typed)],
        [answer("200 OK", zlib.compress(sent), content_encoding="deflate", **typed)],
        [answer("200 OK", gzip.compress(sent), **typed)],
        [head("200 OK", content_encoding="gzip", connection="close", **typed), *flushed, CLOSE],
        [answer("200 OK", sent, content_encoding="gzip", **typed)],
    )  # fmt: skip
    assert [one.text for one in answered] == ["4"] * 5
    assert ["compressed" in one.flags for one in answered] == [True] * 4 + [False]
    named = failures(
        *([answer("200 OK", b"\x0b\x02\x80", content_encoding=name, **typed)] for name in ("br", "zstd", "snappy"))
    )
    assert [name in one.message for name, one in zip(("br", "zstd", "snappy"), named, strict=True)] == [True] * 3


def test_odd_streams_are_read() -> None:
    """Words for *not yet*, an end after the end, no ids, progress and pings with JSON, comments, late usage."""
    progress = b'event: progress\ndata: {"step": 1, "message": "thinking"}\n\nevent: ping\ndata: {"type": "ping"}\n\n'
    answered = completions(
        [stream({"choices": [{"delta": {"content": "4"}, "finish_reason": "NOT_FINISHED"}]}, STOP, usage(10, 5), DONE)],
        [stream(SAID, STOP, STOP, usage(10, 5), DONE)],
        [SSE, progress, event(SAID), progress, event(STOP), b": done\n\n", event(usage(10, 5)), event(DONE), CLOSE],
        [stream(SAID, {**STOP, "usage": None}, usage(10, 5), DONE)],
    )  # fmt: skip
    assert [(one.text, one.usage.completion_tokens) for one in answered] == [("4", 5)] * 4


# ---------------------------------------------------------------- errors

OVER = "The model is overloaded. Please try again later."


def test_errors_in_a_stream_that_nothing_frames() -> None:
    """llama.cpp, bare JSON, Zhipu, MiniMax, Tencent, a web page, plain words, JSON in a text, `[ERROR]`, Bedrock."""
    nested = {"error": {"message": json.dumps({"error": {"code": 503, "message": OVER}}), "code": None}}
    found = failures(*([SSE, sent, CLOSE] for sent in (
        b'error: {"code": 503, "message": "busy", "type": "server_error"}\n\n',
        b'{"error": {"code": 503, "message": "loading"}}\n',
        event({"code": 1234, "msg": "network error", "success": False}),
        event({"choices": None, "base_resp": {"status_code": 1033, "status_msg": "mysql is down"}}),
        event({"Response": {"Error": {"Code": "InternalError", "Message": "internal error"}}}),
        event(says("It")) + b"<html><head><title>502 Bad Gateway</title></head></html>\n",
        event(says("It")) + b"upstream connect error or disconnect",
        event(nested), event(json.dumps(json.dumps({"error": {"code": 503, "message": OVER}}))),
        event("[ERROR] " + OVER), event({"modelStreamErrorException": {"message": "the model failed"}}),
        b"event: exception\ndata: " + OVER.encode() + b"\n\n",
    )))  # fmt: skip
    assert [one.kind for one in found] == ["server"] * 12
    assert "502 Bad Gateway" in found[5].message
    assert found[7].message.endswith(f"the server gave up: {OVER}")


def test_other_apis_are_named() -> None:
    """Streams of Anthropic, Ollama and the Responses API are no chat completions; the message says whose they are."""
    found = failures(
        [SSE, event({"type": "message_start", "message": {}}), CLOSE],
        [answer("200 OK", b'{"message": {"content": "4"}, "done": false}\n{"done": true, "response": ""}\n')],
        [SSE, event({"type": "response.created"}), CLOSE],
    )
    for one, api in zip(found, ("Anthropic", "Ollama", "Responses"), strict=True):
        assert (one.kind, f"events of {api}" in one.message.replace("OpenAI's ", "")) == ("not_sse", True)


def coded(status: int, message: str, /, **fields: Any) -> Script:
    return [answer(status, {"error": {"message": message, **fields}})]


@pytest.mark.parametrize(
    ("kind", "scripts"),
    [
        ("no_model", [
            coded(400, "Model not found", code=400), coded(404, "model 'llama9' not found", type="not_found_error"),
            coded(400, "/chat/completions: Invalid model name passed in model=x"),
            coded(404, "models/gemini-9 is not found for API version v1beta", status="NOT_FOUND"),
            coded(404, "model: claude-9", type="not_found_error"), coded(404, "x", code="DeploymentNotFound"),
        ]),
        ("auth", [
            coded(401, "no valid key was given", code=401), coded(400, "API key not valid. Please pass a valid one."),
            [answer(403, {"detail": "Not authenticated"})], [answer(401, b"")],
        ]),
        ("quota", [
            coded(402, "Insufficient Balance"), coded(429, "check your plan", code="insufficient_quota"),
            [answer(403, {"code": "exhausted", "error": "Your team has used all available credits."})],
            [answer(403, {"code": 403, "reason": "NOT_ENOUGH_BALANCE", "message": "not enough balance"})],
        ]),
        ("server", [
            coded(498, "Flex tier capacity exceeded"), coded(400, "Model is getting ready for inference"),
            coded(404, "No instances available, scaling from zero"), [answer(529, b"")], [answer(424, b"")],
        ]),
        ("context_length", [
            coded(400, "prompt is too long: 210000 tokens > 200000 maximum"),
            coded(422, "`inputs` tokens + `max_new_tokens` must be <= 4096"),
            coded(400, "Your request exceeded model token limit: 8192"),
        ]),
    ],
)  # fmt: skip
def test_errors_mean_what_their_words_say(kind: str, scripts: list[Script]) -> None:
    """Providers' words before their statuses."""
    assert [one.kind for one in failures(*scripts)] == [kind] * len(scripts)


# ---------------------------------------------------------------- waits

MINUTE = {"x_ratelimit_remaining_requests": "14230", "x_ratelimit_reset_requests": "17m1.2s"}


def test_waits_of_headers() -> None:
    """`Retry-After` before all; else the allowance that is used up, under the names of Groq, Neuralwatt, Kong, RFC."""
    found = failures(
        [refuses(429, retry_after="2", **MINUTE)],
        [refuses(429, x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="2s", **MINUTE)],
        [answer(429, b"", x_tpm_limit_remaining="0", x_tpm_limit_reset="2")],
        [refuses(429, x_ratelimit_remaining_minute="0", ratelimit_reset="2")],
        [refuses(429, ratelimit='"default";r=0;t=2')],
        [answer(503, b"", retry_after="2")],
    )
    assert [one.retry_after_s for one in found] == [2.0] * 6


def test_waits_of_bodies() -> None:
    """Google's retryDelay, Azure's and OpenAI's words, Chinese words, a minute in letters, OpenRouter's headers."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "60s"}]
    behind = {"headers": {"Retry-After": "60"}}
    found = failures(
        coded(429, "exceeded your current quota", status="RESOURCE_EXHAUSTED", details=details),
        coded(429, "Please retry after 60 seconds."), coded(429, "Try again in 1m0s."), coded(429, "请60秒后重试"),
        coded(429, "Please wait a minute."), coded(429, "Rate limit exceeded", metadata=behind),
        [answer(503, {"error": "Model x is currently loading", "estimated_time": 60.0})],
    )  # fmt: skip
    assert [one.retry_after_s for one in found] == [60.0] * 7


@pytest.mark.parametrize(
    "refusal",
    [
        refuses(429, retry_after_ms="2"),
        answer(429, {"error": {"message": "Please try again in 2ms."}}),
        answer(429, [{"error": {"code": 429, "details": [{"retryDelay": "0.002s"}]}}]),
        answer(503, {"error": "loading", "estimated_time": 0.002}),
    ],
    ids=["header", "words", "field", "loading"],
)
def test_windows_that_are_waited_out(tmp_path: Path, refusal: bytes) -> None:
    """The wait is obeyed, the request is answered, and no budget is used."""
    with FaultServer([refusal], [FINE]) as server:
        run = ran(tmp_path, server.url, jobs=2, rules=HASTY)
    assert [isinstance(one, Completion) for one in run.outcomes] == [True] * 2
    assert run.asker.limited_budget.used_by() == run.asker.retry_budget.used_by() == ""


# ---------------------------------------------------------------- the list of models

LISTED = {"data": [{"id": "m"}]}


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (answer(401, b""), []), (answer(302, b"", location="/login"), []), (answer(404, b"<html>"), []),
        (answer(200, b"<html>"), []), (answer(200, {"models": []}), []), (answer(200, b""), []),
        (answer(200, LISTED), ["m"]), (answer(200, gzip.compress(json.dumps(LISTED).encode())), ["m"]),
    ],
)  # fmt: skip
def test_list_of_models_stops_nothing(models: bytes, names: list[str]) -> None:
    """Refused, redirected, missing, no JSON, of another shape, empty: no names, and no failure."""

    async def listed(url: str) -> object:
        transport = MeasuringTransport(deadlines=PATIENT)
        client = Client(Endpoint(base_url=url, model="m"), transport, deadlines=PATIENT, sizes=SIZES, headers={})
        try:
            return await client.models(), (await client.attempt(BODY)).outcome
        finally:
            await transport.aclose()

    with FaultServer([FINE], models=[models]) as server:
        found, outcome = asyncio.run(listed(server.url))  # type: ignore[misc]
    assert found == names
    assert isinstance(outcome, Completion)


# ---------------------------------------------------------------- the whole command


class Command:
    """Runs `evalrun` in this process, in a folder of its own, on a suite of rows whose answer is 4."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        monkeypatch.chdir(folder)
        monkeypatch.setenv("TEST_KEY", "k-123456")

    def __call__(self, url: str, *options: str, rows: int = 4, task: Any = None, **target: Any) -> tuple[int, str]:
        """Return the exit code and all that was printed."""
        data = {"kind": "inline", "rows": [{"q": f"{n} + {4 - n}?", "a": "4"} for n in range(rows)]}
        sums = {
            "data": data,
            "prompt": {"template": "{{ q }}", "expected": "{{ a }}"},
            "scorers": [{"kind": "exact"}],
            "sampling": {"max_tokens": 16},
        } | (task or {})
        suite = {"name": "kinds", "tasks": {"sums": sums}, "load": {"concurrency": 1}}
        spec = {"kind": "http", "base_url": url, "model": "m"} | target
        (self._folder / "suite.yaml").write_text(json.dumps(suite))
        (self._folder / "t.yaml").write_text(json.dumps(spec))
        args = ["run", "suite.yaml", "-t", "t.yaml", "--new", *options]
        ended = CliRunner().invoke(cli, args, standalone_mode=False)
        assert ended.exception is None
        return ended.return_value or 0, ended.output


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path, monkeypatch)


@pytest.mark.parametrize("effort", ["xhigh", "ultra", "medium-high"])
def test_any_effort_is_sent(command: Command, effort: str) -> None:
    """A word that no provider is known to take is sent all the same; the notice is for those alone."""
    with FaultServer([FINE]) as server:
        code, said = command(server.url, rows=1, task={"sampling": {"max_tokens": 16, "reasoning_effort": effort}})
        assert json.loads(server.requests[0].body)["reasoning_effort"] == effort
    assert (code, "no provider is known to take it" in said) == (0, effort != "xhigh")


@pytest.mark.parametrize(
    ("target", "header", "value"),
    [
        ({"quirks": {"headers": {"api-key": "${TEST_KEY}"}}}, "api-key", "k-123456"),
        ({"key_env": "TEST_KEY", "key_header": "Ocp-Apim-Subscription-Key"}, "ocp-apim-subscription-key", "k-123456"),
        ({"key_env": "TEST_KEY"}, "authorization", "Bearer k-123456"),
        ({}, "authorization", None),
    ],
)
def test_keys_in_any_header(command: Command, target: dict[str, Any], header: str, value: str | None) -> None:
    """Azure, APIM, everybody else, and a server without a key; the query is behind the path."""
    with FaultServer([FINE]) as server:
        code, said = command(f"{server.url}?api-version=1", rows=1, **target)
        (asked,) = server.requests
    assert (code, asked.path, asked.headers.get(header)) == (0, "/v1/chat/completions?api-version=1", value)
    assert "k-123456" not in said


@pytest.mark.parametrize(
    ("options", "title"),
    [(["--limit", "2"], "first 2 of 4"), (["--sample", "2"], "seeded sample of 2 of 4"), (["--limit", "9"], "")],
)
def test_title_says_which_rows(command: Command, options: list[str], title: str) -> None:
    """The first rows and a drawn sample are named; all rows are not."""
    with FaultServer([FINE]) as server:
        _, said = command(server.url, *options)
    assert title in said
    assert ("first 2" in said, "sample of" in said) == (options[1] == "2" and "limit" in options[0], "sample" in title)


OTHER = {"model": "cheap-1b"}


@pytest.mark.parametrize(
    ("warning", "scripts"),
    [
        ("reasoning_only", [[stream(says(reasoning_content="It is 4."), STOP, DONE)],
                            [stream(says("<think>It is 4."), STOP, DONE)],
                            [stream(says([{"type": "thinking", "thinking": "4"}]), STOP, DONE)]]),
        ("other_model", [[stream(SAID | OTHER, STOP | OTHER, DONE)], [stream(SAID | {"model": "m2"}, STOP, DONE)],
                         [stream(SAID | {"model": "vendor/other"}, STOP, DONE)]]),
        ("only_tool_calls", [calls({"index": 0, "id": "a", "name": "w", "arguments": OSLO}),
                             calls({"name": "w", "arguments": OSLO}),
                             [stream(says(function_call={"name": "w", "arguments": "{}"}), STOP, DONE)]]),
        ("blank", [[stream(says(text), STOP, DONE)] for text in (" ", "\n\n", "\u3000")]),
    ],
)  # fmt: skip
def test_warnings_under_worth_a_look(command: Command, warning: str, scripts: list[Script]) -> None:
    """Only thought, of another model, only calls, only blanks: a warning with its count and an example."""
    with FaultServer(*scripts) as server:
        code, said = command(server.url, "--full", rows=3)
    assert code == 0
    assert "Worth a look" in said
    named = said.count(f"- warning, {warning}")  # of other_model, a line for each name
    assert named == 3 or f"- warning, {warning} (3 times)" in said, said


STOPPED = [
    ("does not exist", coded(400, "The model m does not exist")), ("not found", coded(404, "model 'm' not found")),
    ("no such model", [stream({"error": {"message": "no such model"}})]),
    ("revoked", coded(401, "key revoked")), ("revoked", coded(403, "key revoked")),
    ("API key not valid", coded(400, "API key not valid")),
    ("base_url", [answer(404, b"404 page not found")]), ("base_url", [answer(405, {"detail": "Method Not Allowed"})]),
    ("base_url", [answer(404, b"<html><title>Not Found</title></html>", content_type="text/html")]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "script"), STOPPED)
def test_target_that_cannot_be_asked(command: Command, words: str, script: Script) -> None:
    """No such model, no key, no such path: one request, exit 3, and the server's words or what base_url is."""
    with FaultServer(script) as server:
        code, said = command(server.url, rows=8)
        assert len(server.requests) == 1
    assert (code, words in said) == (3, True), said


@pytest.mark.parametrize(
    "unread",
    [
        answer(200, b"<html><title>Sign in</title></html>", content_type="text/html"),
        answer(200, b"\x0b\x02\x80", content_encoding="br"),
        answer(200, {"id": "job-1"}),
        stream({"type": "message_start", "message": {}}),
    ],
    ids=["page", "coding", "json", "api"],
)
def test_answers_that_cannot_be_read_may_be_billed(command: Command, unread: bytes) -> None:
    """A page, an unknown coding, no completion, another API: booked at the worst case, so that a cap holds.

    The worst case of a request is (about 110 bytes + 1024) x $1 + 16 x $10 for a million, some $0.0013: under a cap
    of $0.004 at most three are sent.
    """
    prices = {"prompt": 1, "completion": 10, "date": "2026-01-01"}
    with FaultServer([unread]) as server:
        code, said = command(server.url, "--max-cost", "0.004", rows=16, prices=prices)
        assert 1 <= len(server.requests) <= 3
    assert code in (3, 4)
    assert "possibly billed" in said
