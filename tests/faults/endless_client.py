"""A process that reads several answers at once and prints what became of them and the memory that it took.

    python endless_client.py URL STREAMS        -> {"kinds": [...], "partial": most characters, "peak_bytes": ...}

Peak memory is beyond that of a short answer from URL/short, which loads what any answer loads.
"""

import asyncio
import json
import sys
from pathlib import Path

from asking import BODY, KEY, PATIENT, SIZES

from evalrun.secret import Secret
from evalrun.targets.client import Client
from evalrun.targets.kind import Endpoint
from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.types import Failure


async def asking(url: str, streams: int) -> dict[str, object]:
    """Ask once for a short answer, then for so many at once."""
    transport = MeasuringTransport(deadlines=PATIENT, ca_file=None)
    endpoint = Endpoint(base_url=url, model="m", key=Secret(KEY))
    client = Client(endpoint, transport, deadlines=PATIENT, sizes=SIZES, headers={}, end_markers=("</s>",))
    try:
        await client.attempt(BODY)
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak begins at what is held now
        before = _peak_bytes()
        replies = await asyncio.gather(*(client.attempt(BODY) for _ in range(streams)))
        failures = [reply.outcome for reply in replies if isinstance(reply.outcome, Failure)]
        return {
            "kinds": [failure.kind for failure in failures],
            "partial": max((len(failure.partial) for failure in failures), default=0),
            "peak_bytes": _peak_bytes() - before,
        }
    finally:
        await transport.aclose()


def _peak_bytes() -> int:
    """Return the most memory that this program has had; what was executed before it in its process does not count."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024


if __name__ == "__main__":
    print(json.dumps(asyncio.run(asking(sys.argv[1], int(sys.argv[2])))))
