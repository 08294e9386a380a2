"""The whole command against a faulty server: exit codes, what is said, what is kept, and that no key leaks (R9).

`python -m evalrun run` in a child process. Signals, disks and locks are not tried here.
"""

import base64
import json
import os
import re
import resource
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from asking import KEY
from fault_server import (
    CLOSE,
    DONE,
    STOP,
    FaultServer,
    Script,
    answer,
    chunked,
    ends,
    event,
    refuses,
    says,
    stream,
    usage,
)
from spellings import spellings

REPOSITORY = Path(__file__).parents[2]
FINE = stream(says("2"), STOP, usage(10, 5), DONE)
COST = Decimal(10 * 1 + 5 * 2) / 1_000_000  # of FINE, by PRICES
PRICES = {"prompt": 1, "completion": 2, "date": "2026-01-01"}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended, and what its results folder holds."""

    code: int
    out: str
    err: str
    run: Path | None

    @property
    def records(self) -> list[Any]:
        assert self.run is not None
        lines = (json.loads(line) for line in (self.run / "journal.jsonl").read_text().splitlines())
        return [line for line in lines if line["t"] == "record"]

    def cell(self, name: str) -> Any:
        """Return a metric of the only task's cell in table.json."""
        assert self.run is not None
        table = json.loads((self.run / "table.json").read_text())
        (cell,) = (cell for cell in table["cells"] if cell["task"] == "sums")
        return next(metric["value"] for metric in cell["metrics"] if metric["name"] == name)


@dataclass(frozen=True)
class Evalrun:
    """Runs the command in a folder with a suite of sums; every answer there is `2`, and so are the expected ones."""

    folder: Path

    def __call__(
        self,
        url: str,
        *options: str,
        rows: int = 5,
        target: dict[str, Any] | None = None,
        limits: dict[str, Any] | None = None,
        expected: str = "2",
        task: dict[str, Any] | None = None,
        second: str = "",
        prepare: Callable[[], None] | None = None,
    ) -> Ended:
        sums = {
            "data": {"kind": "inline", "rows": [{"q": f"{n} - {n - 2}?", "a": expected} for n in range(rows)]},
            "prompt": {"template": "{{ q }}", "expected": "{{ a }}"},
            "sampling": {"max_tokens": 16},
            "scorers": [{"kind": "exact"}],
            **(task or {}),
        }
        suite = {
            "name": "faults",
            "tasks": {"sums": sums, **({second: sums} if second else {})},
            "load": {"concurrency": 1},
            "limits": {"retries": {"backoff_s": [0.01, 0.02]}, "connect_s": 5, "first_byte_s": 10, **(limits or {})},
        }
        spec = {"kind": "http", "base_url": url, "model": "gpt-good", "key_env": "EVALRUN_CANARY", **(target or {})}
        (self.folder / "suite.yaml").write_text(json.dumps(suite))
        (self.folder / "endpoint.yaml").write_text(json.dumps(spec))
        ended = subprocess.run(
            [sys.executable, "-m", "evalrun", "run", "suite.yaml", "-t", "endpoint.yaml", "--out", "out", *options],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "EVALRUN_CANARY": KEY},
            capture_output=True,
            text=True,
            timeout=60,
            preexec_fn=prepare,
        )
        assert "Traceback" not in ended.stderr
        runs = sorted((self.folder / "out").glob("faults/*/"))
        return Ended(code=ended.returncode, out=ended.stdout, err=ended.stderr, run=runs[-1] if runs else None)


@pytest.fixture
def evalrun(tmp_path: Path) -> Evalrun:
    return Evalrun(tmp_path)


def assert_no_key(ended: Ended, folder: Path) -> None:
    """The key is in nothing that was printed or stored, in no spelling."""
    texts = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    texts |= {"stdout": ended.out.encode(), "stderr": ended.err.encode()}
    assert len(texts) > 4
    leaks = [
        (name, how)
        for how, text in spellings(KEY).items()
        for spelling in {text.rstrip("="), json.dumps(text)[1:-1].rstrip("=")}
        for name, found in texts.items()
        if spelling.encode() in found
    ]
    assert leaks == []


