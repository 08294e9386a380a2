"""The simulator, over real sockets: answers and latencies follow from the question alone, its log is the truth."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from loopback import nobody_listens

from evalrun.errors import SuiteError
from evalrun.secret import Secret
from evalrun.targets.kind import Endpoint
from evalrun.targets.simulator.answers import Fact, solve, write_answers, wrong
from evalrun.targets.simulator.server import serve_forever
from evalrun.targets.simulator.spec import serve_simulator
from evalrun.targets.spec import Simulator
from evalrun.types import Message

ROOT = Path(__file__).parents[2]


def spec(**fields: object) -> Simulator:
    quick = {"kind": "simulator", "ttft_s": 0.01, "token_s": 0.001}
    return Simulator.model_validate_json(json.dumps(quick | fields))


@contextlib.asynccontextmanager
async def client(endpoint: Endpoint) -> AsyncIterator[httpx.AsyncClient]:
    assert endpoint.key is not None
    headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
    limits = httpx.Limits(max_connections=None)
    base_url = endpoint.base_url + "/"
    async with httpx.AsyncClient(base_url=base_url, headers=headers, limits=limits, timeout=30, trust_env=False) as it:
        yield it


def asked(text: str, **fields: object) -> dict[str, object]:
    return {"model": "sim", "messages": [{"role": "user", "content": text}], **fields}


def events(body: str) -> list[dict]:
    """Parse a stream; it must end in the marker."""
    datas = [line.removeprefix("data: ") for line in body.splitlines() if line]
    assert datas[-1] == "[DONE]"
    return [json.loads(data) for data in datas[:-1]]


def content(body: str, index: int = 0, field: str = "content") -> str:
    deltas = [c["delta"] for e in events(body) for c in e["choices"] if c["index"] == index]
    return "".join(delta.get(field, "") for delta in deltas)


def posts(of: Simulator, bodies: Sequence[dict], folder: Path, *, together: bool = True) -> tuple[list, list[dict]]:
    """Start a simulator, post the bodies (all at once or one by one); give the responses in order, and the truth."""

    async def main() -> list[httpx.Response]:
        async with serve_simulator(of, log=folder / "log", truth=folder / "truth") as endpoint, client(endpoint) as c:
            if together:
                return await asyncio.gather(*(c.post("chat/completions", json=body) for body in bodies))
            return [await c.post("chat/completions", json=body) for body in bodies]

    (folder / "truth").unlink(missing_ok=True)
    responses = asyncio.run(main())
    return responses, [json.loads(line) for line in (folder / "truth").read_text().splitlines()]


def test_answers_and_latencies_do_not_depend_on_what_else_is_asked(tmp_path: Path) -> None:
    """In another order, alone or together, each question gets the same text, verdict and time; another seed, others."""
    bodies = [asked(f"What is {i} + {i * i}?", stream=True) for i in range(30)]
    of = spec(ttft_sigma=0.5, accuracy=[0.5])

    def drawn(responses: list, truth: list[dict]) -> dict[str, tuple]:
        by_id = {line["id"]: line for line in truth}
        lines = [by_id[events(r.text)[0]["id"]] for r in responses]
        return {t["digest"]: (content(r.text), t["right"], t["ttft_s"]) for t, r in zip(lines, responses, strict=True)}

    first = drawn(*posts(of, bodies, tmp_path))
    assert drawn(*posts(of, bodies[::-1], tmp_path, together=False)) == first
    assert len({ttft for _, _, ttft in first.values()}) == 30
    other = drawn(*posts(spec(ttft_sigma=0.5, accuracy=[0.5], seed=1), bodies, tmp_path))
    assert all(other[mark][2] != first[mark][2] for mark in first)


def test_the_requests_seed_tells_repeats_apart(tmp_path: Path) -> None:
    """The same question with the same seed is answered the same, with other seeds differently somewhere."""
    bodies = [asked("What is 2 + 2?", seed=seed) for seed in (1, 1, 2, 3, 4, 5)]
    responses, _ = posts(spec(), bodies, tmp_path)
    texts = [r.json()["choices"][0]["message"]["content"] for r in responses]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_the_truth_is_what_was_due_and_never_early(tmp_path: Path) -> None:
    """Every chunk has one instant, at or after received + ttft + k * gap, and all before the end."""
    of = spec(ttft_s=0.02, ttft_per_token_s=0.01, token_s=0.004, tokens_per_chunk=5, answer_tokens=40)
    responses, truth = posts(of, [asked("one two three", stream=True, max_tokens=33), asked("one")], tmp_path)
    streamed = next(line for line in truth if line["completion_tokens"] == 33)
    assert streamed["ttft_s"] == pytest.approx(0.02 + 10 * 0.01)  # 3 words, 4 tokens for the message, 3 for the prompt
    assert streamed["gap_s"] == pytest.approx(5 * 0.004)
    assert len(streamed["written_ns"]) == 7  # 33 tokens in chunks of 5
    for k, written in enumerate(streamed["written_ns"]):
        assert written >= streamed["received_ns"] + round(1e9 * (0.12 + 0.02 * k)) - 1
    assert streamed["written_ns"] == sorted(streamed["written_ns"])
    assert streamed["closed_ns"] >= streamed["written_ns"][-1]
    whole = next(line for line in truth if line is not streamed)
    chunks = -(-whole["completion_tokens"] // 5)
    assert [w >= whole["received_ns"] + 1e9 * (0.10 + 0.02 * (chunks - 1)) - 1 for w in whole["written_ns"]] == [True]
    assert sum(bool(c["delta"].get("content")) for e in events(responses[0].text) for c in e["choices"]) == 7


def test_it_is_right_as_often_as_its_difficulty_says(tmp_path: Path) -> None:
    """From an answers file: always right at level 1, never at 2 nor at the levels above; the box holds the answer."""
    rows = [((Message(role="user", content=f"riddle {i}"),), Fact(f"{i}/7", 1 + i % 3)) for i in range(60)]
    write_answers(tmp_path / "answers", rows)

    async def main() -> list[str]:
        of = spec(accuracy=[1.0, 0.0])
        async with serve_simulator(of, log=tmp_path / "log", answers=tmp_path / "answers") as end, client(end) as c:
            got = await asyncio.gather(*(c.post("chat/completions", json=asked(f"riddle {i}")) for i in range(60)))
        return [r.json()["choices"][0]["message"]["content"] for r in got]

    for i, text in enumerate(asyncio.run(main())):
        assert text.endswith("}")
        assert (text.rpartition("\\boxed")[2] == f"{{{i}/7}}") == (i % 3 == 0)


def test_a_stream_has_roles_reasoning_choices_usage_and_an_end(tmp_path: Path) -> None:
    """Two choices with reasoning: split by index, a finish reason each, usage and cost as computed by hand."""
    prices = {"prompt": "1.5", "completion": "10", "date": "2026-11-01"}
    of = spec(reasoning_tokens=4, answer_tokens=8, prices=prices)
    body = asked("a b  c\nd", stream=True, n=2, max_tokens=6, stream_options={"include_usage": True})
    (response,), _ = posts(of, [body], tmp_path)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    got = events(response.text)
    assert [e["choices"][0]["delta"]["role"] for e in got[:2]] == ["assistant", "assistant"]
    for index in (0, 1):
        assert len(content(response.text, index, "reasoning_content").split()) == 4
        assert len(content(response.text, index).split()) == 2
    reasons = [c["finish_reason"] for e in got for c in e["choices"] if c["finish_reason"]]
    assert reasons == ["length", "length"]
    assert got[-1]["choices"] == []
    assert got[-1]["usage"] == {
        "prompt_tokens": 11, "completion_tokens": 12, "total_tokens": 23, "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 8}, "estimated_cost": pytest.approx(11 * 1.5e-6 + 12 * 10e-6),
    }  # fmt: skip


def test_wrong_requests_are_refused_as_endpoints_do(tmp_path: Path) -> None:
    """Unknown model 404, a prompt and answer over the window of 107 tokens 400, nonsense 400, each with its code."""
    cases = [
        (404, "model_not_found", asked("hi") | {"model": "gpt"}),
        (400, "context_length_exceeded", asked("word " * 90, max_tokens=11)),
        (200, None, asked("word " * 90, max_tokens=10)),
        (400, "below_minimum_value", asked("hi", max_tokens=0)),
        (400, "below_minimum_value", asked("hi", n=0)),
        (400, "invalid_length", asked("hi") | {"messages": []}),
        (400, "invalid_type", asked("hi") | {"messages": "hi"}),
        (400, "missing_required_parameter", {"messages": [{"role": "user", "content": "hi"}]}),
    ]
    responses, _ = posts(spec(window=107), [body for _, _, body in cases], tmp_path)
    got = [(r.status_code, r.json().get("error", {}).get("code")) for r in responses]
    assert got == [(status, code) for status, code, _ in cases]


def test_paths_and_keys(tmp_path: Path) -> None:
    """The list of models needs the key, health does not; unknown paths, methods and broken JSON have their statuses."""

    async def main() -> list[int]:
        async with serve_simulator(spec(model="m-1"), log=tmp_path / "log") as endpoint, client(endpoint) as c:
            assert endpoint.note == "simulated answers and latencies; not a model"
            assert [m["id"] for m in (await c.get("models")).json()["data"]] == ["m-1"]
            nobody = {"Authorization": "Bearer other"}
            return [
                (await c.get("models", headers=nobody)).status_code,
                (await c.post("chat/completions", json=asked("hi"), headers=nobody)).status_code,
                (await c.get(endpoint.base_url.replace("/v1", "/health"), headers=nobody)).status_code,
                (await c.get("nowhere")).status_code,
                (await c.get("chat/completions")).status_code,
                (await c.post("chat/completions", content=b'{"model": ')).status_code,
            ]

    assert asyncio.run(main()) == [401, 401, 200, 404, 405, 400]


def test_requests_cut_into_bytes_and_sent_together_are_answered_in_order(tmp_path: Path) -> None:
    """Two pipelined requests, a byte per write, get two answers on one connection; then nonsense gets 400."""

    async def main() -> bytes:
        async with serve_simulator(spec(), log=tmp_path / "log") as endpoint:
            url = httpx.URL(endpoint.base_url)
            reader, writer = await asyncio.open_connection(url.host, url.port)
            both = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
            for byte in both:
                writer.write(bytes([byte]))
                await writer.drain()
            writer.write(b"nonsense\r\n\r\n")  # whole: what came after a hang-up would reset the connection
            answer = await reader.read()  # to the end: it hangs up
            writer.close()
            return answer

    assert re.findall(rb"HTTP/1\.1 (\d+)", asyncio.run(main())) == [b"200", b"401", b"400"]


def test_a_client_that_leaves_is_noted(tmp_path: Path) -> None:
    """A stream that was not read to its end is in the truth as incomplete, with what was written until then."""

    async def main() -> None:
        of = spec(answer_tokens=100_000)
        async with (
            serve_simulator(of, log=tmp_path / "log", truth=tmp_path / "truth") as endpoint,
            client(endpoint) as c,
        ):
            async with c.stream("POST", "chat/completions", json=asked("hi", stream=True)) as response:
                async for line in response.aiter_lines():
                    if '"content":"' in line and '"role"' not in line:
                        break
            while not (tmp_path / "truth").read_bytes().endswith(b"\n"):
                await asyncio.sleep(0.01)

    asyncio.run(main())
    truth = json.loads((tmp_path / "truth").read_text())
    assert truth["complete"] is False
    assert 1 <= len(truth["written_ns"]) < 75_000


def test_many_streams_at_once_are_all_whole(tmp_path: Path) -> None:
    """100 streams together: every one complete, with the tokens its usage says."""
    bodies = [asked(f"q {i}", stream=True, stream_options={"include_usage": True}) for i in range(100)]
    responses, truth = posts(spec(ttft_s=0.2), bodies, tmp_path)
    for response in responses:
        assert len(content(response.text).split()) == events(response.text)[-1]["usage"]["completion_tokens"]
    assert [line["complete"] for line in truth] == [True] * 100


def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """After SIGKILL of the process that started it, nobody listens on its port any more."""
    code = f"""
        import asyncio
        from pathlib import Path
        from evalrun.targets.simulator.spec import serve_simulator
        from evalrun.targets.spec import Simulator
        async def main():
            async with serve_simulator(Simulator(kind="simulator"), log=Path({str(tmp_path / "log")!r})) as endpoint:
                print(endpoint.base_url, flush=True)
                await asyncio.sleep(3600)
        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as parent:
        assert parent.stdout is not None
        url = httpx.URL(parent.stdout.readline().strip())
        assert url.port is not None
        parent.send_signal(signal.SIGKILL)
    assert nobody_listens(url)


