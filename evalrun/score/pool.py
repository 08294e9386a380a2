"""Scores many answers with several scorers, in order, at constant memory. Decides nothing about right and wrong.

Cheap scorers of ordinary answers run in the calling process. `isolated` scorers, and all scorers of long answers, run
in a pool of killable worker processes: one that hangs, crashes or eats memory costs the answer it was scoring, no more.
Each thread of the pool owns one worker (`worker`), gives it one answer at a time and waits at most the deadline; then
the worker is killed with all its children and a new one takes the next answer. Workers are started, not forked, with a
clean environment: no key is inherited.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import msgspec

from evalrun.errors import SuiteError
from evalrun.score.spec import ADAPTER, ScorerSpec
from evalrun.score.worker import Ready, Setup, ToScore, frame, receive
from evalrun.types import Completion, Sample, Score, Scored

LONGEST_HERE = 20_000
"""Characters of an answer up to which a cheap scorer runs in the calling process: no deadline holds there."""
_OF_THE_ANSWER = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)  # a worker says where it is
_MEMORY_BYTES = 2 * 2**30
_START_S = 120.0  # a worker imports sympy, perhaps on a busy machine with a slow disk
_KEPT_ENV = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
)  # fmt: skip
_SET_ENV = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # same answer, same score
_AHEAD = 16  # answers in hand for each worker: enough to keep it busy while the oldest one takes its time
_POLL_S = 0.1  # how often a wait looks at `stop`
T = TypeVar("T")


def score_all(
    items: Iterable[tuple[str, Sample, Completion]],
    scorers: Sequence[ScorerSpec],
    *,
    workers: int = 2,
    deadline_s: float | None = None,
    memory_bytes: int = _MEMORY_BYTES,
    beside: Path | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[], None] = lambda: None,
) -> Iterator[Scored]:
    """Yield each answer's scores, answers in the given order and scorers in theirs.

    items: (key, sample, completion). deadline_s: of one answer, by default the scorer's own `timeout_s`.
    memory_bytes: of one worker. beside: the suite's folder, in which modules of `python` scorers are looked for last.
    stop: asked often; once true the stream ends and what is unfinished is dropped. progress: called after each answer.
    """
    if len({scorer.label for scorer in scorers}) < len(scorers):
        raise SuiteError("scorers: two have the same name; give one of them a `name`")
    waiting: deque[_Waiting] = deque()

    def ready(most: int) -> Iterator[Scored]:
        """Yield the scores of what is done, and wait for the oldest while more than `most` wait."""
        while waiting and (len(waiting) > most or waiting[0].done()) and waiting[0].wait(stop):
            one = waiting.popleft()
            for scorer, future in zip(scorers, one.futures, strict=True):
                yield Scored(key=one.key, scorer=scorer.label, score=future.result(), answer_crc=one.answer_crc)
            progress()

    with WorkerPool(scorers, workers=workers, deadline_s=deadline_s, memory_bytes=memory_bytes, beside=beside) as pool:
        for key, sample, completion in items:
            if stop():
                return
            futures = [pool.submit(number, sample, completion) for number in range(len(scorers))]
            waiting.append(_Waiting(key, crc(completion), futures))
            yield from ready(workers * _AHEAD)
        yield from ready(0)


def broken(scorer: ScorerSpec, *, beside: Path | None = None) -> str:
    """Return what keeps a scorer from being used, tried in a worker; an empty text where nothing does."""
    worker = _Worker(beside)
    try:
        return worker.prepare(Setup(scorers=ADAPTER.dump_json((scorer,)), memory_bytes=_MEMORY_BYTES))
    finally:
        worker.kill()
        worker.close()


def crc(completion: Completion) -> int:
    """Return the checksum of an answer's text, `Scored.answer_crc`."""
    return zlib.crc32(completion.text.encode("utf-8", "surrogatepass"))


class _Waiting(NamedTuple):
    """An answer whose scores are being made."""

    key: str
    answer_crc: int
    futures: list[Future[Score]]

    def done(self) -> bool:
        return all(future.done() for future in self.futures)

    def wait(self, stop: Callable[[], bool]) -> bool:
        """Wait for all of them; false if `stop` came first."""
        while wait(self.futures, timeout=_POLL_S).not_done:
            if stop():
                return False
        return True


