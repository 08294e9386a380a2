"""How the simulator reads prompts: counted as it was told to, remembered by its prefix cache, timed by its law."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from evalrun.errors import SuiteError
from evalrun.targets.simulator.answers import Fact, write_answers
from evalrun.targets.simulator.spec import serve_simulator
from evalrun.targets.spec import Simulator
from evalrun.types import Message

WORDS_100 = " ".join(f"w{i}" for i in range(100))  # 107 tokens as a prompt: 4 for the message, 3 for the prompt


def spec(**fields: object) -> Simulator:
    quick = {"kind": "simulator", "ttft_s": 0.0, "token_s": 0.0, "answer_tokens": 8}
    return Simulator.model_validate_json(json.dumps(quick | fields))


def asked(*texts: str, **fields: object) -> dict[str, object]:
    return {"model": "sim", "messages": [{"role": "user", "content": text} for text in texts], **fields}


@contextlib.asynccontextmanager
async def served(of: Simulator, folder: Path, answers: Path | None = None) -> AsyncIterator[httpx.AsyncClient]:
    server = serve_simulator(of, log=folder / "log", folder=folder, truth=folder / "truth", answers=answers)
    async with server as endpoint:
        assert endpoint.key is not None
        headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
        async with httpx.AsyncClient(
            base_url=endpoint.base_url + "/", headers=headers, timeout=60, trust_env=False
        ) as client:
            yield client


def ask(of: Simulator, folder: Path, *bodies: dict[str, object]) -> tuple[list[httpx.Response], list[dict]]:
    """Ask one after another; give the responses and the truth."""

    async def main() -> list[httpx.Response]:
        async with served(of, folder) as client:
            return [await client.post("chat/completions", json=body) for body in bodies]

    responses = asyncio.run(main())
    return responses, truth(folder)


def truth(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "truth").read_text().splitlines()]


def write_tokenizer(path: Path) -> None:
    """Write a byte pair encoding that knows letters and one pair, "ab", and cuts at 5 tokens unless told not to."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {token: number for number, token in enumerate([*"abcdefghijklmnopqrstuvwxyz", "ab"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("a", "b")]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.enable_truncation(5)
    tokenizer.save(str(path))


@pytest.mark.parametrize(
    ("tokenizer", "short", "long"),
    [
        ("words", 2 + 2 + 11, 200_000 + 7),
        ("bytes", 9 + 7 + 11, 600_000 + 7),  # é has two
        ("files/tokenizer.json", 6 + 3 + 11, 200_000 + 7),  # b e b r i f, é unknown; ab ab ab
    ],
)
def test_prompts_are_counted_and_limited_by_the_chosen_tokenizer(
    tmp_path: Path, tokenizer: str, short: int, long: int
) -> None:
    """Usage says the text's tokens + 4 a message + 3, of 600 KB too; one token over the window is one too many."""
    (tmp_path / "files").mkdir()
    write_tokenizer(tmp_path / "files" / "tokenizer.json")
    large = "ab " * 200_000
    bodies = [
        asked("be bréif", "abab ab", max_tokens=5),
        asked(large, max_tokens=5),
        asked(large, max_tokens=6),
    ]
    (first, second, third), _ = ask(spec(tokenizer=tokenizer, window=long + 5), tmp_path, *bodies)
    assert first.json()["usage"]["prompt_tokens"] == short
    assert second.json()["usage"]["prompt_tokens"] == long
    assert (third.status_code, third.json()["error"]["code"]) == (400, "context_length_exceeded")


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), (b"{}", "not a tokenizer"), (b"\xff", "not a tokenizer")]
)
def test_a_tokenizer_that_cannot_be_used_is_refused(tmp_path: Path, content: bytes | None, why: str) -> None:
    """Missing or no tokenizer at all: the start fails with the file's path and what would be right."""
    path = tmp_path / "t.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SuiteError, match=f"^target.tokenizer: {path}: {why}.*; would be right: `words`, `bytes`"):
        ask(spec(tokenizer="t.json"), tmp_path, asked("hi"))


def test_the_time_to_first_token_follows_the_law(tmp_path: Path) -> None:
    """0.01 s + 1 ms x n + 10 us x n^2 for n = 107 and 8 tokens, and never sooner."""
    of = spec(ttft_s=0.01, ttft_per_token_s=0.001, ttft_per_token2_s=1e-5)
    _, (long, short) = ask(of, tmp_path, asked(WORDS_100, stream=True), asked("one", stream=True))
    assert long["ttft_s"] == pytest.approx(0.01 + 0.107 + 0.11449)
    assert short["ttft_s"] == pytest.approx(0.01 + 0.008 + 0.00064)
    for line in (long, short):
        assert line["written_ns"][0] >= line["received_ns"] + round(1e9 * line["ttft_s"])


PREFIXES = [  # prompt, tokens served from the cache: whole blocks of 16, never the last token
    (WORDS_100, 0),
    (WORDS_100, 96),  # 106 that may be
    (WORDS_100.replace("w50", "other"), 48),  # 4 + 50 equal ones
    (WORDS_100 + " more", 96),  # 4 + 100 equal ones
    ("nonce " + WORDS_100, 0),
]


