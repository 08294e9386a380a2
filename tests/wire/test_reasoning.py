"""wire.reasoning: every form in which servers send reasoning, apart from the answer, once, and under its name."""

import json
import time
from typing import Any

import pytest

from evalrun.types import Completion, Failure
from evalrun.wire.chat import ChatDecoder, reply
from evalrun.wire.reasoning import FIELDS, TAGS, split
from evalrun.wire.sse import Event


def both_ways(said: dict[str, Any]) -> tuple[Completion, Completion, list[int]]:
    """Return a delta's answer as a stream and as a whole message, and the stream's instants; "4" follows the delta."""
    decoder = ChatDecoder()
    for at_ns, delta in enumerate((said, {"content": "4"}), 1):
        decoder.feed(Event("", json.dumps({"choices": [{"delta": delta}]})), at_ns)
    decoder.feed(Event("", json.dumps({"choices": [{"finish_reason": "stop"}]})), 3)
    content = said.get("content") or ""
    joined = [*content, {"type": "text", "text": "4"}] if isinstance(content, list) else content + "4"
    message = {**said, "content": joined}
    whole = reply(json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode())
    streamed = decoder.finish()
    assert isinstance(streamed, Completion)
    assert isinstance(whole, Completion)
    return streamed, whole, list(decoder.instants)