def test_a_broken_answers_file_is_refused_with_its_line(tmp_path: Path) -> None:
    """The child's complaint comes out as the run's, file and line first."""
    path = tmp_path / "answers"
    write_answers(path, [((Message(role="user", content="a"),), Fact("1", 1))])
    path.write_text(path.read_text() + "nonsense\n")

    async def main() -> None:
        async with serve_simulator(spec(), log=tmp_path / "log", answers=path):
            pass

    with pytest.raises(SuiteError, match=f"^{path}:2: not an answers line: "):
        asyncio.run(main())


def test_a_busy_port_is_refused() -> None:
    """`serve sim --port N` on a port in use says so, before it says that it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        serving = serve_forever(
            spec(), host="127.0.0.1", port=port, key=Secret("k"), truth=None, answers=None, ready=pytest.fail
        )
        with pytest.raises(SuiteError, match=f"127.0.0.1:{port}: Address already in use; name a free port"):
            asyncio.run(serving)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("What is 12 + 30?", "42"),
        ("1+1. Then: 7 - 10 = ?", "-3"),
        ("0.1 + 0.2", "0.3"),
        ("6 × 7", "42"),
        ("-3 * 0", "0"),
        ("10 / 4", "2.5"),
        ("100 + 900", "1000"),
        ("1 / 3", None),
        ("1 / 0", None),
        ("no sum", None),
    ],
)
def test_sums_are_solved_exactly(text: str, answer: str | None) -> None:
    """The last sum of a text, in decimal; what does not come out even is not known."""
    assert solve(text) == (None if answer is None else Fact(answer, 1))


def test_wrong_answers_look_right_and_are_not() -> None:
    """One other digit, never 0; another letter; a word where there is neither."""
    import random

    dice = random.Random(0)
    for _ in range(200):
        assert wrong("1/2", dice) in {f"1/{d}" for d in "13456789"}
        assert wrong("10 km", dice) in {f"1{d} km" for d in "123456789"}
        assert wrong("B", dice) in {"A", "C", "D"}
        assert wrong("Paris", dice) == "unknown"
