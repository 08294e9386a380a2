r"""Print what text from outside costs against its length, for every parser, extractor, encoder and redaction.

    python tests/benchmarks/cost_of_length.py [--quick] [NAME...]

Each reader gets each pattern repeated to 4,000, 8,000, 16,000 and 32,000 characters, in the middle and at the end of
other text. What takes noticeably longer than in proportion is measured again at eight times the length. A row is a
reader at its worst pattern; `growth` is how often the time doubles when the length does: 1 is linear, 2 quadratic.
"""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from evalrun import escape
from evalrun.data.files import BadRowError, _row
from evalrun.score.spec import ADAPTER
from evalrun.secret import Redactor, Secret
from evalrun.targets.transport.http1 import AnswerParser
from evalrun.types import Completion, Message, Sample
from evalrun.wire import chat, rejection, wait
from evalrun.wire.complaint import complaint
from evalrun.wire.nested import loads
from evalrun.wire.sse import Event, EventTooBig, LineParser, Parser

Reader = Callable[[str], object]
KEY = "sk-Proj/4+xY_9=zQ~7"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = 4_000
"""The shortest text, in characters."""
NOTICED_S = 0.004
"""Times below it are noise."""

PATTERNS = (
    *"\\{}[]()<>$`*_~^|#&%@!?.,:;'\"=+-/ \n\ta1A0", "\r\n", "\u00a0", "\u3000", "\ufeff", "\u202e", "\u0435",
    "\ud800", "½", "百", "万", "一", "é", "\u0301", "１", "١", "−", "，", "。", "、", "“", "√", "π", "<think>",
    "</think>", "<think>a</think>", "<answer>", "</answer>", "<answer>a</answer>", "</s>", "</s> ",
    "<|channel|>final", "<|channel|>analysis<|message|>", "<|start|>assistant", "analysis", "assistantfinal",
    "<a:think>", "<|end|>", "<thought", "[THINK]", "<title>", "<script>", "<h1", "<!--", "<", "< a", "</", "**",
    "***", "**a** ", "__", "_a_", "# a\n", "- a\n", "* ", "1. ", "> ", "```", "```\n", "~~", "| a ", "\n\n",
    "\n ", " \n", "a\n", "\\\\", "\\a", "\\(", "\\[", "\\)", "$$", "$a$", "$ ", "\\boxed{", "\\boxed{a}",
    "\\boxed", "\\frac{", "\\frac{1}{2}", "\\frac", "\\sqrt{", "\\sqrt", "\\sqrt2", "\\text{", "\\text{a}",
    "\\left(", "\\right", "\\cdot ", "\\overline{", "\\,", "\\begin{a}", "{a", "a}", "{}", "[]", "()", "(a",
    "((a)", "{{", "}}", "{\"a\":", '{"a":1}', '{"answer":1}', '{"answer":', '["', '",', '":"', "\\\"", "{'a':",
    "1,", "1, ", "1,000", "1,000,", "1 000 ", "1.000.", "1'000", "1_000", "12,", "0.", ".1", "1.", "1e", "1e9",
    "1/", "1/2 ", "1 1/2", "1+", "1 + ", "-1", "--1", "1^", "1!", "(1)", "1%", "1 %", "$1", "1 million ",
    "million ", "million", "1万", "one ", "twenty-one ", "and ", "half ", "a ", "a, ", "A, ", "A. ", "A) a\n",
    "(A) ", "A: ", "A or ", "A and B ", "B ", "option A ", "not A ", "A is wrong. ", "answer ", "answer:",
    "answer: ", "the answer is ", "the answer is A. ", "Answer: 1\n", "final answer", "is ", "= ", "答案", "答案是",
    "ответ: ", "because ", "a. ", "a? ", "...", "km ", "1 km ", "km/h ", "1 m^2 ", "m s", "\N{DEGREE SIGN}",
    "::", "::a ", "::a::", "##", "##[", "##[a", "##vso[", "www.", "http://", "a@a", "#1", "GH-1", "&amp;", "&#",
    "&#0", "&#x", "&lt", "%25", "%2", "=2", "\\u00", "\\x", "\\0", "\\u{", "s", "sk-", "73", "7 3", "c2",
    "\x1b[", "\x1b", "\0", "data: ", "data: a\n", "data:\n", "data: {}\n\n", "event: a\n", ":", ": a\n",
    "id: 1\n", "error: ", "\n\n\n", "retry after ", "try again in ", "try again in 1 ", "wait 1 ", "1m", "1h",
    "1ms", "1 hour and ", "20秒后", "reset ", "model ", "model not ", "does not exist ", "content_filter ",
    "rate limit", "context length ", "insufficient ",
)  # fmt: skip


