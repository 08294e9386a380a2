"""Results folders: everything a run learned, kept so that it is never asked, and never paid for, twice.

Start reading at `runs` (the folder), then `journal` (what is promised when) and `lines` (what is written). Reading
needs no network library and nothing of suites or targets.
"""

from evalrun.store.disk import replace_file
from evalrun.store.lines import End, Event, Intent, Lag, Load, Session
from evalrun.store.manifest import Fingerprints, Machine, Manifest, TaskPrints
from evalrun.store.reader import Keys, Run, open_run
from evalrun.store.runs import create_run, find_unfinished, newest, resume, run_folder
from evalrun.store.scores import write_scores
from evalrun.store.writer import Writer

__all__ = [
    "End",
    "Event",
    "Fingerprints",
    "Intent",
    "Keys",
    "Lag",
    "Load",
    "Machine",
    "Manifest",
    "Run",
    "Session",
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
