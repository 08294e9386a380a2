"""The browser of runs over a real socket: what it shows is the run, and only who has its URL sees it."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from evalrun.api import open_run
from evalrun.requests.rows import State
from evalrun.store.writer import Writer

SUITE = """\
name: sums
targets: [sim.yaml]
tasks:
  sums:
    data: {kind: inline, rows: [ROWS]}
    prompt: {template: "{{ q }}", expected: "{{ a }}", id: "{{ q }}"}
    sampling: {temperature: 0, max_tokens: 60}
    scorers: [{kind: numeric}]
load: {concurrency: 4}
"""
SIM = """\
kind: simulator
seed: 7
ttft_s: 0
token_s: 0
accuracy: [0.5]
prices: {prompt: 1, completion: 2, date: 2026-01-01}
"""
HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a suite of 120 sums twice, one of which has a hostile name."""
    folder = tmp_path_factory.mktemp("view")
    rows = [{"q": f"{n} + 1?", "a": str(n + 1)} for n in range(119)] + [{"q": HOSTILE, "a": "1"}]
    (folder / "sums.yaml").write_text(SUITE.replace("ROWS", ", ".join(map(json.dumps, rows))))
    (folder / "sim.yaml").write_text(SIM)
    for _ in range(2):
        command = [sys.executable, "-m", "evalrun", "run", "sums.yaml", "-q"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return folder / "results"


@pytest.fixture(scope="module")
def url(results: Path) -> Iterator[str]:
    """Serve the results, and return the URL of the first page."""
    command = [sys.executable, "-m", "evalrun", "view", str(results)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "stopped" in err


def run_path(results: Path) -> str:
    """Return one run's path as URLs name it."""
    return sorted(folder.relative_to(results).as_posix() for folder in results.glob("sums/2*"))[0]


def page(url: str, to: str = "", **query: str) -> str:
    """Return a page that must be there."""
    answer = httpx.get(url + to, params=query)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_first_page_lists_the_runs_with_their_numbers(url: str, results: Path) -> None:
    """Both runs, finished, with the accuracy that their tables have; their own lines are links."""
    text = page(url)
    table = json.loads((results / run_path(results) / "table.json").read_text())
    accuracy = next(one for one in table["cells"][0]["metrics"] if one["name"] == "accuracy" and not one["of"])
    assert text.count("<td>finished</td>") == 2
    assert f"{100 * accuracy['value']:.1f} %" in text or f"{100 * accuracy['value']:.0f} %" in text
    assert run_path(results) in text


def test_only_who_has_the_url_sees_anything(url: str, results: Path) -> None:
    """Without the token, by another name, with another method or another path: no page of a run."""
    origin = "/".join(url.split("/")[:3])
    for other in ("/", "/x/", "/run?path=" + run_path(results)):
        assert httpx.get(origin + other).status_code == 404
    port = url.split(":")[2].split("/")[0]
    for host, code in (("evil.example", 421), (f"evil.example:{port}", 421), (f"localhost:{port}", 200)):
        assert httpx.get(url, headers={"host": host}).status_code == code
    assert httpx.post(url).status_code == 405
    for path in ("../../etc", "sums/..", "sums", "/etc/passwd", "sums/x/y", "sums/\0", "", run_path(results) + "/x"):
        assert httpx.get(url + "run", params={"path": path}).status_code == 404
    outside = results / "sums" / "link"
    outside.symlink_to("/etc")
    assert httpx.get(url + "run", params={"path": "sums/link"}).status_code == 404
    outside.unlink()


def test_every_page_has_a_strict_policy(url: str, results: Path) -> None:
    """No inline code but our own by its hash, no foreign host, no frame, no cache, no referrer."""
    path = run_path(results)
    for to, query in (
        ("", {}),
        ("run", {"path": path}),
        ("samples", {"path": path}),
        ("sample", {"path": path, "row": "0"}),
    ):
        answer = httpx.get(url + to, params=query)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "<script>alert" not in answer.text
        assert "\x1b" not in answer.text


def test_samples_are_filtered_sorted_and_paged(url: str, results: Path) -> None:
    """The pages have each wrong sample once, in the order that was asked for, as the request table has them."""
    path = run_path(results)
    requests = open_run(results / path).requests()
    wrong = int((requests.state != State.RIGHT).sum())
    assert 0 < wrong < 120
    found: list[str] = []
    for number in range(3):
        text = page(url, "samples", path=path, state="not_right", sort="-e2e_s", page=str(number))
        assert f"{wrong} samples, page {number + 1} of" in text
        found += re.findall(r"row=(\d+)", text)
    assert sorted(map(int, found)) == (requests.state != State.RIGHT).nonzero()[0].tolist()
    times = [requests.e2e_s[int(row)] for row in found]
    assert times == sorted(times, reverse=True)
    assert "0 samples" in page(url, "samples", path=path, task="no such task")


def test_a_sample_shows_all_of_it(url: str, results: Path) -> None:
    """Question, answer, scorer's reason, latencies; a hostile id is text."""
    path = run_path(results)
    requests = open_run(results / path).requests()
    row = next(row for row in range(len(requests)) if requests.record(row).sample.id.startswith("<script>"))
    text = page(url, "sample", path=path, row=str(row))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m" in text
    assert "numeric" in text
    assert "ttft" in text
    assert httpx.get(url + "sample", params={"path": path, "row": "120"}).status_code == 404


def test_two_runs_are_compared(url: str, results: Path) -> None:
    """By the words of `compare`; a run that is damaged is an error page."""
    base, new = sorted(folder.relative_to(results).as_posix() for folder in results.glob("sums/2*"))[:2]
    text = page(url, "compare", base=base, new=new)
    assert "accuracy" in text
    assert base.rpartition("/")[2] in text
    assert page(url, "report", path=base).startswith("<!doctype html>")
    broken = results / "sums" / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    assert "damaged" in page(url)
    assert httpx.get(url + "run", params={"path": "sums/broken"}).status_code == 409
    shutil.rmtree(broken)


def test_a_run_in_progress_is_shown_live(url: str, results: Path) -> None:
    """While a process writes to it, its page asks how far it is; then it does not."""
    folder = results / "sums" / "20990101T000000Z-live"
    shutil.copytree(results / run_path(results), folder)
    with Writer(folder):
        assert "<td>running</td>" in page(url)
        assert 'id="live"' in page(url, "run", path="sums/" + folder.name)
        progress = httpx.get(url + "progress", params={"path": "sums/" + folder.name}).json()
        assert progress == {"records": 120, "planned": 120, "running": True}
    assert 'id="live"' not in page(url, "run", path="sums/" + folder.name)
    shutil.rmtree(folder)


def test_what_cannot_be_served_is_refused(tmp_path: Path) -> None:
    """A folder that is not there, and a port that somebody has: exit 2 with what would be right."""
    command = [sys.executable, "-m", "evalrun", "view"]
    missing = subprocess.run([*command, str(tmp_path / "no")], capture_output=True, text=True, timeout=60, check=False)
    assert missing.returncode == 2
    assert "no such folder" in missing.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        busy = subprocess.run(
            [*command, str(tmp_path), "--port", port], capture_output=True, text=True, timeout=60, check=False
        )
    assert busy.returncode == 2
    assert f"port {port}" in busy.stderr
