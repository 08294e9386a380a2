"""A worker process of `pool`: scores one answer at a time until its parent hangs up.

Run as `python -m evalrun.score.worker FD PARENT`. The socket FD carries frames of msgpack both ways; no pickles, so a
hostile scorer can at worst lie about its own score. The scorer runs on the main thread, where signals work.

    parent                          worker
      | Setup ------------------------> |  limits, imports
      | <------------------------ Ready |
      | ToScore ----------------------> |  one scorer on one answer
      | <------------------------ Score |
"""

import os
import resource
import signal
import socket
import sys
import sysconfig
import traceback
from pathlib import Path

import msgspec

from evalrun.types import Completion, Sample, Score, Value

_HEADER_BYTES = 4
_MAX_REPLY_BYTES = 2**20
_MAX_WHY = 2_000  # characters of an error
_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib"))
_NOT_THEIRS = (str(Path(__file__).parents[1]), "<frozen ", *_LIBRARIES)


class Setup(Value, frozen=True):
    """What a worker needs before its first task. scorers: their JSON. memory_bytes: of address space."""

    scorers: bytes
    memory_bytes: int


class Ready(Value, frozen=True):
    """The worker can score; or `broken` says why it cannot."""

    broken: str = ""


class ToScore(Value, frozen=True):
    """One answer for one scorer, by its position in Setup."""

    scorer: int
    sample: Sample
    completion: Completion


def frame(value: Value) -> bytes:
    """Encode a value with its length in front."""
    body = msgspec.msgpack.encode(value)
    return len(body).to_bytes(_HEADER_BYTES, "big") + body


def receive(connection: socket.socket) -> bytes:
    """Read one frame. Raises EOFError when the other side is gone, TimeoutError when the socket's timeout passed."""
    size = int.from_bytes(_exactly(connection, _HEADER_BYTES), "big")
    return _exactly(connection, size)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = connection.recv(min(size - len(data), 2**18))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def main() -> None:
    """Serve the parent until it hangs up."""
    connection, parent = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which decides
    _die_with(parent)
    try:
        _serve(connection)
    except (EOFError, ConnectionError):
        return


def _die_with(parent: int) -> None:
    """Be killed when the parent dies, even inside a loop that never looks at the socket."""
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        raise SystemExit


def _serve(connection: socket.socket) -> None:
    setup = msgspec.msgpack.decode(receive(connection), type=Setup)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    memory_bytes = setup.memory_bytes if most == resource.RLIM_INFINITY else min(setup.memory_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        from evalrun.score.spec import ADAPTER

        scorers = ADAPTER.validate_json(setup.scorers)
        for scorer in scorers:
            if scorer.in_worker:
                scorer.prepare()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign modules; the pool raises SuiteError
        connection.sendall(frame(Ready(broken=told(error))))
        return
    connection.sendall(frame(Ready()))
    task_of = msgspec.msgpack.Decoder(ToScore)
    while True:
        task = task_of.decode(receive(connection))
        try:
            reply = frame(scorers[task.scorer](task.sample, task.completion))
            msgspec.msgpack.decode(reply[_HEADER_BYTES:], type=Score)  # a scorer of the user may break the types
            if len(reply) > _MAX_REPLY_BYTES:
                raise ValueError(f"the score has {len(reply)} bytes; the most is {_MAX_REPLY_BYTES}")
        except MemoryError:
            reply = frame(Score(value=None, error="scorer_oom", why="the scorer ran out of memory"))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code; it costs its own sample only
            reply = frame(Score(value=None, error="scorer", why=told(error)))
        connection.sendall(reply)


def told(error: BaseException) -> str:
    """Return an error in one line, with the last line of the user's own code that it came through."""
    what = traceback.format_exception_only(error)[-1].strip()
    if isinstance(error, SyntaxError):
        return f"{what} ({error.filename}:{error.lineno})"[-_MAX_WHY:]
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if not one.filename.startswith(_NOT_THEIRS)] or frames[-1:]
    place = f" ({own[-1].filename}:{own[-1].lineno}, in {own[-1].name})" if own else ""
    return what[: _MAX_WHY - len(place)] + place


if __name__ == "__main__":
    main()
