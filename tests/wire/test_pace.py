"""wire.pace: TPOT by hand, for every way in which billed tokens are not those that arrived after the first event."""

import json

import pytest

from evalrun.types import Completion, Failure, Phase, Usage
from evalrun.wire.chat import ChatDecoder
from evalrun.wire.pace import Pace, burst, pace
from evalrun.wire.sse import Event

MS = 1_000_000
WORD = 4  # bytes of a token of English, about


def answer(tokens: int | None, *, hidden: int | None = None, thought: str = "") -> Completion:
    """Return an answer of so many tokens. hidden: those of reasoning, as reported. thought: its text, if streamed."""
    used = Usage(completion_tokens=tokens, reasoning_tokens=hidden)
    return Completion(text="a", reasoning=thought, usage=used, tokens=tokens, token_source="usage")


def every(ms: float, n: int, *, begin: float = 0) -> list[int]:
    """Return n instants that are so many ms apart."""
    return [round((begin + at * ms) * MS) for at in range(n)]


def found(outcome: Completion | Failure, instants: list[int], sizes: list[int], first: int | None = 0) -> Pace | None:
    """Return the pace in ms: first is the number of the first event of the answer."""
    got = pace(outcome, instants, sizes, first_answer_ns=None if first is None else instants[first])
    return None if got is None else Pace(round(got.tpot_s * 1000, 6), round(got.tokens, 6), got.basis)


def test_one_token_an_event_is_counted() -> None:
    """100 events 10 ms apart: 990 ms for the 99 tokens after the first, whatever their sizes."""
    assert found(answer(100), every(10, 100), [1, 9] * 50) == (10.0, 99, "events")


def test_the_token_that_ends_an_answer_has_no_event() -> None:
    """vLLM bills it: 11 tokens in 10 events, 90 ms for 10."""
    assert found(answer(11), every(10, 10), [WORD] * 10) == (9.0, 10, "events")


@pytest.mark.parametrize(("events", "basis"), [(95, "events"), (94, "sizes")])
def test_a_few_signs_of_several_tokens_are_no_chunks(events: int, basis: str) -> None:
    """An emoji is a token or three in one event: with 95 events of 100 tokens, TPOT is at most 5 % off."""
    got = found(answer(100), every(10, events), [WORD] * events)
    assert got is not None
    assert got.basis == basis


def test_more_events_than_tokens_split_them() -> None:
    """A proxy that sends 5 tokens as 20 pieces: the first has no less than a token."""
    assert found(answer(5), every(10, 20), [1] * 20) == (47.5, 4, "events")


def test_hidden_reasoning_arrived_never() -> None:
    """2,000 tokens thought unseen, then 100 in 100 events: 99 of them in 990 ms, not 2,099."""
    assert found(answer(2100, hidden=2000), every(10, 100), [WORD] * 100) == (10.0, 99, "events")


def test_hidden_reasoning_and_chunks_of_five_tokens() -> None:
    """100 visible tokens in 20 events every 50 ms: the first has a twentieth, 950 ms for 95."""
    assert found(answer(2100, hidden=2000), every(50, 20), [5 * WORD] * 20) == (10.0, 95, "sizes")


@pytest.mark.parametrize("tokens", [100, 2100])
def test_hidden_reasoning_may_be_beside_the_completion(tokens: int) -> None:
    """Counted outside of the 100 completion tokens, or added to them as the total shows: 100 were streamed."""
    assert found(answer(tokens, hidden=2000), every(10, 100), [WORD] * 100) == (10.0, 99, "events")


def test_thoughts_that_only_a_total_shows() -> None:
    """Gemini: 100 completion tokens, and a total with 2,000 more; the thoughts are taken off again."""
    said = [(10.0 * n, {"content": "word"}) for n in range(100)]
    assert chat(*said, prompt_tokens=7, completion_tokens=100, total_tokens=2107) == (10.0, 99, "events")


def test_hidden_reasoning_without_a_count_leaves_it_unknown() -> None:
    """2,100 tokens and 400 bytes of text: a token is no fifth of a letter."""
    assert found(answer(2100), every(10, 100), [WORD] * 100) is None
    assert found(answer(2100, hidden=0), every(50, 20), [5 * WORD] * 20) is None