@pytest.mark.parametrize(
    ("said", "thought", "shape"),
    [
        *(({name: "hm"}, "hm", name) for name in FIELDS),
        ({"reasoning": "hm", "reasoning_content": "hm"}, "hm", "reasoning_content"),
        ({"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, "hm", "reasoning"),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "h"}, {"text": "m"}]}, "hm", "reasoning_details"),
        ({"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]}, "hm", "reasoning_details"),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x7"}]}, "", "encrypted"),
        ({"reasoning": {"summary": [{"type": "summary_text", "text": "hm"}]}}, "hm", "reasoning"),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "x"}]}, "hm", "thinking_blocks"),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}, "hm", "content part"),
        ({"content": [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": ""}]}, "hm", "content part"),
        ({"content": [{"text": "hm", "thought": True}]}, "hm", "content part"),
        ({"content": [{"type": "redacted_thinking", "data": "x7"}]}, "", "encrypted"),
    ],
)
def test_fields_and_parts(said: dict[str, Any], thought: str, shape: str) -> None:
    """One token event, counted once, apart from the answer; the same in a stream and in a whole message."""
    streamed, whole, instants = both_ways(said)
    for found in (streamed, whole):
        assert (found.text, found.reasoning, found.reasoning_shapes) == ("4", thought, (shape,))
    assert instants == [1, 2]


def test_reasoning_that_is_sent_apart_and_in_tags_counts_once() -> None:
    """A server that keeps both: the text is the same, the forms are two. Another text is more reasoning."""
    for inside, thought in (("hm", "hm"), (" so", "hm so")):
        message = {"content": f"<think>{inside}</think>4", "reasoning_content": "hm"}
        found = reply(json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode())
        assert isinstance(found, Completion)
        assert (found.text, found.reasoning, found.reasoning_shapes) == ("4", thought, ("reasoning_content", "<think>"))


def test_content_that_is_marked_as_thought() -> None:
    """Gemini: the mark is beside the content."""
    for mark in ({"extra_content": {"google": {"thought": True}}}, {"thought": True}):
        decoder = ChatDecoder()
        decoder.feed(Event("", json.dumps({"choices": [{"delta": {"content": "hm", **mark}}]})), 1)
        decoder.feed(Event("", json.dumps({"choices": [{"delta": {"content": "4"}, "finish_reason": "stop"}]})), 2)
        found = decoder.finish()
        assert isinstance(found, Completion)
        assert (found.text, found.reasoning, decoder.first_answer_ns) == ("4", "hm", 2)


@pytest.mark.parametrize(
    "said", [{"reasoning": 7}, {"thinking": {}}, {"reasoning_details": [None, 5]}, {"thought": False}]
)
def test_what_is_no_reasoning(said: dict[str, Any]) -> None:
    """A field without a text says nothing."""
    streamed, whole, instants = both_ways(said)
    assert (streamed.reasoning_shapes, whole.reasoning_shapes, instants) == ((), (), [2])


def test_an_answer_that_is_reasoning_alone_is_flagged() -> None:
    """Unless it reached its token limit, which says why."""
    for finish, flags in (("stop", ("reasoning_only",)), ("length", ())):
        message = {"content": " ", "reasoning_content": "so it is 4"}
        found = reply(json.dumps({"choices": [{"message": message, "finish_reason": finish}]}).encode())
        assert isinstance(found, Completion)
        assert found.flags == flags


# ---------------------------------------------------------------- tags in the text

EXAMPLES = {
    "<think>": ("<think>", "</think>"),
    "<thinking>": ("<Thinking>", "</thinking>"),
    "<thought>": ("<thought>", "</thought>"),
    "<reasoning>": ("<reasoning>", "</reasoning>"),
    "<vendor think>": ("<seed:think>", "</seed:think>"),
    "◁think▷": ("◁think▷", "◁/think▷"),
    "[THINK]": ("[THINK]", "[/THINK]"),
    "<|think|>": ("<|think|>", "<|/think|>"),
    "<|begin_of_thought|>": ("<|begin_of_thought|>", "<|end_of_thought|>"),
    "<|START_THINKING|>": ("<|START_THINKING|>", "<|END_THINKING|>"),
    "<|inner_prefix|>": ("<|inner_prefix|>", "<|inner_suffix|>"),
    "<|channel>thought": ("<|channel>thought", "<channel|>"),
    "<unused94>": ("<unused94>thought", "<unused95>"),
    "harmony": ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    "harmony without its tokens": ("analysis", "assistantfinal"),
}


def test_every_shape_has_an_example() -> None:
    """The table below is whole."""
    assert EXAMPLES.keys() == TAGS.keys()


@pytest.mark.parametrize(("shape", "tags"), EXAMPLES.items())
def test_tags(shape: str, tags: tuple[str, str]) -> None:
    """Closed, never closed, and closed but never opened."""
    begin, end = tags
    content = f"\n{begin}Hm, so{end}\n\n4"
    found = split(content, reasoned=False)
    assert (found.thought, content[found.answer_at : found.answer_end]) == ("Hm, so", "4")
    assert (found.shape, found.flag) == (shape, "inline_think")
    bare = shape == "harmony without its tokens"
    unclosed = split(begin + "Hm, so 4", reasoned=False)
    assert (unclosed.thought, unclosed.flag) == (("", "") if bare else ("Hm, so 4", "unterminated_think"))
    content = f"Hm, so{end}4"
    unopened = split(content, reasoned=False)
    assert content[unopened.answer_at :] == (content if bare else "4")
    assert (unopened.thought, unopened.flag) == (("", "") if bare else ("Hm, so", "unopened_think"))


def test_several_blocks_before_the_answer() -> None:
    """All of them are reasoning."""
    content = "<think>a</think>\n<think>b</think>4"
    found = split(content, reasoned=False)
    assert (found.thought, content[found.answer_at :]) == ("a\nb", "4")


def test_tags_within_the_answer_stay() -> None:
    """What is said about tags is no reasoning, and code that has them is an answer."""
    for content in ("Use `<think>x</think>` here", "4 <thinking>", "analysis of x: 4", "a </b> think>", "final</think"):
        assert split(content, reasoned=False) == ("", 0, len(content), "", "")


def test_an_end_that_is_left_alone() -> None:
    """Where the reasoning was sent apart, an end at the start is dropped; one after text is the answer's own."""
    content = "\n</think>\n4"
    assert content[split(content, reasoned=True).answer_at :] == "4"
    assert split("say </think> 4", reasoned=True).answer_at == 0


def test_harmony_ends_with_its_token() -> None:
    """The tokens of the format are not part of the answer, also where the reasoning was sent apart."""
    for begin in ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant", "<|start|>assistant", ""):
        content = begin + "<|channel|>final<|message|>4<|return|>"
        found = split(content, reasoned=not begin)
        assert content[found.answer_at : found.answer_end] == "4"


@pytest.mark.parametrize(
    "hostile",
    [
        "<think></think>" * 70_000,
        "<think>" * 140_000,
        " " * 1_000_000 + "</think>",
        ("<|end|>" + " " * 1000) * 1000,
        "<|channel|>analysis<|message|>" + "<|channel|>final " * 60_000,
        "analysisXassistantfinal" * 40_000,
        "<" + "a" * 1_000_000 + ":think>",
    ],
)
def test_hostile_texts_take_linear_time(hostile: str) -> None:
    """A megabyte in the time of a few passes over it: quadratic work would take hours."""
    start = time.process_time()
    split(hostile, reasoned=False)
    split(hostile, reasoned=True)
    assert time.process_time() - start < 10


def test_a_filtered_answer_keeps_its_text() -> None:
    """The failure says which word it was, and has what came before."""
    body = {"choices": [{"message": {"content": "Well, "}, "finish_reason": "stop", "native_finish_reason": "SAFETY"}]}
    found = reply(json.dumps(body).encode())
    assert isinstance(found, Failure)
    assert (found.kind, found.partial) == ("content_filter", "Well, ")
    assert found.message == "a filter took the rest of the answer (finish_reason: SAFETY)"
