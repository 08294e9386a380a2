"""The request table of a run -> numbers for each task x target: what `evalrun table` prints. Computes none of them.

    cells     the values: Context, Cell, Metric, Table
    metrics   the metrics of a cell, each by its definition in `requests`
    tabulate  all cells of a run, and examples of what went wrong

What each metric means is in `evalrun.explain`.
"""

from evalrun.table.cells import Cell, Context, Example, Mark, Metric, Table, TargetNote
from evalrun.table.tabulate import tabulate, target_notes

__all__ = [
    "Cell", "Context", "Example", "Mark", "Metric", "Table", "TargetNote", "tabulate", "target_notes",
]  # fmt: skip
