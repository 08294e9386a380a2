"""wire.chat: what is a token event, what ends a stream, what fails it, and the provider's own stream at every cut."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalrun.types import Completion, Failure, FailureKind, Phase, ToolCall, Usage
from evalrun.wire.chat import ChatDecoder, reply
from evalrun.wire.sse import Event, Parser

STREAM = (Path(__file__).parents[1] / "fixtures" / "deepinfra" / "hello.sse").read_bytes()
MS = 1_000_000
STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
USAGE = {"prompt_tokens": 3, "completion_tokens": 4}
DONE = "[DONE]"


def says(content: str | None = None, *, index: int = 0, **delta: Any) -> dict[str, Any]:
    """Return a chunk in which one choice says something."""
    said = delta if content is None else {"content": content, **delta}
    return {"choices": [{"index": index, "delta": said, "finish_reason": None}]}


def ends(reason: str, *, index: int = 0) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {}, "finish_reason": reason}]}


def choice(index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {}, **fields}]}


def fed(*chunks: dict[str, Any] | str, **options: Any) -> ChatDecoder:
    """Feed chunks, the first at 1 ms, the second at 2 ms, and so on."""
    decoder = ChatDecoder(**options)
    for number, chunk in enumerate(chunks, 1):
        decoder.feed(Event("", chunk if isinstance(chunk, str) else json.dumps(chunk)), number * MS)
    return decoder


def completed(*chunks: dict[str, Any] | str, **options: Any) -> Completion:
    outcome = fed(*chunks, **options).finish()
    assert isinstance(outcome, Completion), outcome
    return outcome


def failed(*chunks: dict[str, Any] | str, **options: Any) -> Failure:
    outcome = fed(*chunks, **options).finish()
    assert isinstance(outcome, Failure), outcome
    return outcome


# ---------------------------------------------------------------- the provider's stream


def test_the_provider_stream_at_every_cut() -> None:
    """First delta a single space, an empty delta, a leaked `</s>`, no usage: the same outcome at every cut in two.

    The pieces are read at 1 and 2 ms. Only where all tokens are in one piece is the answer `buffered`.
    """
    event_ends = [i + 2 for i in range(len(STREAM)) if STREAM.startswith(b"\n\n", i)]
    token_ends = [event_ends[number] for number in (0, 1, 2, 4)]  # " ", " Hi", "!", "</s>": the marker took time too
    for cut in range(len(STREAM) + 1):
        parser, decoder = Parser(), ChatDecoder(end_markers=["</s>"])
        for at_ns, piece in ((1 * MS, STREAM[:cut]), (2 * MS, STREAM[cut:])):
            for event in parser.feed(piece):
                decoder.feed(event, at_ns)
        instants = [1 * MS if end <= cut else 2 * MS for end in token_ends]
        assert (decoder.done, list(decoder.instants), decoder.first_answer_ns) == (True, instants, instants[0])
        assert decoder.finish() == Completion(
            text="  Hi!",
            finish_reason="stop",
            tokens=4,
            token_source="chunks",
            chunks=4,
            model="deepseek-ai/DeepSeek-V3.2",
            response_id="Rc5hsIPHOSfMP3rNSFUw9tfR",
            flags=("buffered", "leaked_marker") if len(set(instants)) == 1 else ("leaked_marker",),
        ), cut


def test_the_provider_stream_byte_by_byte() -> None:
    """TTFT is the first delta, a space: its event is complete at the byte that ends the first blank line."""
    parser, decoder = Parser(), ChatDecoder(end_markers=["</s>"])
    for at_ns in range(len(STREAM)):
        for event in parser.feed(STREAM[at_ns : at_ns + 1]):
            decoder.feed(event, at_ns)
    assert decoder.instants[0] == decoder.first_answer_ns == STREAM.index(b"\n\n") + 1
    assert len(decoder.instants) == 4


# ---------------------------------------------------------------- token events


@pytest.mark.parametrize(
    "silent",
    [
        says(role="assistant"),
        says("", role="assistant"),
        {"choices": [{"delta": {"content": None, "reasoning_content": None, "tool_calls": None, "refusal": None}}]},
        says(tool_calls=[], reasoning_content="", refusal=""),
        {"choices": []},
        {"choices": [], "usage": USAGE},
        {"choices": None},
        {"choices": [{"index": 0, "finish_reason": None}]},
        {"id": "x", "error": None},
        {},
        "",
        " ",
    ],
)
def test_what_is_no_token_event(silent: dict[str, Any] | str) -> None:
    """A role, an empty delta, a usage block, a keep-alive carry no output and start no clock."""
    assert list(fed(silent, says("a"), silent, STOP, silent, DONE).instants) == [2 * MS]


@pytest.mark.parametrize(
    "loud",
    [
        says(" "),
        says(reasoning_content="hm"),
        says(reasoning="hm"),
        says(refusal="no"),
        says(tool_calls=[{"index": 0, "function": {"arguments": "{"}}]),
        says("b", index=1),
    ],
)
def test_what_is_a_token_event(loud: dict[str, Any]) -> None:
    """Content (one space will do), reasoning under either name, a refusal, a tool call, of any choice."""
    assert list(fed(says(role="assistant"), loud, says("a")).instants) == [2 * MS, 3 * MS]


def test_reasoning_is_apart_and_is_no_answer() -> None:
    """Both spellings are collected; the first answer is the first content; a twice sent thought counts once."""
    decoder = fed(
        says(reasoning_content="a"), says(reasoning="b"), says(reasoning="c", reasoning_content="c"), says("d"), STOP
    )
    outcome = decoder.finish()
    assert isinstance(outcome, Completion)
    assert (outcome.reasoning, outcome.text, decoder.first_answer_ns) == ("abc", "d", 4 * MS)


def test_reasoning_only_is_an_empty_answer_not_an_error() -> None:
    """S22."""
    decoder = fed(says(reasoning_content="hm"), STOP, DONE)
    outcome = decoder.finish()
    assert isinstance(outcome, Completion)
    assert (outcome.text, outcome.reasoning, outcome.chunks, decoder.first_answer_ns) == ("", "hm", 1, None)


@pytest.mark.parametrize(
    ("parts", "text", "reasoning", "first_answer_ms", "flags"),
    [
        (["<think>", "hm", "</think>", "\n\n", "4"], "4", "hm", 5, ("inline_think",)),
        (["\n<thi", "nk>hm</th", "ink>4", "2"], "42", "hm", 3, ("inline_think",)),
        (["<think></think>", "4"], "4", "", 2, ("inline_think",)),
        (["<think>", "hm", " 4"], "", "hm 4", None, ("reasoning_only", "unterminated_think")),
        (["hm", "</think>", "4"], "4", "hm", 3, ("unopened_think",)),
        (["say ", "<think>x</think>"], "say <think>x</think>", "", 1, ()),
    ],
)
def test_think_tags_inside_the_content(
    parts: list[str], text: str, reasoning: str, first_answer_ms: int | None, flags: tuple[str, ...]
) -> None:
    """Reasoning left in the content leaves the answer, and the first answer is the first character after it."""
    decoder = fed(*map(says, parts), STOP, DONE)
    outcome = decoder.finish()
    assert isinstance(outcome, Completion)
    assert (outcome.text, outcome.reasoning, outcome.flags) == (text, reasoning, flags)
    assert decoder.first_answer_ns == (first_answer_ms and first_answer_ms * MS)


def test_a_tool_call_after_inline_thought_is_the_first_answer() -> None:
    """An answer may be an action."""
    call = says(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}])
    assert fed(says("<think>hm</think>"), call, STOP).first_answer_ns == 2 * MS


@pytest.mark.parametrize(
    ("text", "stripped", "flags"),
    [
        ("4</s>", "4", ("leaked_marker",)),
        ("4</s>\n<|im_end|> \n", "4", ("leaked_marker",)),
        ("</s>4", "</s>4", ()),
        ("4", "4", ()),
        ("</s>", "", ("blank", "leaked_marker")),
    ],
)
def test_leaked_end_markers(text: str, stripped: str, flags: tuple[str, ...]) -> None:
    """Markers at the end go, several too, and nowhere else."""
    outcome = completed(says(text), STOP, DONE, end_markers=["", "</s>", "<|im_end|>"])
    assert (outcome.text, outcome.flags) == (stripped, flags)


def test_tool_calls_are_put_together_by_index() -> None:
    """Two calls in interleaved fragments; id and name come once, the arguments in pieces."""
    outcome = completed(
        says(tool_calls=[{"index": 1, "id": "b", "function": {"name": "add", "arguments": ""}}]),
        says(
            tool_calls=[{"index": 0, "id": "a", "type": "function", "function": {"name": "mul", "arguments": '{"x"'}}]
        ),
        says(
            tool_calls=[{"index": 1, "function": {"arguments": "{}"}}, {"index": 0, "function": {"arguments": ":1}"}}]
        ),
        ends("tool_calls"),
        DONE,
    )
    assert outcome.tool_calls == (
        ToolCall(id="a", name="mul", arguments='{"x":1}'),
        ToolCall(id="b", name="add", arguments="{}"),
    )
    assert (outcome.finish_reason, outcome.chunks) == ("tool_calls", 3)


def test_tool_calls_without_index() -> None:
    """Not the API, but seen: a name begins a call; arguments that are an object become text."""
    outcome = completed(
        says(tool_calls=[{"id": "a", "function": {"name": "f", "arguments": "{"}}]),
        says(tool_calls=[{"function": {"arguments": "}"}}]),
        says(tool_calls=[{"id": "b", "function": {"name": "g", "arguments": {"x": 1.5}}}]),
        DONE,
    )
    assert outcome.tool_calls == (
        ToolCall(id="a", name="f", arguments="{}"),
        ToolCall(id="b", name="g", arguments='{"x": 1.5}'),
    )


def test_several_choices_are_split_by_index() -> None:
    """S23: choice 0 is the answer, the others stand apart in order, every delta is a token event."""
    chunks = [says("b", index=1), says("a"), says("c", index=2), says("A"), says("B", index=1)]
    decoder = fed(*chunks, ends("stop", index=1), ends("length"), ends("stop", index=2))
    outcome = decoder.finish()
    assert isinstance(outcome, Completion)
    assert (outcome.text, outcome.others, outcome.finish_reason) == ("aA", ("bB", "c"), "length")
    assert list(decoder.instants) == [1 * MS, 2 * MS, 3 * MS, 4 * MS, 5 * MS]


# ---------------------------------------------------------------- usage


@pytest.mark.parametrize(
    "chunks",
    [
        [says("a"), {**STOP, "usage": USAGE}, DONE],
        [says("a"), STOP, {"choices": [], "usage": USAGE}, DONE],
        [{**says("a"), "usage": {"prompt_tokens": 3, "completion_tokens": 1}}, {**STOP, "usage": USAGE}, DONE],
        [says("a"), choice(finish_reason="stop", usage=USAGE), DONE],
        [says("a"), STOP, {"x_groq": {"id": "r", "usage": USAGE}}, DONE],
        [{**says("a"), "usage": None}, STOP, {"choices": [], "usage": USAGE}, {"choices": [], "usage": None}, DONE],
    ],
)
def test_usage_wherever_it_comes(chunks: list[dict[str, Any] | str]) -> None:
    """S17, S19: in the finish chunk, its choice, Groq's own field, behind it, or with every chunk: no sum is made."""
    outcome = completed(*chunks)
    assert outcome.usage == Usage(prompt_tokens=3, completion_tokens=4)
    assert (outcome.tokens, outcome.token_source, outcome.chunks) == (4, "usage", 1)


