"""The hub source against a hub of our own on the loopback: rows, cache, and what each failure tells the user."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from evalrun.data.hub import Hub
from evalrun.data.places import Places
from evalrun.errors import SuiteError

COMMIT = "a" * 40
OTHER = "b" * 40
CARD = b"---\nconfigs:\n- config_name: main\n  data_files: [{split: test, path: data/test.jsonl}]\n---\n"
FILES = {
    "README.md": CARD,
    "data/test.jsonl": b'{"q": "1+1", "a": "2"}\n{"q": "1+2", "a": "3"}\n',
}
# In a child: `datasets` reads the hub's address once, when it is imported.
CHILD = """
import sys
from pathlib import Path
from evalrun.data.hub import Hub
from evalrun.data.places import Places
from evalrun.errors import SuiteError
for name in sys.argv[1:]:
    id, _, rest = name.partition("@")
    revision, _, split = rest.partition(":")
    hub = Hub(kind="hub", id=id, split=split or "test", revision=revision or None)
    try:
        print(name, list(hub.rows(Places(root=Path("."), on_notice=print))))
    except SuiteError as error:
        print(name, "refused:", error)
"""


class OwnHub(http.server.BaseHTTPRequestHandler):
    """Just enough of the hub's protocol; `o/<word>` decides what happens."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        return

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path, _, _ = self.path.partition("?")
        if "/o/missing" in path:
            self.answer(401, {"X-Error-Code": "RepoNotFound"})
        elif "/o/gated" in path:
            self.answer(
                403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to dataset o/gated is restricted"}
            )
        elif "/tree/" in path:
            files = [{"type": "file", "path": n, "size": len(b), "oid": "0" * 40} for n, b in FILES.items() if "/" in n]
            self.answer(200, {}, json.dumps(files).encode())
        elif path.startswith("/api/"):
            self.answer(200, {}, json.dumps({"id": "o/x", "sha": COMMIT, "siblings": []}).encode())
        elif path.endswith("/scripted.py"):
            self.answer(200, {"ETag": f'"{"e" * 40}"', "X-Repo-Commit": COMMIT}, b"pass")
        elif "/o/good" in path and (body := FILES.get(path.split(f"/{COMMIT}/")[-1].split("/main/")[-1])):
            self.answer(200, {"ETag": f'"{len(body):040}"', "X-Repo-Commit": COMMIT}, body)
        else:
            self.answer(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def endpoint() -> Iterator[str]:
    """A running hub's address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), OwnHub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def read(home: Path, endpoint: str, *names: str, **env: str) -> dict[str, str]:
    """Read data sets in a child; give what it printed, by name."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *names],
        env={**clean, "HF_HOME": str(home), "HF_ENDPOINT": endpoint, **env},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in child.stdout.splitlines()}


@pytest.mark.slow
def test_rows_cache_and_refusals(tmp_path: Path, endpoint: str) -> None:
    """Rows come; missing, gated, scripted and unknown split say what to do (D10, D12); offline reads the cache and
    only the commit that is pinned (D11)."""
    rows = "[{'q': '1+1', 'a': '2'}, {'q': '1+2', 'a': '3'}]"
    said = read(tmp_path, endpoint, "o/missing", "o/gated", "o/scripted", "o/good", f"o/good@{COMMIT}", "o/good@:tset")
    assert "check the id; if it is private or gated, set HF_TOKEN" in said["o/missing"]
    assert "accept its terms on its page, then set HF_TOKEN" in said["o/gated"]
    assert "loading scripts are no longer supported; use a copy in Parquet" in said["o/scripted"]
    assert "set `split` to one of its splits" in said["o/good@:tset"]
    assert all("--set tasks.NAME.data='{kind: jsonl" in said[name] for name in ("o/missing", "o/gated", "o/scripted"))
    assert said["o/good"] == said[f"o/good@{COMMIT}"] == rows

    said = read(tmp_path, endpoint, f"o/good@{COMMIT}", f"o/good@{OTHER}", "o/good", "o/new", HF_HUB_OFFLINE="1")
    assert said[f"o/good@{COMMIT}"] == said["o/good"] == rows
    assert said["o/good:"] == f"the hub is unreachable; read from the cache: commit {COMMIT}"
    assert f"commit {OTHER} is asked for, and the cache has {COMMIT}" in said[f"o/good@{OTHER}"]
    assert "offline mode is on and no copy is cached" in said["o/new"]


@pytest.mark.parametrize("name", ["gsm8k", "../secret/x", "/etc/passwd", "a/b/c", "./x"])
def test_an_id_is_never_a_path_or_a_format(name: str) -> None:
    """`datasets` would take such names for local folders or for file formats."""
    with pytest.raises(ValidationError):
        Hub(kind="hub", id=name, split="test")


def test_a_local_folder_of_the_same_name_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` prefers ./owner/name to the hub, which would change the data with the working directory."""
    (tmp_path / "openai" / "gsm8k").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SuiteError, match="a local folder of this name"):
        list(Hub(kind="hub", id="openai/gsm8k", split="test").rows(Places(root=tmp_path)))
