"""Finding and reading run folders: manifest, records, scores. Nothing here writes or needs a network library.

The journal is read once for what it holds (`JournalIndex`, a pass that decodes only keys), and again for every walk
over its records. Records are never held in memory; their keys are, at about 90 bytes each.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import msgspec

from evalrun.fingerprint import canonical
from evalrun.price import Overrun
from evalrun.retry import MOMENTARY
from evalrun.store import scores
from evalrun.store.checked import DamagedError, decoded
from evalrun.store.disk import contents, storing
from evalrun.store.lines import Calibrated, End, Line, Measured, Overran, Session, scan
from evalrun.store.manifest import NAME as MANIFEST
from evalrun.store.manifest import read_manifest
from evalrun.types import Completion, Json, Record, Scored

JOURNAL = "journal.jsonl"
DELIVERED = "delivered"
_STAMPED = re.compile(r"[0-9]{8}T[0-9]{6}Z-")  # as `create_run` names folders


class _Completion(msgspec.Struct, tag="completion"):
    pass


class _Failure(msgspec.Struct, tag="failure"):
    kind: str
    momentary: bool = False


class _RecordHead(msgspec.Struct):
    """As much of a record as the index needs; the rest of the line is skipped, not built."""

    key: str
    outcome: _Completion | _Failure


class _IntentHead(msgspec.Struct):
    key: str
    session: int


_RECORD_HEAD = msgspec.json.Decoder(_RecordHead)
_INTENT_HEAD = msgspec.json.Decoder(_IntentHead)


class JournalIndex:
    """What a journal holds. A key (16 hex digits) is held as the number that it is.

    recorded: keys that have a record. unsettled: those whose last record is a failure that says nothing of the sample,
    so that a resume asks them again.
    possibly_billed: keys of which a session sent a request and recorded no outcome, even if a later session asked
    again.
    sessions: starts and ends, in order. calibrated: the scales that were measured. measured: by key, the tokens of the
    prompts that were asked for that. overruns: by target, what it billed beyond the worst case.
    last: where a key has several records, the offset of the last, which counts.
    whole: bytes up to the end of the last whole line. torn: bytes after it.
    damaged: (offset, length) of lines whose checksum does not fit.
    """

    def __init__(self, journal: Path) -> None:
        """Read the journal through once."""
        self.recorded: set[int] = set()
        self.unsettled: set[int] = set()
        self.possibly_billed: set[int] = set()
        self.sessions: list[Session | End] = []
        self.calibrated: list[Calibrated] = []
        self.measured: dict[str, int] = {}
        self.overruns: dict[str, Overrun] = {}
        self._asked: dict[int, int] = {}  # by key, the session of an intent that has no record yet
        self.last: dict[int, int] = {}
        self.damaged: list[tuple[int, int]] = []
        self.unknown: Counter[str] = Counter()
        self.whole = 0
        self.missing = not journal.exists()  # its maker died between the manifest and the journal
        if not self.missing:
            for line in scan(journal):
                self._take(line)
                self.whole = line.offset + len(line.raw)
        self.possibly_billed.update(self._asked)
        with storing(journal):
            self.torn = 0 if self.missing else journal.stat().st_size - self.whole

    def _take(self, line: Line) -> None:
        match line.kind:
            case b"record":
                self._take_record(line)
            case b"intent":
                self._take_intent(line.read(_INTENT_HEAD))
            case b"":
                self.damaged.append((line.offset, len(line.raw)))
            case b"served" | b"load" | b"lag":
                pass  # of what was asked they say nothing
            case _:
                match line.event():
                    case Session() | End() as event:
                        self.sessions.append(event)
                    case Calibrated() as event:
                        self.calibrated.append(event)
                    case Measured() as event:
                        self._take_measured(event)
                    case Overran(target=target, seen=seen):
                        self.overruns[target] = seen
                    case _:
                        self.unknown[line.kind.decode()] += 1

    def _take_intent(self, intent: _IntentHead) -> None:
        key = int(intent.key, 16)
        if self._asked.get(key, intent.session) != intent.session:
            self.possibly_billed.add(key)  # the earlier session never learned what became of its request
        self._asked[key] = intent.session

    def _take_measured(self, record: Measured) -> None:
        self._asked.pop(int(record.key, 16), None)
        if isinstance(record.outcome, Completion) and record.outcome.usage.prompt_tokens is not None:
            self.measured[record.key] = record.outcome.usage.prompt_tokens

    def _take_record(self, line: Line) -> None:
        head = line.read(_RECORD_HEAD)
        key = int(head.key, 16)
        if key in self.recorded:
            self.last[key] = line.offset
        self.recorded.add(key)
        if isinstance(head.outcome, _Failure) and (head.outcome.momentary or head.outcome.kind in MOMENTARY):
            self.unsettled.add(key)
        else:
            self.unsettled.discard(key)
        self._asked.pop(key, None)

    def is_settled(self, key: str) -> bool:
        """Return whether a resume leaves this key alone."""
        number = int(key, 16)
        return number in self.recorded and number not in self.unsettled

    @property
    def settled(self) -> int:
        """The number of keys that a resume leaves alone."""
        return len(self.recorded) - len(self.unsettled)

    @property
    def in_doubt(self) -> int:
        """The number of possibly billed keys that a resume asks again."""
        return len(self.possibly_billed - (self.recorded - self.unsettled))


def notices(*, missing: bool, torn: int, damaged: Sequence[tuple[int, int]], unknown: Mapping[str, int]) -> list[str]:
    """Return what a reader must know of a journal's condition, as a `JournalIndex` has it."""
    found = []
    if missing:
        found.append(f"{JOURNAL} is missing: the run has no records")
    if torn:
        found.append(f"{JOURNAL} ends in a torn line of {torn:,} bytes, which is left out")
    if damaged:
        places = ", ".join(str(offset) for offset, _ in damaged[:5])
        more = ", ..." if len(damaged) > 5 else ""
        found.append(
            f"{JOURNAL} has {len(damaged)} damaged lines (at byte {places}{more}), which are left out; "
            "resuming the run asks their samples again"
        )
    for kind, count in sorted(unknown.items()):
        found.append(f"{JOURNAL} has {count} lines of type {kind!r}, which this version does not know: left out")
    return found