def test_short_tokens_that_have_their_events_were_streamed() -> None:
    """`6825 ÷ 975`, a digit a token and a sign of two: 19 tokens in 17 events and 20 bytes. 320 ms for 18 of them."""
    assert found(answer(19), every(20, 17), [1] * 5 + [4] + [1] * 11) == (round(320 / 18, 6), 18, "sizes")


def test_all_of_it_was_hidden() -> None:
    """Every token was reasoning, says the server: how many the two events have, it does not."""
    assert found(answer(2000, hidden=2000), every(10, 2), [1, 1]) is None


def test_streamed_reasoning_counts() -> None:
    """60 tokens of reasoning and 40 of answer, an event each."""
    assert found(answer(100, hidden=60, thought="hm"), every(10, 100), [WORD] * 100, 60) == (10.0, 99, "events")
    assert found(answer(100, thought="hm"), every(10, 100), [WORD] * 100, 60) == (10.0, 99, "events")


def test_streamed_reasoning_in_chunks_counts() -> None:
    """Three tokens an event every 30 ms, as with speculative decoding: 97 of 100 events in 2,970 ms are 297 tokens."""
    thought = answer(300, hidden=180, thought="hm")
    assert found(thought, every(30, 100), [3 * WORD] * 100, 60) == (10.0, 297, "sizes")


def test_streamed_reasoning_beside_the_completion() -> None:
    """40 completion tokens and 60 of reasoning beside them, all streamed."""
    assert found(answer(40, hidden=60, thought="hm"), every(10, 100), [WORD] * 100, 60) == (10.0, 99, "events")


def test_a_summary_of_the_reasoning_leaves_the_answer() -> None:
    """2,000 tokens of reasoning, 5 events of summary 1 s apart, then 100 tokens of answer 10 ms apart."""
    instants = every(1000, 5) + every(10, 100, begin=5000)
    thought = answer(2100, hidden=2000, thought="hm")
    assert found(thought, instants, [50] * 5 + [WORD] * 100, 5) == (10.0, 99, "answer")


def test_a_part_of_the_reasoning_leaves_the_answer_in_chunks() -> None:
    """The first 500 of 2,000 tokens are streamed, then 100 of answer in 20 events every 50 ms."""
    instants = every(10, 500) + every(50, 20, begin=20_000)
    thought = answer(2100, hidden=2000, thought="hm")
    assert found(thought, instants, [WORD] * 500 + [5 * WORD] * 20, 500) == (10.0, 95, "answer")


def test_a_summary_and_a_short_answer_say_nothing() -> None:
    """An answer of one event has no pace, and a summary is not what was billed. Cut off within it, neither."""
    instants = every(1000, 6)
    assert found(answer(2004, hidden=2000, thought="hm"), instants, [50] * 5 + [4], 5) is None
    assert found(answer(2000, hidden=2000, thought="hm"), instants, [50] * 6, None) is None


def test_an_answer_cut_off_within_its_reasoning() -> None:
    """All 100 tokens are reasoning, and were streamed, an event each or five."""
    thought = answer(100, hidden=100, thought="hm")
    assert found(thought, every(10, 100), [WORD] * 100, None) == (10.0, 99, "events")
    assert found(thought, every(50, 20), [5 * WORD] * 20, None) == (10.0, 95, "sizes")


def test_a_count_of_the_answer_alone() -> None:
    """100 events of reasoning and answer, 20 tokens counted: the reasoning is not in it, and nobody says how much."""
    assert found(answer(20, thought="hm"), every(10, 100), [WORD] * 100, 80) is None


def test_reasoning_streamed_as_text_is_not_hidden() -> None:
    """60 of 100 tokens are reasoning under a marker nobody knows: there are 100 events all the same."""
    assert found(answer(100, hidden=60), every(10, 100), [WORD] * 100) == (10.0, 99, "events")


def test_a_large_first_chunk_is_left_out() -> None:
    """40 of 100 tokens at once, then 60 in 60 events: 600 ms for 60 tokens, and not for 99."""
    assert found(answer(100), every(10, 61), [40 * WORD] + [WORD] * 60) == (10.0, 60, "sizes")