@pytest.mark.parametrize("kind", ["off", "reported", "silent"])
def test_a_repeated_prefix_is_served_from_the_cache(tmp_path: Path, kind: str) -> None:
    """The truth has the cached tokens and a time without their cost; usage and price only where they are reported."""
    prices = {"prompt": "10", "completion": "0", "cached": "1", "date": "2026-11-01"}
    of = spec(prefix_cache=kind, ttft_per_token_s=1e-4, ttft_per_token2_s=1e-6, prices=prices)
    responses, lines = ask(of, tmp_path, *(asked(text) for text, _ in PREFIXES))
    for (text, shared), response, line in zip(PREFIXES, responses, lines, strict=True):
        n, cached = len(text.split()) + 7, 0 if kind == "off" else shared
        usage = response.json()["usage"]
        told = cached if kind == "reported" else 0
        assert line["cached_tokens"] == cached
        assert line["ttft_s"] == pytest.approx(1e-4 * (n - cached) + 1e-6 * (n * n - cached * cached))
        assert usage.get("prompt_tokens_details") == (None if kind == "silent" else {"cached_tokens": told})
        assert usage["prompt_tokens"] == n
        assert usage["estimated_cost"] == pytest.approx((10 * (n - told) + told) / 1e6)
    assert responses[0].json()["choices"] == responses[1].json()["choices"]


def test_the_cache_keeps_the_latest_prompts(tmp_path: Path) -> None:
    """Of two kept, the one asked longest ago goes; a prompt that is asked again is a late one again."""
    a, b, c = (asked(f"{letter} {WORDS_100}") for letter in "abc")
    _, lines = ask(spec(prefix_cache="silent", prefix_cache_prompts=2), tmp_path, a, b, a, c, a, b)
    assert [line["cached_tokens"] for line in lines] == [0, 0, 96, 0, 96, 0]


def test_other_streams_go_on_while_a_large_prompt_is_counted(tmp_path: Path) -> None:
    """Between the receipt of 3 MB and its answer's first token, due at once, chunks of another stream were written."""
    write_tokenizer(tmp_path / "t.json")
    of = spec(tokenizer="t.json", token_s=0.001, answer_tokens=100_000)

    async def main() -> None:
        async with (
            served(of, tmp_path) as client,
            client.stream("POST", "chat/completions", json=asked("hi", stream=True)) as other,
        ):
            chunks = other.aiter_bytes()  # held: without it the stream would be closed
            assert await anext(chunks)
            large = asked("ab " * 1_000_000, stream=True, max_tokens=1)
            assert (await client.post("chat/completions", json=large)).status_code == 200

    asyncio.run(main())
    other, large = sorted(truth(tmp_path), key=lambda line: line["received_ns"])
    assert large["prompt_tokens"] == 1_000_007
    meanwhile = {written for written in other["written_ns"] if large["received_ns"] < written < large["written_ns"][0]}
    assert len(meanwhile) > 5  # one could be written just before the counting


def test_a_client_that_leaves_while_its_prompt_is_counted_is_noted(tmp_path: Path) -> None:
    """Its line in the truth is incomplete and has nothing written."""

    async def main() -> None:
        async with served(spec(ttft_s=3600), tmp_path) as client:
            url = client.base_url
            body = json.dumps(asked("ab " * 1_000_000, stream=True)).encode()
            head = (
                f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
            )
            assert url.port is not None
            _, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            writer.close()
            async with asyncio.timeout(60):
                while not (tmp_path / "truth").read_bytes():
                    await asyncio.sleep(0.01)

    asyncio.run(main())
    (line,) = truth(tmp_path)
    assert (line["complete"], line["written_ns"]) == (False, [])


def test_answers_that_are_appended_while_it_runs_are_found(tmp_path: Path) -> None:
    """A question is unknown before its line is written whole, and known after; a broken line is refused by name."""
    path = tmp_path / "answers"

    def row(name: str) -> tuple[tuple[Message], Fact]:
        return (Message(role="user", content=f"riddle {name}"),), Fact(f"<{name}>", 1)

    async def main() -> list[httpx.Response]:
        write_answers(path, [row("one")])
        async with served(spec(accuracy=[1.0]), tmp_path, answers=path) as client:

            async def said(name: str) -> httpx.Response:
                return await client.post("chat/completions", json=asked(f"riddle {name}"))

            got = [await said("one"), await said("two")]
            write_answers(path, [row("two"), row("three")], append=True)
            whole = path.read_bytes()
            path.write_bytes(whole[:-1])
            got += [await said("two"), await said("three")]
            path.write_bytes(whole)
            got += [await said("three")]
            path.write_bytes(whole + b"nonsense\n")
            return [*got, await said("one"), await said("four")]

    *known, four = asyncio.run(main())
    texts = [response.json()["choices"][0]["message"]["content"] for response in known]
    boxes = [text.partition("\\boxed{")[2] for text in texts]
    assert boxes == ["<one>}", "", "<two>}", "", "<three>}", "<one>}"]
    assert four.status_code == 500
    assert four.json()["error"]["message"].startswith(f"{path}:4: not an answers line: ")
