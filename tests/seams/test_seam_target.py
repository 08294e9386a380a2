"""A target kind is added in two files: its class, and its name in the union."""

import json
from typing import Any

from evalrun.store.reader import StoredRun
from evalrun.types import Completion

KIND = '''\
"""The kind `parrot`: a server in this process that says one text to everybody."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Literal

from evalrun.targets.kind import Endpoint, Needs, TargetKind


class Parrot(TargetKind):
    """Says what it was taught."""

    kind: Literal["parrot"]
    model: str = "parrot"
    words: str
    """What it says."""

    @contextlib.asynccontextmanager
    async def serve(self, name: str, needs: Needs) -> AsyncIterator[Endpoint]:
        """Listen on a free port."""
        message = {"role": "assistant", "content": self.words}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        body = json.dumps({"object": "chat.completion", "model": self.model, "choices": choices}).encode()
        head = b"HTTP/1.1 200 OK\\r\\nconnection: close\\r\\ncontent-type: application/json\\r\\n"

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\\r\\n\\r\\n")
            writer.write(head + b"content-length: %d\\r\\n\\r\\n" % len(body) + body)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            yield Endpoint(base_url=f"http://127.0.0.1:{port}", model=self.model, note="a parrot")
'''
SUITE = """\
name: sums
targets: [parrot]
tasks:
  sums:
    data: {kind: inline, rows: [{q: "What is 2 + 3?", a: "5"}, {q: "What is 2 + 4?", a: "6"}]}
    prompt: {template: "{{ q }}", expected: "{{ a }}"}
    scorers: [{kind: contains}]
"""


def test_a_target_kind_takes_two_files(package: Any) -> None:
    """It is started, asked, noted in the table and the journal, in the editor's schema, and its options get hints."""
    package.add("targets/parrot.py", KIND)
    package.change(
        "targets/spec.py",
        (
            "from evalrun.targets.simulator.spec import",
            "from evalrun.targets.parrot import Parrot\nfrom evalrun.targets.simulator.spec import",
        ),
        ("Http | Embedded | Simulator,", "Http | Embedded | Parrot | Simulator,"),
    )
    assert len(package.touched) == 2
    (package.folder / "sums.yaml").write_text(SUITE)
    config = package.folder / "configs" / "parrot.yaml"
    config.write_text("kind: parrot\nwords: it is 5\n")

    done = package.evalrun("run", "sums.yaml")
    assert done.returncode == 0, done.stderr
    (folder,) = (package.folder / "results" / "sums").iterdir()
    run = StoredRun(folder)
    texts = [record.outcome.text for record in run.records() if isinstance(record.outcome, Completion)]
    assert texts == ["it is 5"] * 2
    assert "a parrot" in done.stdout

    schema = json.loads(package.evalrun("schema", "target").stdout)
    assert schema["$defs"]["Parrot"]["properties"]["words"]["description"] == "What it says."
    config.write_text("kind: parrot\nword: it is 5\n")
    wrong = package.evalrun("check", "sums.yaml")
    assert wrong.returncode == 2
    assert "parrot.yaml:2:1: word: unknown key; did you mean 'words'?" in wrong.stderr
