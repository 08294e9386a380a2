"""One request as text: what was asked, what came back, how it was judged, and where its time went.

Every line of somebody else's text is encoded for the terminal on its own, so that its line ends stay.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from evalrun import units
from evalrun.escape import clip, tty
from evalrun.report.page import Block, BlockRow, Page, Text, Verbatim
from evalrun.report.text import BOLD, GREEN, RED, WORDS, YELLOW, painted, render
from evalrun.requests import Requests, State
from evalrun.types import Completion, Failure, Message, Record, Score, Timing

MOST_CHARS = 200_000  # of a text
FOLDED = 10  # lines of a reasoning that are shown
MOST_LINES = 60  # of another text
MOST_WORDS = 1_000  # of an answer that are compared
BAR = 40
TimeSpan = tuple[str, float, float]
"""A part of a request's time: its name, and from when to when, in seconds from the first attempt."""


def sample_lines(
    requests: Requests, row: int, *, full: bool, colour: bool, before: Sequence[Message] = ()
) -> Iterator[str]:
    """Yield the lines of one request. before: messages that were shown already."""
    record = requests.record(row)
    state = State(int(requests.state[row])).name.lower()
    sample, outcome = record.sample, record.outcome
    where = f"task {tty(sample.task)}, target {tty(record.target)}, repeat {record.repeat}"
    yield painted(f"sample {tty(clip(sample.id, 200))}: {where}", BOLD, on=colour)
    yield painted(f"{state.replace('_', ' ')}{_scored(requests.score(row))}", WORDS.get(state, YELLOW), on=colour)
    yield f"asked at {tty(record.at)}, session {record.session}"
    yield from _asked(record, before, full=full)
    if isinstance(outcome, Completion):
        yield from _answered(outcome, full=full)
    else:
        yield from _failed(outcome, full=full)
    if sample.expected is not None:
        yield from block("expected", sample.expected, most=None if full else MOST_LINES)
    yield from _judged(requests, row)
    yield from _counted(record)
    yield from ("", "time, from the first attempt:", *waterfall(spans(record)))


def block(title: str, text: str, *, most: int | None = None) -> Iterator[str]:
    """Yield a text below its title, a single line beside it. most: lines that are shown."""
    lines = clip(text, MOST_CHARS).split("\n")
    if len(lines) == 1:
        yield f"{title}: {tty(lines[0])}"
        return
    cut = most is not None and len(lines) > most
    yield f"{title} ({len(lines):,} lines, the first {most:,} of them; --full shows all):" if cut else f"{title}:"
    yield from (f"  {tty(line)}" for line in islice(lines, most if cut else None))


def _scored(score: Score | None) -> str:
    return "" if score is None or score.value is None else f", score {score.value:.3g}"


def _asked(record: Record, before: Sequence[Message], *, full: bool) -> Iterator[str]:
    yield ""
    sample = record.sample
    if before and tuple(before) == sample.messages:
        yield "messages: as above"
        return
    for message in sample.messages:
        yield from block(message.role, message.content, most=None if full else MOST_LINES)
    for number, choice in enumerate(sample.choices):
        yield from block(f"choice {number + 1}", choice, most=FOLDED)
    if sample.meta:
        yield f"meta: {tty(clip(', '.join(f'{key} {value}' for key, value in sample.meta.items()), 500))}"


def _answered(outcome: Completion, *, full: bool) -> Iterator[str]:
    yield ""
    if outcome.reasoning:
        yield from block("reasoning", outcome.reasoning, most=None if full else FOLDED)
    if outcome.refusal:
        yield from block("refusal", outcome.refusal, most=None if full else MOST_LINES)
    ended = tty(outcome.finish_reason or "no finish reason")
    yield from block(f"answer ({ended})", outcome.text, most=None if full else MOST_LINES)
    for call in outcome.tool_calls[:50]:
        yield from block(f"tool call {tty(clip(call.name, 100))}", call.arguments, most=FOLDED)
    if outcome.flags:
        yield f"flags: {', '.join(outcome.flags)}"