# ---------------------------------------------------------------- 0: it went well


def test_exit_0(evalrun: Evalrun) -> None:
    """Everything answered and scored is exit 0, and the numbers are those of the server."""
    with FaultServer([FINE]) as server:
        ended = evalrun(server.url)
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert ended.code == 0, ended.err
    assert len(ended.records) == 5
    assert_no_key(ended, evalrun.folder)


def test_n16_server_that_dies_and_comes_back(evalrun: Evalrun) -> None:
    """N16: killed in the middle of a run and started again on its port: every sample is answered, exit 0."""
    with FaultServer() as first:
        second: list[FaultServer] = []

        def restart() -> None:
            first.die()
            second.append(FaultServer([FINE], port=first.port).__enter__())

        first.scripts = ([FINE], [FINE], [restart])
        ended = evalrun(first.url)
    second[0].die()
    assert ended.code == 0, ended.err
    assert [record["outcome"]["type"] for record in ended.records] == ["completion"] * 5
    assert [len(first.requests), len(second[0].requests)] == [3, 3]


# ---------------------------------------------------------------- 2: refused, nothing was sent


@pytest.mark.parametrize(
    ("target", "options", "says"),
    [
        pytest.param({"key_env": "EVALRUN_UNSET"}, [], "EVALRUN_UNSET is not set", id="H03-no key"),
        pytest.param({}, ["--max-cost", "1"], "needs prices", id="M01-cap without prices"),
        pytest.param(
            {"prices": PRICES}, ["--max-cost", "0.000001"], "below one request", id="M04-cap below one request"
        ),
    ],
)
def test_exit_2(evalrun: Evalrun, target: dict[str, Any], options: list[str], says: str) -> None:
    """What can be known beforehand is refused before a byte is sent: exit 2, and no results folder."""
    with FaultServer([FINE]) as server:
        ended = evalrun(server.url, *options, target=target)
        assert server.connections == 0
    assert (ended.code, ended.run) == (2, None), ended.err
    assert says in ended.err


# ---------------------------------------------------------------- 3: no verdict

MODELS: Script = [answer(200, {"data": [{"id": "gpt-goods"}, {"id": "llama"}]})]
ECHO = f"Incorrect API key provided: {KEY}, that is {base64.b64encode(KEY.encode()).decode()}"

UNUSABLE = [
    pytest.param(
        [refuses(401, ECHO)], [refuses(401, ECHO)], 1, ["EVALRUN_CANARY", "Incorrect API key"], id="H03-key refused"
    ),
    pytest.param(
        [refuses(403, ECHO)], None, 1, ["EVALRUN_CANARY", "Incorrect API key"], id="H03-key refused by chat alone"
    ),
    pytest.param(
        [refuses(402, "top up")], None, 1, ["top up", "go on with: evalrun run suite.yaml"], id="H04-no money left"
    ),
    pytest.param([refuses(404, "no such model")], MODELS, 1, ["no such model", "gpt-goods"], id="H06-model unknown"),
    pytest.param(
        [refuses(400, "seed: no")], None, 3, ["the first 3 requests were refused", "change seed"], id="H01-all 400"
    ),
    pytest.param([refuses(429)], None, None, ["lower --concurrency"], id="H14-everything 429"),
    pytest.param(
        [answer("302 Found", location="https://else.where/x")], None, 1, ["https://else.where"], id="H16-redirect"
    ),
    pytest.param(
        [answer(404, b"<title>Not Found</title>")],
        MODELS,
        1,
        ["a web page, 'Not Found'", "base_url is what precedes /chat/completions"],
        id="H06-no such path",
    ),
    pytest.param(
        [stream({"error": {"message": "x", "code": "invalid_model"}})],
        MODELS,
        1,
        ["it lists gpt-goods"],
        id="H17-model unknown, inside a stream",
    ),
    pytest.param(
        [answer(200, b"<title>Web UI</title>")],
        None,
        3,
        ["got no completion", "ends in /v1"],
        id="N15-a page for everything",
    ),
]


