"""Scores a stream of answers with several scorers, in the order of the stream, at constant memory.

Cheap scorers run in the calling process, `isolated` ones in the workers of `pool`. Nothing is stored here.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack

from evalrun.errors import SuiteError
from evalrun.score.pool import Pool
from evalrun.score.spec import ScorerSpec
from evalrun.types import Completion, Sample, Score, Scored

_AHEAD = 16  # answers in hand for each worker: enough to keep it busy while the oldest one takes its time
_POLL_S = 0.1  # how often a wait looks at `stop`


def never() -> bool:
    """Never stop."""
    return False


def nothing() -> None:
    """Report no progress."""


def score_all(
    items: Iterable[tuple[str, Sample, Completion]],
    scorers: Sequence[ScorerSpec],
    *,
    workers: int = 2,
    deadline_s: float = 10.0,
    memory_bytes: int = 2 * 2**30,
    stop: Callable[[], bool] = never,
    progress: Callable[[], None] = nothing,
) -> Iterator[Scored]:
    """Yield each answer's scores, answers in the given order and scorers in theirs.

    items: (key, sample, completion). deadline_s, memory_bytes: of one answer, one worker. stop: asked often; once true
    the stream ends and what is unfinished is dropped. progress: called after each answer.
    """
    if len({scorer.label for scorer in scorers}) < len(scorers):
        raise SuiteError("scorers: two have the same name; give one of them a `name`")
    with ExitStack() as stack:
        pool = None
        if any(scorer.isolated for scorer in scorers):
            pool = stack.enter_context(Pool(scorers, workers=workers, deadline_s=deadline_s, memory_bytes=memory_bytes))
        waiting: deque[tuple[str, list[Future[Score]]]] = deque()
        for key, sample, completion in items:
            if stop():
                return
            waiting.append((key, [_started(pool, n, s, sample, completion) for n, s in enumerate(scorers)]))
            while waiting and (len(waiting) > workers * _AHEAD or _done(waiting[0][1])):
                if not _wait(waiting[0][1], stop):
                    return
                yield from _finished(*waiting.popleft(), scorers)
                progress()
        while waiting and _wait(waiting[0][1], stop):
            yield from _finished(*waiting.popleft(), scorers)
            progress()


def _started(
    pool: Pool | None, number: int, scorer: ScorerSpec, sample: Sample, completion: Completion
) -> Future[Score]:
    """Start one score; a cheap one is finished at once."""
    if pool is not None and scorer.isolated:
        return pool.submit(number, sample, completion)
    future: Future[Score] = Future()
    future.set_result(scorer(sample, completion))
    return future


def _done(futures: list[Future[Score]]) -> bool:
    return all(future.done() for future in futures)


def _wait(futures: list[Future[Score]], stop: Callable[[], bool]) -> bool:
    """Wait for all of them; false if `stop` came first."""
    for future in futures:
        while not future.done():
            if stop():
                return False
            try:
                future.exception(timeout=_POLL_S)
            except TimeoutError:
                continue
    return True


def _finished(key: str, futures: list[Future[Score]], scorers: Sequence[ScorerSpec]) -> Iterator[Scored]:
    for scorer, future in zip(scorers, futures, strict=True):
        yield Scored(key=key, scorer=scorer.label, score=future.result())
