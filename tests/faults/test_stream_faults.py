"""Rows S01-S30 of docs/faults.md at the client, over a real socket: how a stream may look, and when it is no answer.

The same rules event by event, and at every cut of the bytes: tests/wire/.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from asking import PATIENT, SIZES, Ask
from fault_server import CLOSE, DONE, HOLD, SSE, STOP, Again, FaultServer, chunked, ends, event, says, stream, usage

from evalrun.targets.client import Reply
from evalrun.targets.kind import Deadlines, Sizes
from evalrun.types import Completion, Failure, FailureKind, Phase, ToolCall, Usage

A, B = event(says("A")), event(says("B"))
END = event(STOP) + event(DONE)
HEL = says("Hel")


def asked(ask: Ask, *script: Any, **options: Any) -> Reply:
    with FaultServer(list(script)) as server:
        (reply,) = ask(server.url, **options)
        assert len(server.requests) == 1
    return reply


def completion(ask: Ask, *script: Any, **options: Any) -> Completion:
    outcome = asked(ask, *script, **options).outcome
    assert isinstance(outcome, Completion), outcome
    return outcome


# ---------------------------------------------------------------- the same answer, however it is written


def lines(ending: bytes) -> bytes:
    return (A + B + END).replace(b"\n", ending)


JOINED = json.dumps(says("AB")).replace("{", "{\ndata:", 1)  # the line feed that joins two lines is blank space in JSON
SEPARATORS = "A\u2028\u2029\u0085\x0b\x0cB"
RAW_SEPARATORS = A.replace(b"A", SEPARATORS.encode())

SAME = [
    pytest.param(b"\xef\xbb\xbf" + A + B + END, "AB", id="S01-byte order mark"),
    pytest.param(b"\xef\xbb\xbf" * 2 + A + B + END, "B", id="S01-of two only the first is one"),
    pytest.param(lines(b"\n"), "AB", id="S02-LF"),
    pytest.param(lines(b"\r"), "AB", id="S02-CR"),
    pytest.param(lines(b"\r\n"), "AB", id="S02-CRLF"),
    pytest.param(A + B.replace(b"\n", b"\r\n") + END.replace(b"\n", b"\r"), "AB", id="S02-mixed"),
    pytest.param(b": OPENROUTER PROCESSING\n\n" + A + b":\n:x\n\n" + B + END, "AB", id="S04-comments"),
    pytest.param(b"event: ping\n\n" + A + b"id: 7\n\nretry: 100\n\n" + B + END, "AB", id="S05-no data"),
    pytest.param(f"data: {JOINED}\n\n".encode() + END, "AB", id="S06-data on two lines"),
    pytest.param((A + B + END).replace(b"data: ", b"data:"), "AB", id="S07-no space"),
    pytest.param(b"foo: bar\n" + A + b"datum: x\n\nid\n" + B + END, "AB", id="S07-unknown fields"),
    pytest.param(RAW_SEPARATORS + END, SEPARATORS, id="S08-no line breaks"),
]


@pytest.mark.parametrize(("sends", "text"), SAME)
def test_stream_syntax(ask: Ask, sends: bytes, text: str) -> None:
    """S01-S08: the rules of the event-stream standard, and nothing that is odd is flagged but the buffering."""
    found = completion(ask, SSE, sends, CLOSE)
    assert (found.text, found.finish_reason) == (text, "stop")
    assert set(found.flags) <= {"buffered"}


def test_s03_split_at_every_byte(ask: Ask) -> None:
    """S03: every byte in a segment of its own, in the middle of characters, of CRLF and of `data:`."""
    sends = (event(says("\u00e9\u20ac\U0001f600")) + A + END).replace(b"\n", b"\r\n")
    assert completion(ask, SSE, *(sends[i : i + 1] for i in range(len(sends))), CLOSE).text == "\u00e9\u20ac\U0001f600A"


def test_s04_heartbeats_are_activity_but_no_token(ask: Ask) -> None:
    """S04: ten comments 0.1 s apart keep a stream alive whose idle deadline is 0.7 s, and start no clock."""
    beats = [step for _ in range(10) for step in (b": PROCESSING\n\n", 0.1)]
    reply = asked(ask, SSE, *beats, A, END, CLOSE, deadlines=Deadlines(idle_s=0.7))
    assert isinstance(reply.outcome, Completion)
    assert reply.outcome.chunks == 1
    assert reply.timing is not None
    assert reply.timing.first_byte_s is not None
    assert reply.timing.ttft_s is not None
    assert reply.timing.ttft_s >= 1.0
    assert reply.timing.ttft_s > reply.timing.first_byte_s


# ---------------------------------------------------------------- ends that are odd


ENDS = [
    pytest.param(A + event(STOP), ("no_done_marker",), "stop", id="S09-no DONE"),
    pytest.param(A + event(DONE), ("no_finish_reason",), None, id="S10-no finish_reason"),
    pytest.param(A + END + B, ("data_after_done",), "stop", id="S15-data after DONE"),
]


@pytest.mark.parametrize(("sends", "flags", "reason"), ENDS)
def test_odd_end(ask: Ask, sends: bytes, flags: tuple[str, ...], reason: str | None) -> None:
    """S09, S10, S15: one terminal marker is enough, what is odd is flagged, text that follows [DONE] is not read."""
    found = completion(ask, SSE, sends, CLOSE)
    assert (found.text, found.flags, found.finish_reason, found.usage) == ("A", flags, reason, Usage())


def test_s16_socket_held_open_after_done(ask: Ask) -> None:
    """S16: the answer ends at [DONE]; a server that says nothing more is left after a second, not waited for."""
    with FaultServer([SSE, A + END, HOLD]) as server:
        (reply,) = ask(server.url, deadlines=PATIENT, after_each=lambda: server.client_left.wait(10))
        assert server.client_left.is_set()
    assert isinstance(reply.outcome, Completion)
    assert reply.ended_ns - reply.sent_ns < 1e9


# ---------------------------------------------------------------- no answer


@dataclass(frozen=True, kw_only=True)
class Fails:
    """A stream that is no answer, the text that came before it broke, and whether it may have cost money."""

    name: str
    sends: bytes
    kind: FailureKind
    partial: str = "Hel"
    phase: Phase = Phase.PARTIAL
    billed: bool = True
    status: int | None = None
    says: str = ""
    sizes: Sizes = SIZES


OVERLOADED = {"error": {"message": "overloaded", "code": 503}}
NAMED = b'event: error\ndata: {"message": "overloaded", "code": 503}\n\n'

FAILS = [
    Fails(name="S11-neither marker", sends=stream(HEL), kind="truncated"),
    Fails(name="S11-no event at all", sends=chunked(b": hello\n\n"), kind="empty", partial="", phase=Phase.COMPLETE),
    Fails(name="S12-error mid-stream", sends=stream(HEL, OVERLOADED), kind="server", status=503, says="overloaded"),
    Fails(name="S12-error before the first token", sends=stream(OVERLOADED), kind="server", status=503, partial="",
          billed=False),
    Fails(name="S13-object error", sends=stream(HEL, {"object": "error", "message": "OOM", "code": 500}),
          kind="server", status=500, says="OOM"),
    Fails(name="S13-event error", sends=chunked(event(HEL), NAMED), kind="server", status=503, says="overloaded"),
    Fails(name="S14-error then DONE", sends=stream(HEL, OVERLOADED, DONE), kind="server", status=503),
    Fails(name="S14-error after the finish", sends=stream(HEL, STOP, OVERLOADED, DONE), kind="server", status=503),
    Fails(name="S20-filtered to nothing", sends=stream(ends("content_filter"), DONE), kind="content_filter", partial="",
          phase=Phase.COMPLETE),
    Fails(name="S21-role only", sends=stream(says(role="assistant"), says(""), STOP, DONE), kind="empty", partial="",
          phase=Phase.COMPLETE),
    Fails(name="S24-event over the limit", sends=stream(HEL, says("x" * 70_000), STOP, DONE), kind="too_big",
          sizes=Sizes(event=65_536), says="limits.max_event_bytes"),
    Fails(name="S25-malformed chunk", sends=stream(HEL, '{"choices": [{"de', STOP, DONE), kind="bad_chunk",
          says='event 2: malformed chunk, at character 14: Unterminated string starting at: {"choices": [{"de'),
]  # fmt: skip


@pytest.mark.parametrize("case", FAILS, ids=lambda case: case.name)
def test_stream_shape(ask: Ask, case: Fails) -> None:
    """S11-S14, S20, S21, S24, S25: never a success, its beginning is kept, and it has no latency."""
    reply = asked(ask, case.sends, sizes=case.sizes)
    failed = reply.outcome
    assert isinstance(failed, Failure)
    assert (failed.kind, failed.phase, failed.possibly_billed) == (case.kind, case.phase, case.billed)
    assert (failed.partial, failed.status) == (case.partial, case.status)
    assert case.says in failed.message
    assert reply.timing is None


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(event(says("x" * 1000)), id="S29-endless answer"),
        pytest.param(event(says(reasoning_content="x" * 1000)), id="S29-endless reasoning"),
        pytest.param(event(says("")), id="S29-endless nothing"),
    ],
)
def test_s29_runaway(ask: Ask, flood: bytes) -> None:
    """S29: an answer that ignores max_tokens is cut at the size limit, and the server is left."""
    with FaultServer([SSE, Again(flood)]) as server:
        (reply,) = ask(server.url, sizes=Sizes(answer=100_000), after_each=lambda: server.client_left.wait(10))
        assert server.client_left.is_set()
    assert isinstance(reply.outcome, Failure)
    assert (reply.outcome.kind, reply.outcome.possibly_billed) == ("runaway", True)
    assert len(reply.outcome.partial) < 100_000
    assert "limits.max_answer_bytes" in reply.outcome.message


# ---------------------------------------------------------------- what is in it


NO_COUNTS: dict[str, Any] = {"choices": [], "usage": None}
HIGH, LOW = "\\ud83d", "\\ude00"  # the two halves of U+1F600, as JSON escapes


def halves(text: str) -> str:
    return json.dumps(says("?")).replace("?", text)


def test_s17_usage_in_the_tail(ask: Ask) -> None:
    """S17: chunks without choices are no chunks of the answer; of several usage blocks the last one counts."""
    found = completion(ask, stream(NO_COUNTS, HEL, usage(5, 1), STOP, usage(5, 2), NO_COUNTS, DONE))
    assert (found.text, found.usage.prompt_tokens, found.tokens, found.token_source) == ("Hel", 5, 2, "usage")


def test_s18_usage_missing(ask: Ask) -> None:
    """S18: nobody counted the tokens: chunks stand in under their own name, counts and TPOT are unknown."""
    reply = asked(ask, SSE, A, 0.05, B, END, CLOSE)
    assert isinstance(reply.outcome, Completion)
    assert (reply.outcome.tokens, reply.outcome.token_source, reply.outcome.usage) == (2, "chunks", Usage())
    assert reply.timing is not None
    assert reply.timing.tpot_s is None
    assert len(reply.timing.icl_s) == 1


def test_s19_usage_on_every_chunk(ask: Ask) -> None:
    """S19: running totals are not summed."""
    found = completion(
        ask, stream({**says("A"), **usage_of(1)}, {**says("B"), **usage_of(2)}, {**STOP, **usage_of(2)}, DONE)
    )
    assert (found.usage.prompt_tokens, found.usage.completion_tokens, found.tokens) == (7, 2, 2)


def usage_of(completion_tokens: int) -> dict[str, Any]:
    return {"usage": usage(7, completion_tokens)["usage"]}


@pytest.mark.parametrize(("reason", "truncated"), [("length", True), ("MAX_TOKENS", True), ("end_turn", False)])
def test_s20_finish_reasons(ask: Ask, reason: str, truncated: bool) -> None:
    """S20: an answer that was cut short is an answer, and says why."""
    found = completion(ask, stream(HEL, ends(reason), DONE))
    assert (found.text, found.finish_reason, found.truncated) == ("Hel", reason, truncated)


@pytest.mark.parametrize(("reason", "kind"), [("content_filter", "content_filter"), ("abort", "in_band")])
def test_s20_ends_that_are_failures(ask: Ask, reason: str, kind: str) -> None:
    """S20: what a filter took, and what the server broke off, is no answer; the text so far is kept."""
    outcome = asked(ask, stream(HEL, ends(reason), DONE)).outcome
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.partial, outcome.possibly_billed) == (kind, "Hel", True)


def test_s20_tool_calls(ask: Ask) -> None:
    """S20: tool calls are put together by index."""
    pieces = [
        says(tool_calls=[{"index": 0, "id": "a", "function": {"name": "add", "arguments": '{"x"'}}]),
        says(tool_calls=[{"index": 1, "id": "b", "function": {"name": "sub", "arguments": "{}"}}]),
        says(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]),
    ]
    found = completion(ask, stream(*pieces, ends("tool_calls"), DONE))
    assert found.finish_reason == "tool_calls"
    assert found.tool_calls == (
        ToolCall(id="a", name="add", arguments='{"x":1}'),
        ToolCall(id="b", name="sub", arguments="{}"),
    )


def test_s21_first_token_is_not_the_first_chunk(ask: Ask) -> None:
    """S21: a role and an empty delta come at once, the first content 0.3 s later: TTFT counts from there."""
    reply = asked(ask, SSE, event(says(role="assistant")) + event(says("")), 0.3, A, END, CLOSE)
    assert reply.timing is not None
    assert reply.timing.first_byte_s is not None
    assert reply.timing.ttft_s is not None
    assert reply.timing.ttft_s >= 0.3
    assert reply.timing.ttft_s > reply.timing.first_byte_s


def test_s22_reasoning_only(ask: Ask) -> None:
    """S22: reasoning is stored apart; an answer that never began is empty, not an error, and has no TTFO."""
    reply = asked(ask, stream(says(reasoning_content="let me"), says(reasoning=" see"), ends("length"), DONE))
    assert isinstance(reply.outcome, Completion)
    assert (reply.outcome.text, reply.outcome.reasoning) == ("", "let me see")
    assert reply.timing is not None
    assert reply.timing.ttft_s is not None
    assert reply.timing.ttfo_s is None


def test_s23_interleaved_choices(ask: Ask) -> None:
    """S23: several answers are told apart by their index."""
    mixed = [says("a", index=0), says("b", index=1), says("A", index=0), says("B", index=1)]
    found = completion(ask, stream(*mixed, ends("stop", index=1), ends("stop", index=0), DONE))
    assert (found.text, found.others) == ("aA", ("bB",))


def test_s24_event_of_5_mb(ask: Ask) -> None:
    """S24: a single event of 5 MB is an ordinary answer."""
    assert completion(ask, stream(says("x" * 5_000_000), STOP, DONE)).text == "x" * 5_000_000


TEXTS = [
    pytest.param(A.replace(b"A", b"A\xff\xc3"), "A\ufffd\ufffd", ("invalid_utf8",), id="S26-invalid UTF-8"),
    pytest.param(event(halves(HIGH)) + event(halves(LOW)), "\U0001f600", (), id="S27-halves that meet"),
    pytest.param(event(halves(HIGH)) + A + event(halves(LOW)), "\ufffdA\ufffd", (), id="S27-halves that do not"),
    pytest.param(event(says("\0\x1b[31m\x9b\u202e")), "\0\x1b[31m\x9b\u202e", (), id="S28-control characters"),
    pytest.param(event(says("e" + "\u0301" * 100_000)), "e" + "\u0301" * 100_000, (), id="S28-combining marks"),
]


@pytest.mark.parametrize(("sends", "text", "flags"), TEXTS)
def test_stream_text(ask: Ask, sends: bytes, text: str, flags: tuple[str, ...]) -> None:
    """S26-S28: the text is stored as it came, and is always valid UTF-8."""
    found = completion(ask, SSE, sends, END, CLOSE)
    assert found.text.encode() == text.encode()
    assert set(found.flags) - {"buffered"} == set(flags)


def test_s30_buffering_proxy(ask: Ask) -> None:
    """S30: an answer that comes all at once is flagged, and says nothing of the time per token."""
    events = (event(chunk) for chunk in (says("A"), says("B"), says("C"), STOP, usage(1, 30), DONE))
    reply = asked(ask, chunked(b"".join(events)))
    assert isinstance(reply.outcome, Completion)
    assert (reply.outcome.tokens, reply.outcome.flags) == (30, ("buffered",))
    assert reply.timing is not None
    assert reply.timing.tpot_s is None
    assert reply.timing.ttft_s is not None