def test_usage_details_and_the_reported_cost_are_kept_exactly() -> None:
    """Costs are decimals as sent, not floats; what was not sent is None, what was sent as 0 is 0."""
    details = {"prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 2}}
    exact = '{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"estimated_cost":0.10000000000000000055}}'
    assert completed(says("a"), STOP, {"choices": [], "usage": {**USAGE, **details}}).usage == Usage(
        prompt_tokens=3, completion_tokens=4, cached_tokens=0, reasoning_tokens=2
    )
    assert completed(says("a"), STOP, exact).usage.reported_cost_usd == Decimal("0.10000000000000000055")
    assert completed(says("a"), STOP, {"usage": {"cost": 0.5}}).usage == Usage(reported_cost_usd=Decimal("0.5"))


@pytest.mark.parametrize(
    "block",
    [
        '{"prompt_tokens":-3,"completion_tokens":9007199254740992}',
        '{"prompt_tokens":"3","completion_tokens":true}',
        '{"prompt_tokens":3.5,"completion_tokens":[4],"prompt_tokens_details":"x","cost":"free"}',
        '{"prompt_tokens":1e999999999999999999999,"completion_tokens":0E999999999,"estimated_cost":1e-999999999}',
        '{"prompt_tokens":NaN,"completion_tokens":null,"estimated_cost":NaN,"cost":-1}',
        '{"prompt_tokens":0,"completion_tokens":0}',
        '"none"',
        "[]",
    ],
)
def test_nonsense_in_usage_counts_as_not_sent(block: str) -> None:
    """No foreign number becomes a count or a price; the answer is unharmed, and its chunks are counted instead."""
    outcome = completed(says("a"), f'{{"choices":[{{"delta":{{"content":"b"}}}}],"usage":{block}}}', STOP, DONE)
    assert outcome.usage == Usage()
    assert (outcome.text, outcome.tokens, outcome.token_source) == ("ab", 2, "chunks")


def test_usage_of_several_choices() -> None:
    """Each has its own, and nothing says what their sum is."""
    parts = [choice(finish_reason="stop", usage=USAGE), choice(1, finish_reason="stop", usage=USAGE)]
    assert completed(says("a"), says("b", index=1), *parts, DONE).flags == ("usage_mismatch",)


def test_odd_counts_are_flagged() -> None:
    """Zero tokens for an answer, or more reasoning than completion, is marked."""
    zero = {"usage": {"prompt_tokens": 7, "completion_tokens": 0}}
    outside = {"usage": {"completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 9}}}
    assert completed(says("a"), STOP, zero, DONE).flags == ("usage_mismatch",)
    assert completed(says("a"), STOP, outside, DONE).flags == ("usage_mismatch",)
    assert completed(says("a"), STOP, '{"usage":{"prompt_tokens":16.0,"cost":{}}}', DONE).usage.prompt_tokens == 16


# ---------------------------------------------------------------- the end


def test_terminal_markers() -> None:
    """S09..S11: either marker is success and the missing one is flagged; neither is a truncated stream."""
    assert completed(says("a"), STOP, DONE).flags == ()
    assert completed(says("a"), STOP).flags == ("no_done_marker",)
    assert completed(says("a"), DONE).flags == ("no_finish_reason",)
    cut = failed(says("a"), says("b"))
    assert (cut.kind, cut.phase, cut.partial, cut.possibly_billed) == ("truncated", Phase.PARTIAL, "ab", True)


def test_one_finished_choice_of_two_is_not_the_end() -> None:
    """A stream cut after the first of two answers is truncated."""
    assert failed(says("a"), says("b", index=1), STOP).kind == "truncated"
    assert completed(says("a"), says("b", index=1), STOP, ends("stop", index=1)).others == ("b",)


@pytest.mark.parametrize("reason", ["length", "tool_calls", "stop"])
def test_finish_reasons_are_kept(reason: str) -> None:
    """S20: they are columns of their own."""
    outcome = completed(says("a"), ends(reason), DONE)
    assert (outcome.finish_reason, outcome.truncated) == (reason, reason == "length")


@pytest.mark.parametrize(
    ("said", "kind", "status"),
    [
        ({"finish_reason": "abort"}, "in_band", None),
        ({"finish_reason": "stop", "native_finish_reason": "network_error"}, "in_band", None),
        ({"finish_reason": "error", "error": {"message": "no room", "code": 503}}, "server", 503),
        ({"finish_reason": "SAFETY"}, "content_filter", None),
        ({"finish_reason": "stop", "finish_details": {"type": "content_filter"}}, "content_filter", None),
        ({"stop_reason": "refusal"}, "content_filter", None),
    ],
)
def test_ends_that_are_failures(said: dict[str, Any], kind: str, status: int | None) -> None:
    """Broken off or filtered: with the text so far and the server's words, for a stream and for a whole reply alike."""
    streamed = failed(says("half a"), choice(**said), DONE)
    whole = reply(json.dumps({"choices": [{"message": {"content": "half a"}, **said}]}).encode())
    assert isinstance(whole, Failure)
    assert (streamed.kind, streamed.status, streamed.partial) == (kind, status, "half a")
    assert (whole.kind, whole.status, whole.partial) == (kind, status or 200, "half a")
    assert streamed.possibly_billed
    assert streamed.message == whole.message
    assert "no room" in streamed.message or status is None


def test_the_word_that_decides_is_kept() -> None:
    """A gateway's `stop` for its provider's limit; vLLM's stop_reason is the stop sequence that was met."""
    cut = completed(says("a"), choice(finish_reason="stop", native_finish_reason="MAX_TOKENS"), DONE)
    assert (cut.finish_reason, cut.truncated) == ("MAX_TOKENS", True)
    met = completed(says("a"), choice(finish_reason="stop", stop_reason="length"), DONE)
    assert (met.finish_reason, met.truncated, met.flags) == ("stop", False, ())
    unknown = completed(says("a"), ends("wombat"), DONE)
    assert (unknown.finish_reason, unknown.flags) == ("wombat", ("unknown_end",))


def test_a_broken_end_before_the_first_token_is_not_billed() -> None:
    """Unless its usage says that something was counted."""
    assert not failed(ends("error"), DONE).possibly_billed
    assert failed({**ends("error"), "usage": USAGE}, DONE).possibly_billed


@pytest.mark.parametrize(
    ("reason", "flags"),
    [("stop", ()), ("length", ("other_truncated",)), ("SAFETY", ("other_filtered",)), ("abort", ("other_broken",))],
)
def test_ends_of_the_other_choices(reason: str, flags: tuple[str, ...]) -> None:
    """Choice 0 is the answer; what became of the others is flagged. A bad end of its own is the answer's."""
    assert completed(says("a"), says("b", index=1), STOP, ends(reason, index=1), DONE).flags == flags
    assert failed(says("a"), says("b", index=1), ends("abort"), ends("stop", index=1), DONE).kind == "in_band"


def test_nothing_said_is_a_failure() -> None:
    """H19, H05: an empty stream, a stream without a token, an answer that the filter ate."""
    nothing, silent, eaten = (
        failed(),
        failed(says(role="assistant"), ends("length"), DONE),
        failed(ends("content_filter")),
    )
    assert (nothing.kind, silent.kind, eaten.kind) == ("empty", "empty", "content_filter")
    assert silent.message == "the stream ended without a token (finish_reason: length)"


def test_data_after_done_is_ignored_and_flagged() -> None:
    """S15."""
    late = completed(says("a"), STOP, DONE, says("b"), "garbage")
    assert (late.text, late.chunks, late.flags) == ("a", 1, ("data_after_done",))
    counted = completed(says("a"), STOP, DONE, {**says("b"), "usage": USAGE}, '{"usage')
    assert (counted.text, counted.usage, counted.flags) == (
        "a",
        Usage(prompt_tokens=3, completion_tokens=4),
        late.flags,
    )


def test_what_broke_the_reading_counts_unless_the_answer_was_complete() -> None:
    """N09, N11: a reset or stall in the middle fails with the partial text; after finish_reason it only marks."""
    stall = Failure(kind="stall", phase=Phase.PARTIAL, message="no byte for 120 s", possibly_billed=True)
    assert fed(says("a")).finish(broke=stall) == Failure(
        kind="stall", phase=Phase.PARTIAL, message="no byte for 120 s", possibly_billed=True, partial="a"
    )
    late, after_done = fed(says("a"), STOP).finish(broke=stall), fed(says("a"), STOP, DONE).finish(broke=stall)
    assert isinstance(late, Completion)
    assert isinstance(after_done, Completion)
    assert (late.flags, after_done.flags) == (("broken_after_finish", "no_done_marker"), ())


def test_buffered_is_all_tokens_at_once() -> None:
    """S30: equal instants are flagged; a single token event is no burst."""
    decoder = ChatDecoder()
    for text in ("a", "b"):
        decoder.feed(Event("", json.dumps(says(text))), 5)
    decoder.feed(Event("", DONE), 5)
    outcome = decoder.finish(invalid_utf8=True)
    assert isinstance(outcome, Completion)
    assert outcome.flags == ("buffered", "invalid_utf8", "no_finish_reason")
    assert completed(says("a"), STOP, DONE).flags == ()


# ---------------------------------------------------------------- what is not chat


@pytest.mark.parametrize(
    ("name", "data", "flagged"),
    [
        ("ping", "still here", False), ("", "ping", False), ("", '"ping"', False), ("", '{"type": "ping"}', False),
        ("", "[HEARTBEAT]", False), ("progress", '{"message": "loading the model", "step": 3}', True),
        ("", "processing", True), ("", "7", True), ("queue", "<b>3 before you</b>", True), ("queue", '{"torn', True),
        ("", '{"status": "loading model", "message": "the model is loading"}', True),
        ("", '{"code": 500, "msg": "a worker died"}', True),
    ],
)  # fmt: skip
def test_what_is_not_chat_is_skipped_and_counted(name: str, data: str, flagged: bool) -> None:
    """Before, between and after the tokens: the answer is whole; heartbeats are not worth a flag."""
    decoder = ChatDecoder()
    foreign = Event(name, data)
    chunks = [Event("", json.dumps(chunk)) for chunk in (says("a"), says("b"), STOP)]
    for number, event in enumerate([foreign, chunks[0], foreign, chunks[1], foreign, chunks[2], Event("", DONE)]):
        decoder.feed(event, number * MS)
    outcome = decoder.finish()
    assert isinstance(outcome, Completion), outcome
    assert (outcome.text, "foreign_events" in outcome.flags) == ("ab", flagged)


@pytest.mark.parametrize(
    ("chunk", "kind", "words"),
    [
        ({"code": 1305, "msg": "rate limit reached for this model", "success": False}, "rate_limited", "rate limit"),
        ({"base_resp": {"status_code": 1002, "status_msg": "slower"}, "choices": None}, "rate_limited", "slower"),
        ({"detail": "the prompt does not fit the context size"}, "context_length", "context size"),
        ({"detail": "nobody knows"}, "in_band", "nobody knows"),
        ({"errors": [{"message": "no such model"}], "success": False}, "no_model", "no such model"),
        ({"message": "The model is overloaded"}, "server", "overloaded"),
        ("error: out of capacity", "server", "out of capacity"),
        ({"message": "nothing known"}, "truncated", "nothing known"),
    ],
)
def test_unframed_errors_count_where_no_answer_follows(chunk: Any, kind: FailureKind, words: str) -> None:
    """Kind and words are theirs, and nothing was billed; after a part of an answer it may have been."""
    failure = failed(chunk)
    assert (failure.kind, failure.possibly_billed) == (kind, kind == "truncated")
    assert words in failure.message
    if kind != "truncated":
        late = failed(says("a"), chunk, DONE)
        assert (late.kind, late.partial, late.possibly_billed) == (kind, "a", True)


# ---------------------------------------------------------------- what fails it


@pytest.mark.parametrize(
    ("error", "kind", "words", "status"),
    [
        ({"error": {"message": "no room", "code": 500, "type": "server_error"}}, "server", "no room", 500),
        ({"error": {"message": "slow down", "code": "429"}}, "rate_limited", "slow down", 429),
        ({"error": {"message": "m is gone", "code": "invalid_model"}}, "no_model", "m is gone", None),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "later"}}, "server", "later", None),
        ({"error": "boom"}, "in_band", "boom", None),
        ({"object": "error", "message": "boom", "code": 40001}, "in_band", "boom", None),
        ({"error": {"message": "half \ud83d"}, "choices": []}, "in_band", "half \ufffd", None),
        ({"error": {"reason": 1}}, "in_band", '{"reason": 1}', None),
    ],
)
@pytest.mark.parametrize("tail", [[], [DONE], [STOP, DONE]])
def test_errors_inside_the_stream(
    error: dict[str, Any], kind: FailureKind, words: str, status: int | None, tail: list[Any]
) -> None:
    """S12..S14: an error object ends the stream, whatever follows, and is what it would be as an HTTP error."""
    failure = failed(says("a"), error, *tail)
    assert failure == Failure(
        kind=kind,
        phase=Phase.PARTIAL,
        message=f"event 2: the server gave up: {words}",
        status=status,
        partial="a",
        possibly_billed=True,
    )


