"""What the machine gives: descriptors and a loop."""

import asyncio
import subprocess
import sys

import pytest

from evalrun.targets.transport.machine import SPARE_DESCRIPTORS, affordable_concurrency, loop_factory

SCRIPT = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 512))
from evalrun.targets.transport.machine import affordable_concurrency
print(affordable_concurrency(100), affordable_concurrency(10_000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_concurrency_fits_the_limit_of_open_files():
    """The soft limit is raised to the hard one; what does not fit below it is cut (N18)."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    small, large, limit = map(int, done.stdout.split())
    assert small == 100
    assert 512 - SPARE_DESCRIPTORS - 32 < large < 512 - SPARE_DESCRIPTORS
    assert limit == 512


def test_at_least_one_request_is_affordable():
    """However little is left, one request can be tried."""
    assert affordable_concurrency(1) == 1


def test_the_loop_runs():
    """Whichever loop it is, it runs a coroutine."""

    async def answer():
        return 42

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert runner.run(answer()) == 42
