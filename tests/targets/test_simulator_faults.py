"""What the simulator does wrong on purpose, and how it queues and slows down: by its truth, from its seed alone."""

import asyncio
import itertools
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import ValidationError
from sim_command import raw, serving_here, spec

from evalrun.targets.simulator.faults import Faults
from evalrun.targets.simulator.service import Service
from evalrun.targets.simulator.spec import Simulator


def post(*, stream: bool, text: str = "1 + 2") -> bytes:
    body = json.dumps({"model": "sim", "stream": stream, "messages": [{"role": "user", "content": text}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def hits(of: Simulator, requests: int, *, at_s: float = 0.0) -> list[str]:
    """Return which kind hits each of so many requests, as one letter; `.` for none."""
    faults = Faults(of.faults, seed=of.seed)
    found = [faults.hit(number, at_s=at_s) for number in range(requests)]
    return ["." if fault is None else fault.kind[0] for fault in found]


def test_a_fault_hits_its_share_of_the_requests() -> None:
    """10 % of 20,000, alone or in bursts of 5; the second in the list hits 20 % of the other 90 %. Six standard errors:
    a burst counts as one draw, so 6 * sqrt(0.1 * 0.9 * 5 / 20,000) = 2.9 %, alone 1.3 %."""
    for burst, most in ((1, 0.013), (5, 0.029)):
        faults = [{"kind": "error", "share": 0.1, "burst": burst}, {"kind": "reset", "share": 0.2}]
        found = hits(spec(faults=faults), 20_000)
        assert abs(found.count("e") / 20_000 - 0.1) < most
        assert abs(found.count("r") / 20_000 - 0.18) < 0.02
        lengths = [len(list(group)) for kind, group in itertools.groupby(found) if kind == "e"]
        assert all(length % burst == 0 for length in lengths[:-1])


def test_faults_depend_on_the_seed_and_the_order_of_arrival() -> None:
    """The same seed hits the same requests, another one others."""
    faults = [{"kind": "stall", "stall_s": 1, "share": 0.3}]
    assert hits(spec(faults=faults), 200) == hits(spec(faults=faults), 200)
    assert hits(spec(faults=faults), 200) != hits(spec(faults=faults, seed=1), 200)


def test_an_outage_has_a_beginning_and_an_end() -> None:
    """From 10 s to before 12 s every request; without an end, for ever."""
    outage = spec(faults=[{"kind": "close", "from_s": 10, "until_s": 12}, {"kind": "error", "from_s": 20}])
    when = {9.9: ".", 10.0: "c", 11.9: "c", 12.0: ".", 20.0: "e", 1e9: "e"}
    assert {at_s: "".join(hits(outage, 1, at_s=at_s)) for at_s in when} == when


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "error", "status": 200},
        {"kind": "error", "share": 0},
        {"kind": "reset", "status": 500},
        {"kind": "stall"},
        {"kind": "close", "from_s": 5, "until_s": 5},
    ],
)
def test_faults_that_cannot_be_are_refused(wrong: dict) -> None:
    """A status of success, a share of none, a field of another kind, a pause without length, a window without one."""
    with pytest.raises(ValidationError):
        spec(faults=[wrong])


def broken(*, stream: bool, **fault: object) -> tuple[bytes, dict]:
    """Return what a client reads of an answer with this fault, and the truth; a reset ends it."""
    with serving_here(faults=[fault]) as (url, lines):
        try:
            got = raw(url, post(stream=stream))
        except ConnectionResetError:
            got = b"RESET"
        return got, lines[0]


def test_a_request_may_get_an_error_or_nothing() -> None:
    """Before the first byte: a status with Retry-After, a closed connection, a reset one. The truth says which."""
    got, line = broken(stream=True, kind="error", status=429, retry_after_s=2)
    assert got.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"\r\nRetry-After: 2\r\n" in got
    assert json.loads(got.partition(b"\r\n\r\n")[2])["error"]["code"] == "rate_limit_exceeded"
    assert (line["fault"], line["complete"], line["written_ns"]) == ("error", False, [])
    assert broken(stream=True, kind="close")[0] == b""
    assert broken(stream=False, kind="reset")[0] == b"RESET"
    got, _ = broken(stream=False, kind="error", status=529)
    assert got.startswith(b"HTTP/1.1 529 ")
    assert json.loads(got.partition(b"\r\n\r\n")[2])["error"]["type"] == "server_error"