@pytest.mark.parametrize("data", ['{"message":"boom"}', "boom", '{"error":"boom"}'])
def test_an_event_named_error_is_one(data: str) -> None:
    """S13: by its name, whatever it carries; before the first token it is not billed."""
    decoder = ChatDecoder()
    decoder.feed(Event("error", data), 1)
    assert decoder.done
    assert decoder.finish() == Failure(kind="in_band", phase=Phase.PARTIAL, message="event 1: the server gave up: boom")


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ('{"choices":[{"delta":', "at character 21: Expecting value"),
        ('":"oops"}}]}', "at character 3: Extra data"),
        ("[1]", "a JSON list instead of an object"),
        ('{"a":' + "[" * 100_000, "nested more than 64 deep"),
    ],
)
def test_malformed_json_is_a_bad_chunk(data: str, where: str) -> None:
    """S25: the event's number, the place, 200 characters; the text so far is kept, the rest not looked at."""
    failure = failed(says("a"), data, says("b"), DONE)
    assert (failure.kind, failure.partial) == ("bad_chunk", "a")
    assert failure.message.startswith(f"event 2: malformed chunk, {where}")
    assert failure.message.endswith(data[:200])


def test_an_endless_stream_is_cut() -> None:
    """S29: the answer is bounded by the bytes of event data; what came until then is kept."""
    chunk = json.dumps(says("a"))
    failure = failed(*[chunk] * 11, max_bytes=10 * len(chunk))
    assert (failure.kind, failure.partial) == ("runaway", "a" * 10)
    assert fed(*[chunk] * 10, max_bytes=10 * len(chunk)).done is False


