"""Records and scores -> cells: accuracy, latency, tokens and cost of each task x target. Reads no file, asks nobody.

    cells       the values: Context in, Table out
    tally       what one pass over the records leaves behind
    throughput  tokens and requests per second, over windows of each session
    derive      a tally -> the metrics of a cell
    tabulate    the pass itself

Premise: one record a key (the store drops superseded ones). What each metric means is in `evalrun.explain`.
"""

from evalrun.table.cells import Cell, Context, Example, Lag, Mark, Metric, Table, TargetNote
from evalrun.table.tabulate import tabulate

__all__ = ["Cell", "Context", "Example", "Lag", "Mark", "Metric", "Table", "TargetNote", "tabulate"]