class StoredRun:
    """A results folder, open for reading, also while another process writes to it.

    The journal is read when something of it is first asked for, and seen as it was then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = read_manifest(path)

    @cached_property
    def index(self) -> JournalIndex:
        return JournalIndex(self.path / JOURNAL)

    @property
    def notices(self) -> list[str]:
        """What a reader must know of the journal's condition."""
        index = self.index
        return notices(missing=index.missing, torn=index.torn, damaged=index.damaged, unknown=index.unknown)

    @property
    def finished(self) -> bool:
        """Whether the last session said that nothing is left to ask."""
        return any(map(is_finished, self.index.sessions[-1:]))

    @property
    def finished_once(self) -> bool:
        """Whether some session said that nothing is left to ask. Later ones asked more than was planned."""
        return any(map(is_finished, self.index.sessions))

    def records(self) -> Iterator[Record]:
        """Return the records that count, in the journal's order: of several with the same key, the last."""
        last = self.index.last
        if self.index.missing:
            return
        for line in scan(self.path / JOURNAL, self.index.whole):
            if line.kind == b"record":
                record = line.event()
                assert isinstance(record, Record)  # by its kind
                if not last or last.get(int(record.key, 16), line.offset) == line.offset:
                    yield record

    def scorers(self) -> str | None:
        """Return the fingerprint of the scorers that the stored scores are from; None where there are none."""
        header = scores.read_header(self.path)
        return None if header is None else header.scorers

    def scores(self) -> Iterator[Scored]:
        """Return the stored scores; none where the run was never scored."""
        return scores.read_scores(self.path)


def is_finished(event: Session | End) -> bool:
    """Whether a session's last line says that nothing is left to ask."""
    return isinstance(event, End) and event.reason == "finished"


# ---------------------------------------------------------------- finding


def run_folder(folder: Path) -> Path:
    """Return the newest run of a folder that holds runs, as results/SUITE does; any other folder as it is."""
    runs = [] if (folder / MANIFEST).exists() else _runs(folder)
    return runs[-1][1] if runs else folder


def started_by(results_root: Path, suite_name: str, command: Json) -> list[Path]:
    """Return the runs that a command started, the newest first, by the clock that each of them was started at."""
    runs = reversed(_runs(results_root / suite_name))
    return [path for head, path in runs if canonical(head.command) == canonical(command)]


def is_delivered(folder: Path) -> bool:
    """Whether the results of a finished run were written and shown, so that the same command starts another run."""
    return (folder / DELIVERED).exists()


class _Head(msgspec.Struct):
    """The fields of a manifest that finding a run needs, of whatever schema; nothing where it is damaged."""

    created: datetime = datetime.min.replace(tzinfo=UTC)
    command: Json = None


def _runs(suite: Path) -> list[tuple[_Head, Path]]:
    """Return a suite's run folders in the order in which they were started; a copy under another name is not newer.

    One without a manifest died at birth and is no run.
    """
    if not suite.is_dir():
        return []
    with storing(suite):
        found = [(_head(path), path.parent) for path in suite.glob(f"*/{MANIFEST}")]
    return sorted(found, key=lambda run: (run[0].created, _STAMPED.match(run[1].name) is not None, run[1]))


def _head(path: Path) -> _Head:
    try:
        return decoded(contents(path), _Head)
    except DamagedError:
        return _Head()  # whoever opens the folder is told what is wrong with it
