"""Writing one answer when it is due, or what a fault leaves of it, and the truth about it. Not here: what it says.

docs/simulator.md says what the keys of a line of the truth are.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat

import msgspec

from evalrun.targets.simulator.connection import ServerConnection, cut_chunks
from evalrun.targets.simulator.faults import BreakingFault, ErrorFault, Fault, StallFault
from evalrun.targets.simulator.model import DrawnAnswer
from evalrun.targets.simulator.refused import failed
from evalrun.targets.simulator.service import Service


@dataclass(slots=True)
class TruthLine:
    """What the truth log says of a request, as far as it has come."""

    received_ns: int
    fault: str | None = None
    queue_s: float = 0.0
    in_service: int = 0
    head_ns: int | None = None
    written_ns: list[int] = field(default_factory=list)
    complete: bool = False

    def encoded(self, answer: DrawnAnswer | None) -> bytes:
        """Return the line of a request that is over."""
        truth: dict[str, object] = {
            "received_ns": self.received_ns,
            "written_ns": self.written_ns,
            "closed_ns": time.monotonic_ns(),
            "complete": self.complete,
            "fault": self.fault,
        }
        if answer is not None:
            truth |= {
                "id": answer.id,
                "digest": answer.question.mark.hex(),
                "queue_s": self.queue_s,
                "in_service": self.in_service,
                "head_ns": self.head_ns,
                "prefill_s": answer.prefill_s,
                "ttft_s": answer.first_s,
                "gap_s": answer.gap_s,
                "prompt_tokens": answer.question.prompt_tokens,
                "cached_tokens": answer.question.cached_tokens,
                "completion_tokens": answer.completion_tokens,
                "chunk_tokens": answer.chunk_tokens(),
                "right": answer.choices[0].right,
            }
        return msgspec.json.encode(truth) + b"\n"


async def deliver(
    connection: ServerConnection,
    answer: DrawnAnswer,
    *,
    told: TruthLine,
    service: Service,
    fault: Fault | None,
    start_ns: int,
    cut: bool,
) -> None:
    """Write the answer when it is due, or what a fault leaves of it. Raises Refused for one that is only an error.

    told: gets what was done and when. cut: send each event as two HTTP chunks.
    """
    stall_s, broken = (fault.stall_s, None) if isinstance(fault, StallFault) else (0.0, fault)
    stall_at = min(fault.after_chunks, answer.steps - 1) if fault is not None else 0
    steps, first_s = answer.steps, answer.first_s
    if not answer.question.ask.stream and service.is_steady(stall_s):  # only the end of its schedule matters
        first_s, steps = first_s + (steps - 1) * answer.gap_s, 1
    due_ns = service.due_ns(start_ns, first_s=first_s, gap_s=answer.gap_s, stall_s=stall_s, stall_at=stall_at)
    if answer.question.ask.stream:
        await _stream(connection, answer, told=told, broken=broken, due_ns=due_ns, cut=cut)
    else:
        await _whole(connection, answer, told=told, broken=broken, due_ns=due_ns, steps=steps)


async def _stream(
    connection: ServerConnection,
    answer: DrawnAnswer,
    *,
    told: TruthLine,
    broken: BreakingFault | None,
    due_ns: Iterator[int],
    cut: bool,
) -> None:
    """Write head and roles at once, then chunk after chunk."""
    head, frame, end = connection.begin_stream([f"x-request-id: {answer.id}"])
    if cut and end:
        frame = cut_chunks
    if not connection.lost:
        told.head_ns = time.monotonic_ns()
        connection.write(head + frame(answer.opening()))
    count = answer.steps if broken is None else min(broken.after_chunks, answer.steps - 1)
    stayed = await connection.write_on_time(map(frame, answer.events()), due_ns, told.written_ns, count=count)
    if broken is None:
        told.complete = stayed
    elif isinstance(broken, ErrorFault):
        connection.write(frame(b"data: %b\n\n" % failed(broken.status).body))
    elif broken.kind != "truncate":
        connection.hang_up(reset=broken.kind == "reset")
    connection.write(end)


async def _whole(
    connection: ServerConnection,
    answer: DrawnAnswer,
    *,
    told: TruthLine,
    broken: BreakingFault | None,
    due_ns: Iterator[int],
    steps: int,
) -> None:
    """Write an answer in one piece when its last token is due. A broken one has half of its body."""
    body, headers, data = answer.whole(), [f"x-request-id: {answer.id}"], b""
    half = len(body) // 2
    if broken is None or broken.kind == "truncate":
        data = connection.response(200, body if broken is None else body[:half], headers)
    elif not isinstance(broken, ErrorFault):
        data = connection.response(200, body, headers)[:-half]
    pieces = chain(repeat(b"", steps - 1), [data])
    stayed = await connection.write_on_time(pieces, due_ns, told.written_ns, count=steps)
    del told.written_ns[:-1]
    told.complete = stayed and broken is None
    if isinstance(broken, ErrorFault):
        raise failed(broken.status, broken.retry_after_s)
    if broken is not None and broken.kind != "truncate":
        connection.hang_up(reset=broken.kind == "reset")
