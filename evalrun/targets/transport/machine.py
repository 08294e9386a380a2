"""What a client needs of this machine: an event loop and file descriptors. It opens no connection."""

import asyncio
import gc
import sys
from collections.abc import Callable
from pathlib import Path

SWITCH_S = 0.0005
SPARE_DESCRIPTORS = 64  # journal, model process, scorer pipes, DNS sockets, the loop's own


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's loop where it is installed, else asyncio's own: `asyncio.Runner(loop_factory=loop_factory())`."""
    try:
        import uvloop
    except ImportError:
        return asyncio.SelectorEventLoop if sys.platform == "win32" else asyncio.new_event_loop
    return uvloop.new_event_loop


def settle() -> None:
    """Make this process a better stopwatch: nothing in it may delay its event loop for long.

    A full garbage collection of all that was imported takes 30 to 150 ms. By Python's default a thread that builds a
    long prompt holds the interpreter for 5 ms at a time, ten times as long as here.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_S)


def affordable_concurrency(wanted: int) -> int:
    """Raise the limit of open files to its maximum; return how many of `wanted` connections fit, at least 1."""
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (ValueError, OSError):  # macOS refuses "unlimited" for its own reasons; the soft limit stands
            pass
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - _open_descriptors() - SPARE_DESCRIPTORS))


def _open_descriptors() -> int:
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return 0