@pytest.mark.parametrize(("script", "models", "requests", "says"), UNUSABLE)
def test_exit_3_unusable(
    evalrun: Evalrun, script: Script, models: Script | None, requests: int | None, says: list[str]
) -> None:
    """An endpoint that can answer nobody ends the run after as few requests as tell: exit 3, the reason, no key."""
    with FaultServer(script, models=models) as server:
        ended = evalrun(server.url, rows=40)
        assert len(server.requests) == requests or (requests is None and len(server.requests) < 40)
    assert ended.code == 3, ended.err
    assert [part for part in says if part not in ended.err] == []
    assert_no_key(ended, evalrun.folder)


LISTS = {
    "401": [refuses(401, "Missing scopes: api.model.read")], "302": [answer("302 Found", location="https://else.where")],
    "403": [refuses(403)], "page": [answer(200, b"<html>")], "500": [refuses(500)], "hangs up": [CLOSE],
    "list of nothing": [answer(200, [1, {}])],
}  # fmt: skip


@pytest.mark.parametrize("models", LISTS.values(), ids=LISTS)
def test_h03_what_the_list_of_models_answers_stops_nothing(evalrun: Evalrun, models: Script) -> None:
    """H03, H06, H16: a key may be allowed to chat and not to list; only the advice after a model error is lost."""
    with FaultServer([FINE], models=models) as server:
        ended = evalrun(server.url)
    assert ended.code == 0, ended.err


def test_h06_model_list_can_be_switched_off(evalrun: Evalrun) -> None:
    """H06: no GET reaches the server."""
    asked: list[int] = []
    with FaultServer([FINE], models=[lambda: asked.append(1), answer(404)]) as server:
        assert evalrun(server.url, target={"quirks": {"list_models": False}}).code == 0
        assert asked == []
        assert evalrun(server.url).code == 0
        assert asked == [1]


def test_key_in_a_header_of_another_name(evalrun: Evalrun) -> None:
    """The key alone in `key_header`, the query behind the path, in every request; neither is stored."""
    target = {"key_header": "api-key", "query": {"api-version": "2024-10-21", "sig": "${EVALRUN_CANARY}"}}
    with FaultServer([answer(200, ECHO.encode())], models=[answer(404)]) as server:
        ended = evalrun(server.url, target=target)
        request = server.requests[0]
    assert (request.headers["api-key"], "authorization" in request.headers) == (KEY, False)
    assert request.path == f"/v1/chat/completions?api-version=2024-10-21&sig={urllib.parse.quote(KEY, safe='')}"
    assert_no_key(ended, evalrun.folder)


NOWHERE = ".".join([*(letter * 60 for letter in "abcde"), "invalid"])


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param(f"https://{NOWHERE}/v1", ["no address is known", NOWHERE], id="N01-no such host"),
        pytest.param("http://127.0.0.1:1/v1", ["127.0.0.1:1", "is the server running"], id="N02-connection refused"),
    ],
)
def test_exit_3_unreachable(evalrun: Evalrun, url: str, says: list[str]) -> None:
    """Nobody there at the start is said at once: exit 3, the host is named, nothing is recorded."""
    ended = evalrun(url)
    assert ended.code == 3, ended.err
    assert [part for part in says if part not in ended.err] == []
    assert ended.records == []


def test_c05_all_fail(evalrun: Evalrun) -> None:
    """C05: a task of which nothing was answered has no accuracy, which is not one of 0; exit 3."""
    with FaultServer([stream(says("2")), CLOSE]) as server:
        ended = evalrun(server.url)
    assert ended.code == 3, ended.err
    assert [record["outcome"]["kind"] for record in ended.records] == ["truncated"] * 5
    assert ended.cell("accuracy") is None
    assert re.search(r"n +failed +accuracy\n.*\n *endpoint +5 +5 +-\n", ended.out), ended.out
    assert "no verdict" in ended.err


def test_wrong_answers_are_no_failure(evalrun: Evalrun) -> None:
    """C05's counterpart: wrong answers are an accuracy of 0 and exit 0."""
    with FaultServer([FINE]) as server:
        ended = evalrun(server.url, expected="3")
    assert ended.code == 0, ended.err
    assert ended.cell("accuracy") == 0