def readers() -> Iterator[tuple[str, Reader]]:
    """Yield everything that reads text from outside, by name."""
    redact = Redactor([Secret(KEY)])
    yield "secret.Redactor", redact
    for name in ("tty", "name", "markdown", "csv", "xml", "workflow", "code"):
        yield f"escape.{name}", getattr(escape, name)
    yield "escape.clip", lambda text: escape.clip(text, 100)
    yield from _of_wire(redact)
    for label, scorer in _scorers():
        yield label, partial(_judged, scorer)
    yield "data.files row", _data_row


def _of_wire(redact: Redactor) -> Iterator[tuple[str, Reader]]:
    yield "sse, one piece", lambda text: _events(Parser(), text, 2**26)
    yield "sse, 16 bytes a piece", lambda text: _events(Parser(), text, 16)
    yield "sse lines, 16 bytes a piece", lambda text: _events(LineParser(), text, 16)
    yield "chat, as the event", lambda text: _streamed(redact, text)
    yield "chat, as a content", lambda text: _streamed(redact, _chunk({"content": text}))
    yield (
        "chat, as 8 characters a content",
        lambda text: _streamed(redact, *(_chunk({"content": text[at : at + 8]}) for at in range(0, len(text), 8))),
    )
    yield "chat, as reasoning", lambda text: _streamed(redact, _chunk({"reasoning": text, "content": "a"}))
    yield (
        "chat, as arguments",
        lambda text: _streamed(
            redact, *(_chunk({"tool_calls": [_call(text[at : at + 8])]}) for at in range(0, len(text), 8))
        ),
    )
    yield "chat, as an error", lambda text: _streamed(redact, json.dumps({"error": {"message": text, "code": text}}))
    yield (
        "chat, as an end",
        lambda text: _streamed(redact, json.dumps({"choices": [{"delta": {"content": "a"}, "finish_reason": text}]})),
    )
    yield "chat, whole", lambda text: chat.reply(text.encode("utf-8", "replace"), redact=redact, end_markers=("</s>",))
    yield "refused, as the body", lambda text: _refused(redact, text)
    yield "refused, as JSON", lambda text: _refused(redact, json.dumps({"error": {"message": text, "type": text}}))
    yield "refused, as a page", lambda text: _refused(redact, f"<html>{text}")
    yield "refused, as headers", lambda text: _refused(redact, "no", text)
    yield "complaint", complaint
    yield "wait.said_s", lambda text: wait.said_s({"message": text, "retryDelay": text}, text)
    yield "wait.asked_s", lambda text: wait.asked_s(dict.fromkeys(_HEADERS, text), NOW, said_s=None, limited=True)
    yield "nested.loads", _json
    yield "http1, 64 bytes a piece", _http


_HEADERS = ("retry-after", "retry-after-ms", "date", "ratelimit", "x-ratelimit-reset", "x-ratelimit-remaining-tokens")


def _scorers() -> Iterator[tuple[str, Any]]:
    asked: tuple[Mapping[str, object], ...] = (
        {"kind": "exact"}, {"kind": "exact", "answer": "final", "normalize": True, "ignore_case": True},
        {"kind": "contains", "ignore_case": True}, {"kind": "choice"}, {"kind": "numeric"}, {"kind": "items"},
        {"kind": "recall"}, {"kind": "math"},
        {"kind": "exact", "extract": {"xml_tag": "answer"}}, {"kind": "exact", "extract": {"json_path": "answer"}},
    )  # fmt: skip
    for spec in asked:
        (scorer,) = ADAPTER.validate_python([spec])
        yield "score " + " ".join(map(str, spec.values())), scorer


_CHOICES = ("Paris", "London", "1,000", "not A")
_SAMPLE = Sample(
    task="t", id="1", expected="1000", choices=_CHOICES, meta={"items": ["Paris"]},
    messages=(Message(role="user", content="How many dozens?\nA. Paris\nB. London\nC. 1,000\nD. not A"),),
)  # fmt: skip


def _judged(scorer: Any, text: str) -> object:
    expected = "A" if scorer.kind == "choice" else "1000"
    sample = Sample(
        task="t", id="1", expected=expected, choices=_SAMPLE.choices, meta=_SAMPLE.meta, messages=_SAMPLE.messages
    )
    return scorer(sample, Completion(text=text, finish_reason="stop"))


