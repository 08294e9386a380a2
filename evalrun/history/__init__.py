"""All runs of a suite, side by side in time: what was measured, and what had changed since the run before.

    values   what comes out: History, its Runs, its Series of Points, the Changes between them
    folder   one run folder -> its facts and its numbers (table.json, manifest.json; no journal)
    columns  the same as columns of a Parquet file, one row for each number
    cache    results/<suite>/history.parquet, brought up to date by reading only folders that are new or changed
    wanted   `ttft_p95` -> the metric that is meant
    changes  two sets of fingerprints and versions -> what differs
    recall   the file's rows -> a History

It judges nothing: whether a difference is more than noise is for `compare` and `gate`. pyarrow answers every question
asked here. The file is for anybody's own questions, too, with DuckDB for one:

    select created, target, value, low, high from 'results/math/history.parquet'
    where metric = 'accuracy' and of = '' and task = 'gsm8k' order by created
"""

from evalrun.history.cache import update
from evalrun.history.recall import recall
from evalrun.history.values import Change, History, Point, Run, Series
from evalrun.history.wanted import HEADLINES, Wanted, wanted

__all__ = ["HEADLINES", "Change", "History", "Point", "Run", "Series", "Wanted", "recall", "update", "wanted"]
