"""Two runs side by side: what changed, how sure that is, and what cannot be compared. Reads; asks nobody.

    values     what a comparison says: Contrast and its parts
    side       one run, table or baseline, reduced to what comparing needs
    scan       a journal and its scores -> arrays, in one lean pass
    load       what was typed (a folder, a table, a baseline's name) -> a Side
    baseline   the few kilobytes of a run that are worth committing
    comparable which of two cells may be compared, and in what
    figures    a cell's own numbers with their intervals
    differ     one measure of two cells: the difference and the evidence
    change     where a change in score comes from: its parts, and the samples that flipped
    interim    what an analysis of a run that was asked again may read
    ab         targets asked in step, made ready for comparing
    contrast   all of it together

numpy is imported by all but `values`. Every random number is drawn from a fixed seed: the same runs give the same page.
"""