# ---------------------------------------------------------------- 4: the cap


def test_m03_cap_then_more_money(evalrun: Evalrun) -> None:
    """M03: the run stops in front of its cap (exit 4); the same command with more money asks only what is missing."""
    priced = {"prices": PRICES}
    with FaultServer([FINE]) as server:
        # a request's worst case is near (1024 + 100 bytes) x 1 + 16 x 2 micro-dollars: the cap allows for a few
        first = evalrun(server.url, "--max-cost", "0.00122", rows=20, target=priced)
        asked = len(server.requests)
        assert first.code == 4, first.err
        assert 1 <= asked < 20
        assert asked * COST <= Decimal("0.00122")
        second = evalrun(server.url, "--max-cost", "0.01", rows=20, target=priced)
        assert len(server.requests) == 20
    assert second.code == 0, second.err
    assert second.run == first.run
    assert f"resuming: {asked} of 20" in second.err
    assert len(second.records) == 20


# ---------------------------------------------------------------- what else must not happen


def test_o13_model_that_repeats_the_key(evalrun: Evalrun) -> None:
    """O13, R9: a model that says the key, whole or split over chunks, leaves no trace of it in any file."""
    encoded = urllib.parse.quote(KEY, safe="")
    echoes = stream(says(f"{KEY} {encoded} "), says(KEY[:7]), says(KEY[7:]), says(reasoning_content=KEY), STOP, DONE)
    with FaultServer(
        [echoes], [answer(200, KEY.encode())], [refuses(500, ECHO)], [refuses(400, ECHO)], [FINE]
    ) as server:
        ended = evalrun(server.url, limits={"max_failed_share": 1})
    assert ended.code == 0, ended.err
    assert "*** *** ***" in (ended.run / "journal.jsonl").read_text() if ended.run else ""
    assert_no_key(ended, evalrun.folder)


def test_o13_no_spelling_of_the_key_is_kept_from_any_place(evalrun: Evalrun) -> None:
    """O13, R9: 36 spellings in 22 places that a server can write to: in no file, and in nothing that is printed."""
    every = " ".join(spellings(KEY).values())
    error = {"message": every, "type": every, "param": every, "code": every}
    call = {"index": 0, "id": every, "type": "function", "function": {"name": every, "arguments": every}}
    named = {**says("2"), "id": every, "model": every, "system_fingerprint": every}
    page = f"<html><head><title>{every}</title></head><body>{every}</body></html>".encode()
    scripts: list[Script] = [
        [stream(named, says(every), says(reasoning_content=every), says(refusal=every), STOP, DONE)],
        [stream(says(tool_calls=[call]), ends("tool_calls"), DONE)],
        [stream(says("2"), ends(every), usage(1, 1, prompt_tokens_details=every), DONE)],
        [stream(says("2"), {"error": error}, DONE)],
        [chunked(f": {every}\n\n".encode(), *map(event, (says("2"), STOP, DONE)))],
        [chunked(f"event: {every}\ndata: {every}\n\n".encode(), *map(event, (says("2"), STOP, DONE)))],
        [answer(200, {"error": error})], [answer(200, every.encode())], [answer(200, page)],
        [answer(400, {"error": error})], [answer(422, {"detail": every})], [answer(413, page)],
        [answer(f"400 {every[:200]}", b"no", **{"x-request-id": every, "retry-after": every})],
        [answer(302, b"", location=f"http://127.0.0.1/{every[:500]}")],
    ]  # fmt: skip
    models: Script = [answer(200, {"data": [{"id": every}], "object": every})]
    with FaultServer(*scripts, models=models) as server:
        ended = evalrun(server.url, rows=len(scripts), limits={"max_failed_share": 1})
        assert len(server.requests) >= len(scripts)
    assert_no_key(ended, evalrun.folder)


def test_n18_few_files_may_be_opened(evalrun: Evalrun) -> None:
    """N18: 64 requests do not fit into 96 open files: fewer are in flight, it is said, and the run is whole."""
    with FaultServer([FINE]) as server:
        ended = evalrun(
            server.url,
            "--concurrency",
            "64",
            rows=64,
            prepare=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96)),
        )
    assert ended.code == 0, ended.err
    assert "the limit of open files" in ended.err
    assert len(ended.records) == 64