class WorkerPool:
    """Workers that score answers with any of `scorers`. A context manager: leaving it kills what still runs.

    deadline_s: wall time of one answer, by default the scorer's own `timeout_s`. memory_bytes: address space of one
    worker. beside: see `score_all`.
    """

    def __init__(
        self,
        scorers: Sequence[ScorerSpec],
        *,
        workers: int,
        deadline_s: float | None = None,
        memory_bytes: int,
        beside: Path | None = None,
    ) -> None:
        self._scorers, self._beside = scorers, beside
        self._setup = Setup(scorers=ADAPTER.dump_json(tuple(scorers)), memory_bytes=memory_bytes)
        self._deadline_s = deadline_s
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="scorer")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._alive: set[_Worker] = set()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
            alive = list(self._alive)
        for worker in alive:
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in alive:
            worker.close()

    def submit(self, scorer: int, sample: Sample, completion: Completion) -> Future[Score]:
        """Score an answer with the scorer at this position: in a worker if it must be, else here and at once.

        The future raises SuiteError if no worker can start.
        """
        if not self._scorers[scorer].in_worker and len(completion.text) <= LONGEST_HERE:
            done: Future[Score] = Future()
            with suppress(*_OF_THE_ANSWER):
                done.set_result(self._scorers[scorer](sample, completion))
                return done
        return self._threads.submit(self._score, ToScore(scorer=scorer, sample=sample, completion=completion))

    def _score(self, task: ToScore) -> Score:
        """Score on this thread's worker. A worker that died before its turn is not this answer's fault: retry once."""
        message = frame(task)
        deadline_s = self._deadline_s or self._scorers[task.scorer].timeout_s
        worker = self._worker()
        score = self._ask(worker, message, deadline_s=deadline_s)
        if score is None and worker.served:
            worker = self._worker()
            score = self._ask(worker, message, deadline_s=deadline_s)
        if score is not None:
            return score
        code = worker.process.returncode
        if code == -signal.SIGKILL:  # not by us: the kernel was out of memory
            return Score(value=None, error="scorer_oom", why="the scorer's process was killed by the system")
        return Score(value=None, error="scorer_crash", why=f"the scorer's process died with exit code {code}")

    def _ask(self, worker: "_Worker", message: bytes, *, deadline_s: float) -> Score | None:
        """Return what the worker says; None where it died, or its reply could not be read."""
        try:
            score = worker.exchange(message, Score, deadline_s=deadline_s)
            worker.served = True
        except TimeoutError:
            why = f"no score within {deadline_s:g} s, the scorer's `timeout_s`"
            score = Score(value=None, error="scorer_timeout", why=why)
        except (EOFError, OSError, msgspec.DecodeError):
            score = None
        if score is None or score.error in ("scorer_timeout", "scorer_oom"):  # what is left of it is not to be trusted
            self._discard(worker)
        return score

    def _worker(self) -> "_Worker":
        """Return this thread's worker, started and ready."""
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is not None:
            return worker
        worker = _Worker(self._beside)
        with self._lock:
            self._alive.add(worker)
            closed = self._closed
        if closed:
            worker.kill()
        broken = worker.prepare(self._setup)
        if broken:
            self._discard(worker)
            raise SuiteError(f"scorers: a worker process cannot start: {broken}")
        self._own.worker = worker
        return worker

    def _discard(self, worker: "_Worker") -> None:
        worker.kill()
        worker.close()
        with self._lock:
            self._alive.discard(worker)
        self._own.worker = None


class _Worker:
    """One worker process and the socket to it."""

    def __init__(self, beside: Path | None) -> None:
        self.served = False
        self._socket, theirs = socket.socketpair()
        with theirs:
            fd = theirs.fileno()
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "evalrun.score.worker", str(fd), str(os.getpid())],
                pass_fds=(fd,),
                env=environment(beside),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # no Ctrl-C of the terminal, and one group to kill
            )

    def prepare(self, setup: Setup) -> str:
        """Set the worker up and wait until it is ready. Return what is broken, or an empty text."""
        try:
            return self.exchange(frame(setup), Ready, deadline_s=_START_S).broken
        except TimeoutError:
            return f"not ready after {_START_S:g} s"
        except (EOFError, OSError, msgspec.DecodeError):
            self.kill()
            return f"it died with exit code {self.process.returncode}; memory_bytes may be too low"

    def exchange(self, message: bytes, reply: type[T], *, deadline_s: float) -> T:
        """Send a message and wait for the reply. Raises TimeoutError, EOFError, OSError or msgspec.DecodeError."""
        end = time.monotonic() + deadline_s
        self._socket.settimeout(deadline_s)
        self._socket.sendall(message)
        self._socket.settimeout(max(end - time.monotonic(), 0.001))
        return msgspec.msgpack.decode(receive(self._socket), type=reply)

    def kill(self) -> None:
        """Kill the worker and whatever it started, and reap it. Harmless when it is dead already."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """Close the socket; only when no thread reads from it any more."""
        self._socket.close()


def environment(beside: Path | None = None) -> dict[str, str]:
    """Return the environment of a worker: where programs and modules are, and nothing that could be a key."""
    kept = {name: os.environ[name] for name in _KEPT_ENV if name in os.environ}
    modules = [path or str(Path.cwd()) for path in sys.path] + ([] if beside is None else [str(beside.resolve())])
    return {**kept, **_SET_ENV, "PYTHONPATH": os.pathsep.join(modules)}
