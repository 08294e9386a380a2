"""The embedded model: refused clearly where it cannot run, and a real model's answers where it can."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import pytest
from loopback import nobody_listens

from evalrun.errors import SuiteError
from evalrun.targets.embedded.weights import SMOLLM2, fetch
from evalrun.targets.kind import Needs
from evalrun.targets.spec import Embedded

ROOT = Path(__file__).parents[2]

pytest.importorskip("xllamacpp", reason="the embedded model's engine is not installed: pip install 'evalrun[local]'")


async def enter(tmp_path: Path, *, slots: int = 1, **fields: object) -> None:
    of = Embedded(kind="embedded", **fields)  # type: ignore[arg-type]
    async with of.serve("log", Needs(folder=tmp_path, logs=tmp_path, slots=slots)):
        pass


def test_a_missing_and_a_wrong_file_are_told_apart(tmp_path: Path) -> None:
    """No file: what would be right. A file that is no GGUF: what it starts with. Neither starts anything."""
    with pytest.raises(SuiteError, match=r"none\.gguf: No such file or directory; would be right: 'SmolLM2-135M"):
        asyncio.run(enter(tmp_path, model="none.gguf"))
    (tmp_path / "page.gguf").write_text("<html>")
    with pytest.raises(SuiteError, match=r"page\.gguf: not a GGUF file \(it starts with b'<htm'"):
        asyncio.run(enter(tmp_path, model="page.gguf"))
    assert not (tmp_path / "log.log").exists()


def test_more_slots_than_memory_are_refused(tmp_path: Path) -> None:
    """100,000 windows of 8,192 tokens are 19 TB; the message says what to lower."""
    with pytest.raises(SuiteError, match=r"100000 slots of 8192 tokens need 18874\.\d GB .* lower load\.concurrency"):
        asyncio.run(enter(tmp_path, slots=100_000))


def test_the_engine_says_what_is_wrong_with_a_broken_file(tmp_path: Path) -> None:
    """A GGUF cut short is refused in the engine's own words, not with its one error for everything."""
    (tmp_path / "cut.gguf").write_bytes(b"GGUF\x03\x00\x00\x00" + bytes(100))
    with pytest.raises(SuiteError, match=r"llama\.cpp cannot use .*cut\.gguf: .*; its log is") as caught:
        asyncio.run(enter(tmp_path, model="cut.gguf"))
    assert "check the input params" not in str(caught.value)


QUESTION = {
    "messages": [{"role": "user", "content": "What is 2+2?"}],
    "temperature": 0, "max_tokens": 24, "cache_prompt": False,
    "stream": True, "stream_options": {"include_usage": True},
}  # fmt: skip


@pytest.mark.model
def test_the_real_model_answers(tmp_path: Path) -> None:
    """2+2 is 4, streamed, with usage and no cached tokens; asked again alone, the same text; it names itself small."""
    said: list[str] = []

    async def main() -> list[list[dict]]:
        of = Embedded(kind="embedded", context=1024)
        async with of.serve("log", Needs(folder=tmp_path, logs=tmp_path, slots=2, notify=said.append)) as end:
            assert end.key is not None
            assert end.note.startswith("embedded SmolLM2-135M-Instruct (135M parameters, Q4_1) on this machine's CPU, ")
            assert end.facts["weights_sha256"] == SMOLLM2.sha256
            assert (end.facts["slots"], end.facts["context"]) == (2, 1024)
            answers = []
            headers = {"Authorization": f"Bearer {end.key.reveal()}", **end.headers}
            async with httpx.AsyncClient(base_url=end.base_url, timeout=120, trust_env=False) as client:
                assert (await client.post("/chat/completions", json=QUESTION, headers=end.headers)).status_code == 401
                for _ in range(2):
                    body = {"model": end.model, **QUESTION}
                    text = (await client.post("/chat/completions", json=body, headers=headers)).text
                    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
                    assert lines.pop() == "[DONE]"
                    answers.append([json.loads(line) for line in lines])
        return answers

    first, again = asyncio.run(main())
    texts = ["".join(c["delta"].get("content") or "" for e in es for c in e["choices"]) for es in (first, again)]
    assert "4" in texts[0]
    assert texts[0] == texts[1]
    usage = first[-1]["usage"]
    assert usage["prompt_tokens"] > 10
    assert 0 < usage["completion_tokens"] <= 24
    assert again[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] == 0


@pytest.mark.model
def test_it_dies_with_a_parent_that_is_killed_and_serves_any_gguf(tmp_path: Path) -> None:
    """A GGUF by its path is named after its file; after SIGKILL of the run nobody listens on its port any more."""
    (tmp_path / "other.gguf").symlink_to(asyncio.run(fetch()))
    code = f"""
        import asyncio
        from pathlib import Path
        from evalrun.targets.kind import Needs
        from evalrun.targets.spec import Embedded
        async def main():
            of, folder = Embedded(kind="embedded", model="other.gguf", context=512), Path({str(tmp_path)!r})
            async with of.serve("log", Needs(folder=folder, logs=folder, slots=1)) as endpoint:
                print(endpoint.base_url, endpoint.note, flush=True)
                await asyncio.sleep(3600)
        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as parent:
        assert parent.stdout is not None
        address, _, note = parent.stdout.readline().partition(" ")
        url = httpx.URL(address)
        assert url.port is not None
        parent.send_signal(signal.SIGKILL)
    assert note.startswith("embedded other (135M parameters) on this machine's CPU")
    assert nobody_listens(url)