def _failed(outcome: Failure, *, full: bool) -> Iterator[str]:
    status = "" if outcome.status is None else f", HTTP {outcome.status}"
    yield ""
    yield from block(f"failed ({outcome.kind}, {outcome.phase}{status})", outcome.message, most=FOLDED)
    if outcome.partial:
        yield from block("received before it failed", outcome.partial, most=None if full else MOST_LINES)


def _judged(requests: Requests, row: int) -> Iterator[str]:
    """Yield what each scorer took for the answer, by which rule, and what it says of it."""
    for scorer, score in requests.scored(row).items():
        value = "no score" if score.value is None else f"{score.value:.3g}"
        disputed = ", disputed" if score.disputed else ""
        why = score.why or score.error or ""
        yield f"scored by {tty(scorer)}: {value}{disputed}{f': {tty(clip(why, 1_000))}' if why else ''}"
        if score.answer is not None:
            rule = f" (rule: {tty(clip(score.rule, 100))})" if score.rule else ""
            yield from block(f"  extracted{rule}", score.answer, most=FOLDED)


def _counted(record: Record) -> Iterator[str]:
    """Yield tokens, cost, attempts and warnings."""
    outcome, parts = record.outcome, []
    if isinstance(outcome, Completion):
        usage = outcome.usage
        known = {
            "prompt": usage.prompt_tokens, "cached": usage.cached_tokens, "output": usage.completion_tokens,
            "reasoning": usage.reasoning_tokens,
        }  # fmt: skip
        parts = [f"{label} {count:,}" for label, count in known.items() if count is not None]
        if outcome.tokens is not None and outcome.token_source != "usage":
            parts.append(f"output {outcome.tokens:,} by {outcome.token_source}")
    yield f"tokens: {', '.join(parts) if parts else 'unknown'}"
    at_least = "" if record.most_usd is None else f", at most {units.usd(record.most_usd)}"
    yield f"cost: {'unknown' if record.cost_usd is None else units.usd(record.cost_usd)}{at_least}"
    for number, attempt in enumerate(record.attempts[:20], 1):
        said = f"{attempt.failure.kind}, {attempt.failure.phase}: {tty(clip(attempt.failure.message, 300))}"
        took, waited = units.seconds(attempt.took_s), units.seconds(attempt.wait_s)
        yield f"attempt {number} failed after {took} ({said}); waited {waited}"
    for warning in record.warnings[:20]:
        yield f"warning: {tty(clip(warning, 300))}"


# ---------------------------------------------------------------- time


def spans(record: Record) -> list[TimeSpan]:
    """Return the parts of a request's time, in order. Waits after failed attempts are parts too."""
    begins = [attempt.sent_s for attempt in record.attempts] + [record.sent_s]
    zero, found = min(begins), list[TimeSpan]()
    for number, attempt in enumerate(record.attempts, 1):
        at = attempt.sent_s - zero
        found.append((f"attempt {number}: {attempt.failure.kind}", at, at + attempt.took_s))
        found.append(("wait", at + attempt.took_s, at + attempt.took_s + attempt.wait_s))
    sent = record.sent_s - zero
    if record.timing is not None:
        found += _of_timing(record.timing, sent)
    elif record.took_s is not None:
        found.append(("failed", sent, sent + record.took_s))
    return found


def _of_timing(timing: Timing, sent: float) -> Iterator[TimeSpan]:
    if timing.connect_s:
        yield "connect", sent - timing.connect_s, sent
    instants = [("first byte", timing.first_byte_s), ("first token", timing.ttft_s)]
    reasoned = timing.ttfo_s is not None and timing.ttft_s is not None and timing.ttfo_s > timing.ttft_s
    instants += [("reasoning", timing.ttfo_s)] if reasoned else []
    instants += [("answer", timing.e2e_s), ("end", timing.stream_s)]
    last = 0.0
    for label, at in instants:
        if at is not None:
            yield label, sent + last, sent + at
            last = max(last, at)