def test_a_few_large_chunks_are_estimated() -> None:
    """200 tokens in 4 chunks of equal size 0.5 s apart: 1.5 s for the 150 of the last three."""
    assert found(answer(200), every(500, 4), [50 * WORD] * 4) == (10.0, 150, "sizes")


@pytest.mark.parametrize(
    ("why", "gaps_ms", "sizes"),
    [
        ("the first chunk has most", [5], [398, 1]),
        ("the first chunk has most, of several", [5, 5, 5], [500, 100, 100, 100]),
        ("the last chunk has most", [10] * 9 + [5], [WORD] * 10 + [760]),
        ("one in the middle has most", [1000, 10, 10], [4, 600, 100, 96]),
        ("two chunks of a hundred tokens", [500], [400, 400]),
        ("too little text", [10] * 9, [20] * 10),
        ("no text, as in empty tool calls", [10, 10], [0, 0, 0]),
    ],
)
def test_too_few_pieces_for_the_tokens(why: str, gaps_ms: list[int], sizes: list[int]) -> None:
    """200 tokens: nobody saw in what time most of them were made."""
    instants = [0]
    for gap in gaps_ms:
        instants.append(instants[-1] + gap * MS)
    assert found(answer(200), instants, sizes) is None


def test_a_buffer_that_was_emptied_is_one_piece() -> None:
    """199 events in three reads 0.1 ms apart, the 200th 5 ms later: one token an event, and yet no pace."""
    instants = [0] * 70 + [MS // 10] * 70 + [MS // 5] * 59 + [5 * MS]
    assert found(answer(200), instants, [WORD] * 200) is None


def test_events_that_came_with_the_first_are_left_out() -> None:
    """Three of ten tokens in the first read, the others 10 ms apart: 70 ms for 7 tokens."""
    assert found(answer(10), [0, 0, *every(10, 8)], [WORD] * 10) == (10.0, 7, "events")


def test_all_of_a_buffer_that_came_first_is_left_out() -> None:
    """40 of 100 tokens in two segments 30 us apart, then 60 more 10 ms apart: 600.03 ms for 60 tokens."""
    instants = [0] * 20 + [30_000] * 20 + [30_000 + 10 * MS * n for n in range(1, 61)]
    assert found(answer(100), instants, [WORD] * 100) == (10.0005, 60, "events")


def test_a_long_stall_counts() -> None:
    """50 tokens, a stall of 5 s, 50 more: (98 x 10 + 5,000) ms for 99 tokens. A slow answer must not go missing."""
    instants = every(10, 50) + every(10, 50, begin=49 * 10 + 5000)
    got = found(answer(100), instants, [WORD] * 100)
    assert got == (pytest.approx(5980 / 99, abs=1e-6), 99, "events")


@pytest.mark.parametrize(
    ("why", "instants", "tokens"),
    [
        ("one token event", [5 * MS], 9),
        ("one token", [5 * MS, 9 * MS], 1),
        ("no tokens", [5 * MS, 9 * MS], 0),
        ("no count", [5 * MS, 9 * MS], None),
        ("one read", [5 * MS, 5 * MS, 5 * MS], 3),
        ("one flush in two segments less than 20 us apart", [5 * MS, 5 * MS, 5 * MS + 19_000], 3),
    ],
)
def test_tpot_is_withheld(why: str, instants: list[int], tokens: int | None) -> None:
    """A time per token needs two tokens, two instants and a model between them rather than a buffer."""
    assert found(answer(tokens), instants, [WORD] * len(instants)) is None


def test_two_tokens_are_enough() -> None:
    """An answer `Yes.` in two events: 20 ms for the second."""
    assert found(answer(2), [0, 20 * MS], [3, 1]) == (20.0, 1, "events")


def test_only_counted_tokens_of_one_choice_divide() -> None:
    """Chunks are not tokens, and the usage of several choices is one sum."""
    instants, sizes = every(10, 7), [WORD] * 7
    assert found(Completion(text="a", tokens=7, token_source="usage"), instants, sizes) == (10.0, 6, "events")
    assert found(Completion(text="a", tokens=7, token_source="chunks"), instants, sizes) is None
    assert found(Completion(text="a", tokens=7, token_source="usage", others=("b",)), instants, sizes) is None
    assert found(Completion(text="a"), instants, sizes) is None
    assert found(Failure(kind="stall", phase=Phase.PARTIAL, message=""), instants, sizes) is None


def test_a_burst_is_faster_than_any_model() -> None:
    """20 us a chunk is a model, if a quick one; less is a buffer being emptied. One chunk is no burst."""
    assert not burst([0, 20_000, 40_000])
    assert burst([0, 20_000, 39_999])
    assert not burst([7])
    assert not burst([])


def chat(*chunks: tuple[float, dict[str, object]], **usage: object) -> Pace | None:
    """Decode a stream of deltas, each with its instant in ms, and return its pace in ms."""
    decoder = ChatDecoder()
    for at_ms, delta in chunks:
        decoder.feed(Event("", json.dumps({"choices": [{"index": 0, "delta": delta}]})), round(at_ms * MS))
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}
    for text in (json.dumps(last), "[DONE]"):
        decoder.feed(Event("", text), 10_000 * MS)
    outcome = decoder.finish()
    assert isinstance(outcome, Completion)
    got = pace(outcome, decoder.instants, decoder.sizes, first_answer_ns=decoder.first_answer_ns)
    return None if got is None else Pace(round(got.tpot_s * 1000, 6), round(got.tokens, 6), got.basis)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_a_stream_with_a_summary_and_its_answer(name: str) -> None:
    """A role, 2 events of summary, and 40 tokens in 8 events of 20 bytes every 50 ms: 350 ms for 35 of them."""
    said = [(600.0 + 50 * n, {"content": "word " * 4}) for n in range(8)]
    found = chat(
        (1, {"role": "assistant", "content": ""}), (100, {name: "I think of "}), (500, {name: "numbers."}), *said,
        completion_tokens=540, completion_tokens_details={"reasoning_tokens": 500},
    )  # fmt: skip
    assert found == (10.0, 35, "answer")


