"""The facts of a run apart from its requests: what was planned for which targets, and what its sessions noted.

From the manifest and from the lines of the journal that are not records.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from evalrun import slo
from evalrun.fingerprint import fingerprint
from evalrun.slo import Slo
from evalrun.store.lines import End, Lag, Line, Load, Measured, Served, Session
from evalrun.store.manifest import Manifest
from evalrun.store.reader import is_finished, notices
from evalrun.types import Json, Value

Place = tuple[str, str]
"""A task and a target."""
_MOST_WORDS = 100  # of a load, as text


class Conditions(Value, frozen=True):
    """The conditions under which a task was asked of a target: fingerprints of what decides its numbers, or empty.

    scorers: as the suite has them, empty where the scores are from others. scored_by: of whatever gave the scores.
    load: when requests were due, in words. in_flight: the limits that held, ascending: as planned, or as few as the
    open files allowed; a resumed run may have several. cut: the lowest limit after 429s, None where there were none.
    prices: the list itself, None where there is none. slo: the most seconds of each latency, empty where none is.
    """

    data: str = ""
    prompt: str = ""
    sampling: str = ""
    scorers: str = ""
    scored_by: str = ""
    target: str = ""
    transport: str = ""
    load: str = ""
    in_flight: tuple[int, ...] = ()
    cut: int | None = None
    prices: Json = None
    slo: Mapping[str, float] = {}


def unlike_load(old: Conditions, new: Conditions) -> str:
    """Return how two loads differ, in words; empty where latencies and rates may be compared.

    By when requests were due, and by the limits of requests in flight that held. A limit that 429s cut for a while is
    the endpoint's answer to the same load: it is said beside the numbers. What is not known differs from nothing.
    """
    for before, now in ((old.in_flight, new.in_flight), (old.load, new.load)):
        if before and now and before != now:
            return " and ".join(each if isinstance(each, str) else load_in_words(each) for each in (before, now))
    return ""


def load_in_words(in_flight: Sequence[int]) -> str:
    """Return limits of requests in flight as text."""
    return f"{', '.join(map(str, in_flight))} in flight" if in_flight else ""


class _Intent(msgspec.Struct, gc=False):
    session: int
    target: str = ""
    task: str = ""


_INTENT = msgspec.json.Decoder(_Intent)
_KEY = slice(*(len(b'{"crc":"00000000","t":"intent","key":"') + n for n in (0, 16)))


@dataclass(slots=True, kw_only=True)
class RunFacts:
    """A run without its requests. It is filled while the run is read, and changes no more.

    scorers: the names of each task's scorers, the headline first.
    scored_by: the fingerprint of the scorers that the stored scores are from, empty where there are none.
    lag_of: the client's lag, by (session, task, target). served: what was said of each target when it was opened.
    finished: its last session said that nothing is left to ask; finished_once: some session did, and later ones asked
    more than was planned. asked: by key, the line of an intent that has no record yet; died: requests of a session
    that never recorded them. missing, torn, damaged, unknown: the journal's condition (`store.reader.notices`).
    """

    folder: Path
    manifest: Manifest
    scorers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scored_by: str = ""
    lag_of: dict[tuple[int, str, str], Lag] = field(default_factory=dict)
    loads: list[Load] = field(default_factory=list)
    served: dict[str, str] = field(default_factory=dict)
    finished: bool = False
    finished_once: bool = False
    asked: dict[str, Line] = field(default_factory=dict)
    died: Counter[Place] = field(default_factory=Counter)
    missing: bool = False
    torn: int = 0
    damaged: list[tuple[int, int]] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    def take(self, line: Line) -> None:
        """Take in a line of the journal that is not a record."""
        if line.kind == b"intent":
            key = line.raw[_KEY].decode()  # its first field; as one in two lines is an intent, no more is decoded
            if key in self.asked:
                earlier, now = (each.read(_INTENT) for each in (self.asked[key], line))
                self.died[earlier.task, earlier.target] += earlier.session != now.session  # that one never ended
            self.asked[key] = line
            return
        match line.event():
            case Measured(key=key):
                self.asked.pop(key, None)
            case Lag() as lag:
                self.lag_of[lag.session, lag.task, lag.target] = lag  # noted again and again: the last line counts
            case Load() as load:
                self.loads.append(load)
            case Served(target=target, note=note):
                self.served[target] = note
            case Session() | End() as event:
                self.finished = is_finished(event)
                self.finished_once |= self.finished
            case None if line.kind:
                self.unknown[line.kind.decode()] += 1
            case None:
                self.damaged.append((line.offset, len(line.raw)))

    @property
    def condition(self) -> list[str]:
        """Return what a reader must know of the journal's condition."""
        return notices(missing=self.missing, torn=self.torn, damaged=self.damaged, unknown=self.unknown)

    @property
    def billed(self) -> Counter[Place]:
        """Return how many requests were out when their session died, by task and target."""
        out = (line.read(_INTENT) for line in self.asked.values())
        return self.died + Counter((intent.task, intent.target) for intent in out)

    # ------------------------------------------------------------ what was planned

    def task(self, name: str) -> Json:
        """Return a task as the suite has it; empty for one it does not have."""
        return (self.manifest.suite.get("tasks") or {}).get(name, {})

    def repeats(self, task: str) -> int:
        """Return how often the suite asks each sample of a task."""
        return int(self.task(task).get("repeats", 1))

    def planned(self, *tasks: str) -> int | None:
        """Return how many requests of tasks the suite plans for each target; None if it does not have one of them."""
        prints = self.manifest.fingerprints.tasks
        if not prints.keys() >= set(tasks):
            return None
        return sum(prints[task].samples * self.repeats(task) for task in tasks)

    def groups(self, task: str) -> tuple[str, ...]:
        """Return the fields that a task's samples keep in `meta`, by which they may be grouped."""
        return tuple((self.task(task).get("prompt") or {}).get("meta") or ())

    def portion(self, task: str) -> str:
        """Say which part of a task's rows is asked, e.g. `first 20 of 40 rows`; empty where all are."""
        prints, asked = self.manifest.fingerprints.tasks.get(task), self.task(task)
        if asked.get("only") and prints is not None:
            total = "" if prints.rows is None else f" of {prints.rows:,} rows"
            return f"only {prints.samples:,} samples{total}, chosen{self._chosen_by}"
        if prints is None or prints.rows == prints.samples or not (asked.get("limit") or asked.get("sample")):
            return ""
        if asked.get("sample"):
            seed = asked.get("sample_seed", 0)
            return f"seeded sample of {prints.samples:,} of {prints.rows:,} rows (seed {seed})"
        return f"first {prints.samples:,} of {'more' if prints.rows is None else f'{prints.rows:,}'} rows"

    @property
    def _chosen_by(self) -> str:
        """Say by what the samples were chosen: ids, or what became of them in another run."""
        command = self.manifest.command
        return f": {', '.join(command['only'])} in {Path(command['of']).name}" if "only" in command else " by their ids"

    def is_chosen(self, task: str) -> bool:
        """Whether only samples of a task are asked that somebody chose: no number of them stands for the task."""
        return bool(self.task(task).get("only"))

    def is_first(self, task: str) -> bool:
        """Whether a part of a task's rows is asked that was not drawn at random: the first ones, or chosen ones.

        A ladder yields its questions in a random order already.
        """
        return self.portion(task).startswith("only" if self.is_ladder(task) else ("first", "only"))

    def is_ladder(self, task: str) -> bool:
        """Whether a task asks prompts of stated sizes until the endpoint refuses them."""
        return bool((self.task(task).get("data") or {}).get("kind") == "ladder")

    @property
    def most_failed(self) -> float:
        """Return the share of a task's requests without a scored answer above which its numbers carry no verdict."""
        return float((self.manifest.suite.get("limits") or {}).get("max_failed_share", 0.1))

    def scorers_by(
        self, labels: Mapping[str, tuple[str, ...]], tasks: Sequence[str], *, otherwise: tuple[str, ...]
    ) -> dict[str, tuple[str, ...]]:
        """Return the scorers of each task: as the scores say, else as the suite does, else all there are."""
        own = {
            task: tuple(scorer.get("name") or scorer["kind"] for scorer in self.task(task).get("scorers") or ())
            for task in tasks
        }
        return {task: labels.get(task) or own[task] or otherwise for task in tasks}

    # ------------------------------------------------------------ load

    def limits(self, task: str, target: str) -> dict[int, int]:
        """Return how many requests to a target could be in flight in each session, by its number.

        As planned, or as few as the open files allowed: without what 429s cut for a while. A task that begins while the
        limit is cut has that of the session's other tasks.
        """
        held = [load for load in self.loads if load.target == target and load.why in ("planned", "open files")]
        return {load.session: load.limit for load in sorted(held, key=lambda load: load.task == task)}

    def cut(self, task: str, target: str, sessions: Collection[int]) -> int | None:
        """Return the lowest limit that 429s cut in some sessions; None where they did not."""
        mine = (load for load in self.loads if (load.task, load.target) == (task, target) and load.session in sessions)
        return min((load.limit for load in mine if load.why == "refused"), default=None)

    def _load(self, task: str, target: str, sessions: Collection[int] | None) -> dict[str, Any]:
        """Return what `Conditions` says of the load. Where the journal has no limits, they are those of the suite."""
        load, rate = (
            dict(of or {}) for of in (self.manifest.suite.get("load"), self.manifest.targets[target].get("rate"))
        )
        planned = [of.pop("concurrency", None) for of in (load, rate)]
        known = self.limits(task, target)
        held = {limit for session, limit in known.items() if sessions is None or session in sessions}
        told = ((name, value) for name, value in (load | rate).items() if value is not None)
        text = " ".join(f"{value}" if name == "kind" else f"{name} {value}" for name, value in told)
        return {
            "load": text if len(text) <= _MOST_WORDS else fingerprint(text),
            "in_flight": tuple(sorted(held or {min(filter(None, planned))} if any(planned) else held)),
            "cut": self.cut(task, target, known if sessions is None else sessions),
        }

    # ------------------------------------------------------------ settings

    @property
    def slo(self) -> Slo:
        """Return the latencies that a good request keeps."""
        return slo.read(self.manifest.suite)

    def prices(self, target: str) -> Json:
        """Return the price list of a target; None where it has none."""
        return self.manifest.targets.get(target, {}).get("prices")

    def conditions(self, task: str, target: str, *, sessions: Collection[int] | None = None) -> Conditions:
        """Return what decides the numbers of a task and target. The suite's scorers count only if they gave them.

        sessions: whose load it is, by default all.
        """
        manifest = self.manifest
        of_task, spec = manifest.fingerprints.tasks[task], manifest.targets[target]
        tasks = manifest.suite.get("tasks") or {}
        own = fingerprint({name: one.get("scorers") for name, one in tasks.items()})
        return Conditions(
            data=of_task.data,
            prompt=of_task.prompt,
            sampling=of_task.sampling,
            scorers=of_task.scorers if self.scored_by == own else "",
            scored_by=self.scored_by,
            target=manifest.fingerprints.targets[target],
            transport=spec.get("transport", "evalrun"),
            **self._load(task, target, sessions),
            prices=spec.get("prices"),
            slo=self.slo.stated,
        )

    def notes(self, made: int) -> Iterator[str]:
        """Say what a reader of any number of the run must know. made: how many requests it has."""
        yield from self.condition
        if not self.finished_once:
            yield "this run is not finished"
        elif not self.finished:
            yield "this run is finished as it was planned; a further round was cut off"
        prints = self.manifest.fingerprints.tasks
        planned = (self.planned(*prints) or 0) * len(self.manifest.targets)
        if (more := made - planned) > 0:
            yield (
                f"{more:,} requests more than were planned: repeats that were asked to decide what changed; all numbers"
                " here are of all requests"
            )
        for task, one in prints.items():
            if one.skipped:
                rows = "row was" if one.skipped == 1 else "rows were"
                yield f"{task}: {one.skipped:,} malformed {rows} left out, as --skip-bad-rows allows"
        if "ab" in self.manifest.command:
            yield "the targets were asked in step: tokens and requests per second are those of the slowest"