def _events(parser: Parser | LineParser, text: str, size: int) -> int:
    data, found = text.encode("utf-8", "replace"), 0
    try:
        for at in range(0, len(data), size):
            found += len(parser.feed(data[at : at + size]))
    except EventTooBig:
        return -1
    return found + len(parser.rest())


def _chunk(delta: Mapping[str, object]) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta}]})


def _call(arguments: str) -> dict[str, object]:
    return {"function": {"name": "f", "arguments": arguments}}


def _streamed(redact: Redactor, *texts: str) -> object:
    decoder = chat.decoder(max_bytes=2**26, end_markers=("</s>", "<|end|>"), redact=redact)
    for at_ns, text in enumerate([*texts, '{"choices":[{"delta":{},"finish_reason":"stop"}]}', "[DONE]"]):
        decoder.feed(Event("", text), at_ns)
    return decoder.first_answer_ns, decoder.finish()


def _refused(redact: Redactor, body: str, header: str = "") -> object:
    headers = dict.fromkeys((*_HEADERS, "location", "content-type"), header)
    data = body.encode("utf-8", "replace")
    return [rejection.rejected(status, headers, data, redact=redact, now=NOW) for status in (200, 302, 400, 429)]


def _json(text: str) -> object:
    try:
        return loads(text)
    except ValueError:
        return None


def _data_row(text: str) -> object:
    try:
        return _row(json.dumps({"question": text}).encode()), _row(text.encode("utf-8", "replace"))
    except BadRowError:
        return None


def _http(text: str) -> object:
    data = text.encode("utf-8", "replace")
    for start in (b"", b"HTTP/1.1 200 OK\r\nx-odd: ", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"):
        parser = AnswerParser("POST")
        parser.feed(start)
        for at in range(0, len(data), 64):
            if not parser.wrong:
                parser.feed(data[at : at + 64])
    return None


# ---------------------------------------------------------------- measuring


def texts(pattern: str, length: int) -> Iterator[str]:
    """Yield texts of this length: the pattern alone, with an answer after it, and an answer before it."""
    run = pattern * (length // len(pattern))
    yield run
    yield f"Answer: {run} is 12."
    yield f"So B is 12.\n{run}x"


def cost_s(reader: Reader, text: str, *, times: int = 1) -> float:
    """Return the least processor time of several readings, in seconds."""
    found = math.inf
    for _ in range(times):
        began = time.process_time()
        reader(text)
        found = min(found, time.process_time() - began)
    return found


def growth(short_s: float, long_s: float, *, times: int) -> float:
    """Return the power of the length that the cost grows with. times: how much longer the long text is."""
    return math.log(max(long_s, 1e-9) / max(short_s, NOTICED_S / times), times)


def worst(reader: Reader, *, first: int = FIRST) -> tuple[float, float, str, list[float]]:
    """Return a reader's largest growth, the time of the longest text, its pattern, and the times at 1, 2, 4, 8."""
    found = 0.0, 0.0, "", list[float]()
    for pattern in PATTERNS:
        for short, long in zip(texts(pattern, first), texts(pattern, 8 * first), strict=True):
            long_s = cost_s(reader, long)
            if long_s < NOTICED_S:
                continue
            power = growth(cost_s(reader, short, times=2), long_s, times=8)
            if power > 1.4:  # looked at again, so that a moment of noise is not a fault
                power = growth(cost_s(reader, short, times=4), cost_s(reader, long, times=2), times=8)
            if (power > 1.4, long_s) > (found[0] > 1.4, found[1]):
                found = power, long_s, short[:12], [short_s(reader, pattern, first * times) for times in (1, 2, 4, 8)]
    return found


def short_s(reader: Reader, pattern: str, length: int) -> float:
    """Return the cost of the most expensive text of a pattern."""
    return max(cost_s(reader, text) for text in texts(pattern, length))


def main() -> None:
    """Print a row for each reader; exit with 1 where one is not linear."""
    names = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    first = FIRST // 8 if "--quick" in sys.argv else FIRST
    faults = 0
    print(f"{'reader':48} {'growth':>6} {'ms at ' + format(first, ','):>12} {'2x':>8} {'4x':>8} {'8x':>8}  pattern")
    for name, reader in readers():
        if names and not any(wanted in name for wanted in names):
            continue
        power, _, pattern, times = worst(reader, first=first)
        faults += power > 1.4
        shown = " ".join(f"{each * 1000:8.1f}" for each in times[1:]) if times else ""
        print(f"{name:48} {power:6.2f} {(times[0] * 1000 if times else 0):12.1f} {shown}  {pattern!r}", flush=True)
    raise SystemExit(faults > 0)


if __name__ == "__main__":
    main()