# ---------------------------------------------------------------- the load that was really used


def loads(ended: Ended) -> list[tuple[int, str, str, int, str]]:
    """Return what the journal says of the requests in flight, in order."""
    assert ended.run is not None
    lines = (json.loads(line) for line in (ended.run / "journal.jsonl").read_text().splitlines())
    found = [line for line in lines if line["t"] == "load"]
    assert all(line["at_s"] >= 0 for line in found)
    return [tuple(line[name] for name in ("session", "target", "task", "limit", "why")) for line in found]


def test_load_is_noted_when_it_is_cut_and_when_it_recovers(evalrun: Evalrun) -> None:
    """Four in flight, the first request answered 429: two are left; the next two answers give one slot back, the three
    after them another."""
    with FaultServer([refuses(429)], [FINE]) as server:
        ended = evalrun(server.url, "--concurrency", "4", rows=12)
    assert ended.code == 0, ended.err
    place = (1, "endpoint", "sums")
    assert loads(ended) == [
        (*place, 4, "planned"),
        (*place, 2, "refused"),
        (*place, 3, "recovered"),
        (*place, 4, "recovered"),
    ]


def test_load_of_a_resumed_session_is_its_own(evalrun: Evalrun) -> None:
    """Resumed with another --concurrency, a run holds both limits, each with its session; none of a task that had
    nothing left to ask."""
    with FaultServer(*[[FINE]] * 7, [refuses(401)]) as server:
        first = evalrun(server.url, "--concurrency", "1", second="more")
    assert first.code == 3
    with FaultServer([FINE], port=server.port) as server:
        again = evalrun(server.url, "--concurrency", "3", second="more")
    assert (again.code, again.run) == (0, first.run), again.err
    assert loads(again) == [
        (1, "endpoint", "sums", 1, "planned"),
        (1, "endpoint", "more", 1, "planned"),
        (2, "endpoint", "more", 3, "planned"),
    ]


def test_load_says_that_open_files_held_it_down(evalrun: Evalrun) -> None:
    """Where the machine allows fewer sockets than were wanted, the limit really used is noted, and why."""
    files = 64 + 20  # 64 are spare, see transport.machine; the process has a few of its own

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    with FaultServer([FINE]) as server:
        ended = evalrun(server.url, "--concurrency", "50", prepare=few)
    assert ended.code == 0, ended.err
    ((*_, limit, why),) = loads(ended)
    assert why == "open files"
    assert 1 <= limit < 20


def test_folder_of_an_older_format_is_refused(evalrun: Evalrun) -> None:
    """Exit 5 and a way out: neither read nor resumed, and --new starts another run beside it."""
    with FaultServer([FINE]) as server:
        first = evalrun(server.url)
        assert first.run is not None
        path = first.run / "manifest.json"
        path.write_text("{" + path.read_text().partition(",")[2].replace('"schema": 3', '"schema": 1'))
        (first.run / "delivered").unlink()  # as if it was never shown
        again = evalrun(server.url)
        assert again.code == 5
        assert "format 1, written by evalrun" in again.err
        assert "--new" in again.err
        other = evalrun(server.url, "--new")
    assert other.code == 0, other.err


def test_ladder_of_an_endpoint_that_counts_nothing(evalrun: Evalrun) -> None:
    """The same prompt_tokens for every prompt: a failure of the target with its counts, exit 3, and no bug."""
    data = {"kind": "ladder", "probe": {"kind": "passkey"}, "sizes": [256], "per_size": 1}
    ladder = {"data": data, "prompt": {"template": "{{ prompt }}", "expected": "{{ answer }}"}}
    with FaultServer([FINE]) as server:
        ended = evalrun(server.url, task=ladder)
        assert len(server.requests) == 4
    assert ended.code == 3
    assert ended.records == []
    assert "endpoint: no prompt of task sums can be made to size" in ended.err
    assert ended.err.count("10 for ") == 3