def test_a_stream_may_break_after_some_chunks() -> None:
    """After two chunks: an error event and a proper end, an end without reason or marker, a connection that closes."""
    for kind in ("error", "truncate", "close"):
        got, line = broken(stream=True, kind=kind, after_chunks=2)
        assert len(line["written_ns"]) == 2
        assert got.count(b'"content":"') == 3  # with the role
        assert b"[DONE]" not in got
        assert b'"finish_reason":"' not in got
        assert got.endswith(b"\r\n0\r\n\r\n") == (kind != "close")
        assert (b'"type":"server_error"' in got) == (kind == "error")
        assert (line["fault"], line["complete"]) == (kind, False)
    assert broken(stream=True, kind="reset", after_chunks=1)[1]["fault"] == "reset"


def test_an_answer_in_one_piece_may_break() -> None:
    """Half of it comes: with the length of the half, or with that of the whole and a closed connection."""
    halves = []
    for kind in ("truncate", "close"):
        got, line = broken(stream=False, kind=kind, after_chunks=1)
        head, _, body = got.partition(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        halves.append((length, len(body)))
        assert line["complete"] is False
    (cut, cut_read), (whole, read) = halves
    assert cut == cut_read == whole // 2
    assert whole - read == whole // 2
    got, _ = broken(stream=False, kind="error", after_chunks=1, status=500)
    assert got.startswith(b"HTTP/1.1 500 ")


def test_a_stall_moves_what_comes_after_it() -> None:
    """Chunk 3 and all later ones are 0.3 s later; a stall beyond the end is before the last chunk."""
    for after, place in ((3, 3), (1000, -1)):
        _, line = broken(stream=True, kind="stall", stall_s=0.3, after_chunks=after)
        assert line["written_ns"][place] >= line["received_ns"] + 300_000_000
        assert line["complete"] is True
    due = Service(spec(), started_ns=0).due_ns(0, first_s=1, gap_s=0.1, stall_s=0.5, stall_at=2)
    assert [at / 1e9 for at in itertools.islice(due, 4)] == pytest.approx([1.0, 1.1, 1.7, 1.8])


# ---------------------------------------------------------------- the queue and the schedule


def test_requests_wait_for_a_slot_in_the_order_of_arrival() -> None:
    """One slot, 0.1 s each: of five at once the k-th has waited k * 0.1 s; none is served with another."""
    with serving_here(slots=1, ttft_s=0.1) as (url, lines), ThreadPoolExecutor(5) as pool:
        assert all(b"[DONE]" in got for got in pool.map(lambda _: raw(url, post(stream=True)), range(5)))
    lines.sort(key=lambda line: line["received_ns"])
    assert [line["in_service"] for line in lines] == [1] * 5
    assert lines[0]["queue_s"] == 0
    for number, line in enumerate(lines):
        spread_s = (line["received_ns"] - lines[0]["received_ns"]) / 1e9
        assert line["queue_s"] >= number * 0.1 - spread_s - 1e-6
        start_ns = line["received_ns"] + line["queue_s"] * 1e9
        assert line["head_ns"] >= start_ns
        assert line["written_ns"][0] >= start_ns + 1e8 - 1
    ends = [line["written_ns"][-1] for line in lines]
    assert ends == sorted(ends)


def test_a_full_queue_refuses() -> None:
    """One slot, none may wait: while an answer is written, the next request gets 503 at once."""
    with serving_here(slots=1, queue=0, answer_tokens=10_000, token_s=1) as (url, lines):
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname, parts.port)) as holder:
            holder.sendall(post(stream=True))
            assert holder.recv(1)
            assert raw(url, post(stream=False)).startswith(b"HTTP/1.1 503")
            assert [line["fault"] for line in lines] == ["queue_full"]


def test_a_client_that_leaves_gives_its_slot_back() -> None:
    """One slot is taken by an answer of hours; when its client has left, the next one is served."""
    with serving_here(slots=1, answer_tokens=10_000, token_s=1) as (url, lines):
        parts = urlsplit(url)
        for _ in range(2):
            with socket.create_connection((parts.hostname, parts.port), timeout=20) as sock:
                sock.sendall(post(stream=True))
                assert sock.recv(1)
    assert [line["complete"] for line in lines[:1]] == [False]