def test_a_thought_within_the_content_is_reasoning() -> None:
    """`<think>` and 4 events of summary in the text itself, then 40 tokens as above."""
    thought = [(100.0 * n, {"content": text}) for n, text in enumerate(("<think>", "It ", "is ", "so.", "</think>"))]
    said = [(600.0 + 50 * n, {"content": "word " * 4}) for n in range(8)]
    usage = {"completion_tokens": 540, "completion_tokens_details": {"reasoning_tokens": 500}}
    assert chat(*thought, *said, **usage) == (10.0, 35, "answer")


def test_encrypted_reasoning_is_not_the_first_token() -> None:
    """A block that nobody can read at 100 ms, 5 s of thought, then 40 tokens in 40 events every 10 ms."""
    said = [(5100.0 + 10 * n, {"content": "word"}) for n in range(40)]
    block = {"reasoning_details": [{"type": "reasoning.encrypted", "data": "gAAAAABk"}]}
    usage = {"completion_tokens": 540, "completion_tokens_details": {"reasoning_tokens": 500}}
    assert chat((100, block), *said, **usage) == (10.0, 39, "answer")


def test_the_text_of_a_tool_call_is_its_name_and_arguments() -> None:
    """20 tokens of 80 bytes: a name of 8 bytes, 3 events with 24 of arguments: 9/10 of the tokens in 180 ms."""
    called = {"tool_calls": [{"index": 0, "id": "call_1234567890", "function": {"name": "add_them"}}]}
    more = {"tool_calls": [{"index": 0, "function": {"arguments": "x" * 24}}]}
    assert chat((0, called), (60, more), (120, more), (180, more), completion_tokens=20) == (10.0, 18, "sizes")


def test_a_token_has_about_as_many_bytes_in_any_script() -> None:
    """40 tokens: 4 events of 40 bytes, two of them 20 letters of Greek. 30 tokens after the first, in 300 ms."""
    greek, latin = {"content": "λ" * 20}, {"content": "l" * 40}
    assert chat((0, greek), (100, latin), (200, greek), (300, latin), completion_tokens=40) == (10.0, 30, "sizes")


def test_a_refusal_is_text() -> None:
    """Four pieces of a refusal."""
    said = [(100.0 * n, {"refusal": "I cannot do that to you."}) for n in range(4)]
    assert chat(*said, completion_tokens=24) == (round(300 / 18, 6), 18, "sizes")
