"""Two runs side by side: what changed, how sure that is, and what cannot be compared. Reads; asks nobody.

    values     what a comparison says: Contrast and its parts
    side       one run, table or baseline, reduced to what comparing needs
    scan       a journal and its scores -> arrays, in one lean pass
    load       what was typed (a folder, a table, a baseline's name) -> a Side
    baseline   the few kilobytes of a run that are worth committing
    lock       which of two sides may be compared, and in what
    figures    a cell's own numbers with their intervals
    differ     one measure of two cells: the difference and the evidence
    parts      how much of a change in score comes from what
    look       single records and scores, read again for the few that are shown
    contrast   all of it together

numpy is imported by all but `values`. Every random number is drawn from a fixed seed: the same runs give the same page.
"""
