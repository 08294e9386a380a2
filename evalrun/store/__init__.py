"""Results folders: everything a run learned, kept so that it is never asked, and never paid for, twice.

    disk      the calls that change the file system, and what to do when one fails
    journal   appending whole lines, and what is promised when
    lines     what the journal's lines say, and reading a damaged file
    manifest  what a run is; its format's version
    reader    finding and reading run folders
    scores    scores.jsonl
    writer    making a run folder and writing to it

Reading needs no network library and nothing of suites or targets.
"""

from evalrun.store.disk import replace_file
from evalrun.store.lines import End, Intent, JournalEvent, Lag, Load, Session
from evalrun.store.manifest import Fingerprints, Machine, Manifest, TaskPrints
from evalrun.store.reader import StoredRun, find_unfinished, newest, open_run, run_folder
from evalrun.store.scores import write_scores
from evalrun.store.writer import Writer, create_run, resume

__all__ = [
    "End",
    "Fingerprints",
    "Intent",
    "JournalEvent",
    "Lag",
    "Load",
    "Machine",
    "Manifest",
    "Session",
    "StoredRun",
    "TaskPrints",
    "Writer",
    "create_run",
    "find_unfinished",
    "newest",
    "open_run",
    "replace_file",
    "resume",
    "run_folder",
    "write_scores",
]
