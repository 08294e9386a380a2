"""All runs of a suite over time: what was measured, and what had changed since the run before. Judges nothing.

    values   what comes out: History, its PastRuns, its Series of RunPoints, the Changes between them
    folder   one run folder -> its facts and its numbers (table.json, manifest.json; no journal)
    cache    results/<suite>/history.parquet, kept current by reading only folders that are new or changed
    recall   the file's rows -> a History; `ttft_p95` -> the metric that is meant

Whether a difference is more than noise is for `compare` and `gate`. The file is for anybody's own questions too, with
DuckDB for example:

    select created, target, value, low, high from 'results/math/history.parquet'
    where metric = 'accuracy' and of = '' and task = 'gsm8k' order by created
"""

from evalrun.history.cache import update
from evalrun.history.recall import recall, wanted
from evalrun.history.values import HEADLINES, Change, History, PastRun, RunPoint, Series, Wanted

__all__ = ["HEADLINES", "Change", "History", "PastRun", "RunPoint", "Series", "Wanted", "recall", "update", "wanted"]