def waterfall(found: Sequence[TimeSpan]) -> Iterator[str]:
    """Yield a line for each part of the time: how long it was, until when, and a bar on the axis of them all."""
    if not found:
        yield "  not known"
        return
    begin, end = min(start for _, start, _ in found), max(stop for _, _, stop in found)
    scale = BAR / (end - begin) if end > begin else 0.0
    labels = max(len(label) for label, _, _ in found)
    for label, start, stop in found:
        first, last = round((start - begin) * scale), round((stop - begin) * scale)
        bar = " " * first + ("=" * (last - first) or "|")
        yield f"  {label:{labels}}  {units.seconds(stop - start):>8}  to {units.seconds(stop):>8}  {bar}"


# ---------------------------------------------------------------- two of them


def word_diff(old: str, new: str, *, colour: bool) -> Iterator[str]:
    """Yield the lines of a text in which `[-this-]` is of the old one alone and `{+that+}` of the new one.

    Only the first words of long texts are compared.
    """
    a, b = (clip(text, MOST_CHARS).replace("\n", " \n ").split(" ")[:MOST_WORDS] for text in (old, new))
    lines = [""]
    for tag, a1, a2, b1, b2 in difflib.SequenceMatcher(None, a, b).get_opcodes():
        same = tag == "equal"
        first = (a[a1:a2], "", "") if same else (a[a1:a2], "[-", "-]")
        for words, begin, end in (first, ([] if same else b[b1:b2], "{+", "+}")):
            for number, line in enumerate(" ".join(words).split("\n") if words else ()):
                lines += [""] if number else []
                said = begin + line.strip(" ") + end if line.strip(" ") else ""
                lines[-1] += (" " if lines[-1] and said else "") + said
    for line in lines:
        shown = re.sub(r"\[-.*?-\]", lambda found: painted(found[0], RED, on=colour), tty(line))
        yield re.sub(r"\{\+.*?\+\}", lambda found: painted(found[0], GREEN, on=colour), shown)


def side_by_side(old: tuple[Requests, int], new: tuple[Requests, int], *, width: int, colour: bool) -> Iterator[str]:
    """Yield the lines of one request in two runs: their numbers in columns, and their answers as one text."""
    records = [requests.record(row) for requests, row in (old, new)]
    first = records[0].sample
    yield painted(f"sample {tty(clip(first.id, 200))}: task {tty(first.task)}", BOLD, on=colour)
    for letter, (requests, _), record in zip("AB", (old, new), records, strict=True):
        yield f"{letter}: {tty(str(requests.run.folder))}, target {tty(record.target)}, repeat {record.repeat}"
    yield ""
    if first.messages == records[1].sample.messages:
        for message in first.messages:
            yield from block(message.role, message.content, most=FOLDED)
    else:
        yield "messages differ:"
        asked = ("\n".join(one.content for one in record.sample.messages) for record in records)
        yield from (f"  {line}" for line in word_diff(*asked, colour=colour))
    if first.expected is not None:
        yield from block("expected", first.expected, most=FOLDED)
    facts = [dict(_facts(requests, row, record)) for (requests, row), record in zip((old, new), records, strict=True)]
    rows = [BlockRow(label, [facts[0][label], facts[1][label]]) for label in facts[0]]
    page = Page(title="", blocks=[Block("", ("A", "B"), rows)])
    yield from render([page], width=width, colour=colour).splitlines()
    texts = [one.outcome.text if isinstance(one.outcome, Completion) else one.outcome.message for one in records]
    yield from ("", "answers: [-only A-] {+only B+}")
    yield from (f"  {line}" for line in word_diff(texts[0], texts[1], colour=colour))


def _facts(requests: Requests, row: int, record: Record) -> Iterator[tuple[str, Text]]:
    score, timing, outcome = requests.score(row), record.timing, record.outcome
    yield "state", State(int(requests.state[row])).name.lower()
    yield "score", units.UNKNOWN if score is None or score.value is None else f"{score.value:.3g}"
    yield "extracted", Verbatim(clip(score.answer, 40)) if score and score.answer is not None else units.UNKNOWN
    for label, of in (("TTFT", "ttft_s"), ("E2E", "e2e_s"), ("TPOT", "tpot_s")):
        yield label, units.seconds(getattr(timing, of) if timing else None)
    yield "tokens", units.count(outcome.tokens if isinstance(outcome, Completion) else None)
    yield "cost", units.usd(record.cost_usd)
    yield "attempts", str(1 + len(record.attempts))