def test_slots_are_handed_over_in_order() -> None:
    """Of three that wait, one gives up; the others get the slot as it is left, first come, first served."""

    async def main() -> list[str]:
        service, order = Service(spec(slots=1), started_ns=0), []

        async def one(name: str) -> None:
            await service.enter()
            order.append(name)
            service.leave()

        await service.enter()
        tasks = [asyncio.create_task(one(name)) for name in "abc"]
        await asyncio.sleep(0)
        assert service.busy
        tasks[0].cancel()
        await asyncio.sleep(0)
        service.leave()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (service.in_service, service.busy) == (0, False)
        return order

    assert asyncio.run(main()) == ["b", "c"]


def test_a_steady_schedule_does_not_add_up_rounding() -> None:
    """Chunk k is due at start + first + k * gap, rounded once."""
    due = Service(spec(), started_ns=0).due_ns(7, first_s=0.1, gap_s=0.0333333333)
    assert list(itertools.islice(due, 3)) == [100_000_007, 133_333_340, 166_666_674]


def test_a_schedule_slows_down_with_the_requests_in_service() -> None:
    """batch_slowdown 0.5: alone 1 s and gaps of 0.1 s; with three in service 1 + 0.5 * 2 = twice as long."""
    service = Service(spec(batch_slowdown=0.5), started_ns=0)
    service.in_service = 1
    due = service.due_ns(0, first_s=1.0, gap_s=0.1)
    assert [next(due), next(due)] == [1_000_000_000, 1_100_000_000]
    service.in_service = 3
    assert [next(due), next(due)] == [1_300_000_000, 1_500_000_000]
    service.in_service = 1
    assert next(due) == 1_600_000_000


def test_a_freeze_holds_what_is_due_in_it() -> None:
    """Frozen from 1.0 to 2.4 s: what is due at 1.0 and 1.5 s comes at 2.4 s, what is due at 0.5 and 2.5 s on time."""
    service = Service(spec(freezes=[{"from_s": 1, "until_s": 2.4}]), started_ns=10**9)
    service.in_service = 1
    due = service.due_ns(10**9, first_s=0.5, gap_s=0.5)
    seconds = [at / 1e9 - 1 for at in itertools.islice(due, 5)]
    assert seconds == pytest.approx([0.5, 2.4, 2.4, 2.4, 2.5])


def test_a_whole_answer_takes_as_long_as_its_stream() -> None:
    """Under slowdown and stalls too, where the schedule is known only as it goes on."""
    slow = {"answer_tokens": 8, "token_s": 0.01, "batch_slowdown": 0.1}
    with serving_here(faults=[{"kind": "stall", "stall_s": 0.2, "after_chunks": 2}], **slow) as (url, lines):
        raw(url, post(stream=False))
        raw(url, post(stream=True))
    whole, streamed = lines
    least_s = 0.2 + 0.01 * (len(streamed["chunk_tokens"]) - 1)
    assert len(whole["written_ns"]) == 1
    for line in (whole, streamed):
        assert (line["written_ns"][-1] - line["received_ns"]) / 1e9 >= least_s - 1e-6


def test_the_truth_counts_what_each_chunk_carries() -> None:
    """Hidden reasoning takes its time and is in no chunk; 3 tokens a chunk, the rest in the last; all in the usage."""
    with serving_here(reasoning="hidden", reasoning_tokens=40, token_s=0.002, tokens_per_chunk=3) as (url, lines):
        answer = httpx.post(
            f"{url}/chat/completions", json={"model": "sim", "messages": [{"role": "user", "content": "hi"}]}
        ).json()
        raw(url, post(stream=True, text="hi"))
    assert "reasoning" not in str(answer["choices"])
    line, streamed = lines
    visible = len(answer["choices"][0]["message"]["content"].split())
    assert line["chunk_tokens"] == [3] * (visible // 3) + ([visible % 3] if visible % 3 else [])
    assert line["completion_tokens"] == answer["usage"]["completion_tokens"] == 40 + visible
    assert line["ttft_s"] == pytest.approx(line["prefill_s"] + 40 * 0.002)
    assert streamed["written_ns"][0] - streamed["received_ns"] >= 0.08e9 - 1