# ---------------------------------------------------------------- hostile text


def test_halves_of_a_character_meet() -> None:
    """S27: surrogate halves in two chunks are one character; a half left over is U+FFFD; all of it encodes."""
    high, low = '{"choices":[{"delta":{"content":"\\ud83d"}}]}', '{"choices":[{"delta":{"content":"\\ude00"}}]}'
    assert failed(high, low, low, says("é"), high).partial == "😀\ufffdé\ufffd"
    assert len(fed(high, low, low, says("é"), high).instants) == 5
    assert completed(high, low, DONE).text.encode() == "😀".encode()


def test_control_characters_are_kept_as_they_are() -> None:
    """S28, S08: escaped or raw; views escape them, the record does not."""
    raw = '{"choices":[{"delta":{"content":"\x0b\x0c\u2028\t"}}]}'
    assert completed(says("\x00\x1b[31m"), raw, DONE).text == "\x00\x1b[31m\x0b\x0c\u2028\t"


def test_secrets_are_taken_out_of_everything() -> None:
    """O13: from the answer, from its parts, and from a message before it is cut, where half a key would be left."""

    def redact(text: str) -> str:
        return text.replace("sk-secret", "***")

    said = says("is sk-", tool_calls=[{"index": 0, "function": {"arguments": "sk-secret"}}], refusal="sk-secret")
    outcome = completed(said, says("secret", reasoning="sk-secret"), DONE, redact=redact)
    assert "sk-" not in repr(outcome)
    assert "sk-" not in repr(failed(said, says("secret"), redact=redact))
    assert "sk-" not in failed("x" * 196 + "sk-secret", redact=redact).message
    assert "sk-" not in failed({"error": "x" * 496 + "sk-secret"}, redact=redact).message


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        ({"content": [{"type": "text", "text": "a"}, {"type": "image"}, 7, {"text": "b"}]}, "ab"),
        ({"content": "a", "reasoning": {"x": 1}, "tool_calls": "none", "refusal": 0}, "a"),
        ({"content": "a", "tool_calls": [None, 5]}, "a"),
    ],
)
def test_fields_of_the_wrong_type_are_not_there(delta: dict[str, Any], text: str) -> None:
    """A server's oddity in one field costs that field only; a list of parts is text."""
    outcome = completed({"choices": [{"index": "x", "delta": delta, "finish_reason": 0}, None], "id": 5}, STOP, DONE)
    assert (outcome.text, outcome.tool_calls, outcome.response_id) == (text, (), "")


FIELDS = ["choices", "delta", "content", "usage", "error", "object", "index", "finish_reason", "tool_calls", "function"]
FIELDS += ["arguments", "prompt_tokens", "cost", "prompt_tokens_details", "reasoning", "message", "detail", "code"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("stop"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["", "error"]).flatmap(lambda n: st.tuples(st.just(n), JSON | st.text())), max_size=5))
def test_no_server_can_raise(events: list[tuple[str, Any]]) -> None:
    """Whatever JSON or text comes, the outcome is a completion or a failure, in valid UTF-8."""
    decoder = ChatDecoder(end_markers=["</s>"])
    for name, value in events:
        decoder.feed(Event(name, value if isinstance(value, str) else json.dumps(value)), 1)
    outcome = decoder.finish()
    assert isinstance(outcome, Completion | Failure)
    repr(outcome).encode()
    (outcome.text if isinstance(outcome, Completion) else outcome.message + outcome.partial).encode()
    assert decoder.first_answer_ns in (None, 1)
