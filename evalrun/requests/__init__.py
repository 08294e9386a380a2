"""A run as one table, a row a request; every number that is derived from requests is defined here, once.

    requests = read(folder)                          manifest, journal and scores, each read once
    cell = requests.of("gsm8k", "gpt")               one task and target, a cheap view; None for all tasks of a target
    cell.ttft_s, cell.failure, cell.scores().value   columns, numpy arrays (`rows.Requests` lists them)
    cell.take(cell.answered & ~cell.truncated)       a view of some rows: a mask, row numbers, a slice
    cell.record(7), cell.score(7)                    one row's texts, read from the files again
    requests.run                                     what was planned, of whom, by which sessions (`run.RunFacts`)

    rows     the columns, and views of some rows; which rows were planned
    run      the facts of a run apart from its requests
    scan     the files -> a table
    scored   the scores -> columns; what became of each request
    chosen   rows by what became of them, or by an expression over the columns
    growing  columns while a file is read
    latency  which requests a latency is of, percentiles with their marks, how far off this client may be
    rates    windows of time, throughput, full concurrency, load, SLO kept, goodput
    money    exact sums, cost under a price list, per right answer, disagreement with the server
    served   models that answered in place of the one asked for
    quality  means over samples, accuracy, what k answers are worth, lost share, no verdict
    export   the table as Parquet, CSV and JSON lines

Definitions take a view and return a number, or an array with one number a row. Seconds, US dollars and shares of 1.
Tables, ladders, comparisons, gates and exports call them and derive nothing again. It reads no HTTP library.
"""

from evalrun.requests.rows import HEADLINE, Requests, Scores, State
from evalrun.requests.run import Conditions, RunFacts
from evalrun.requests.scan import read, sample_hash

__all__ = [
    "HEADLINE",
    "Conditions",
    "Requests",
    "RunFacts",
    "Scores",
    "State",
    "read",
    "sample_hash",
]  # fmt: skip
