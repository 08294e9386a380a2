"""Two runs side by side: what changed, how sure that is, and what cannot be compared. Reads results, sends nothing.

    values      what a comparison says: Contrast and its parts
    side        a run, a table or a baseline as cells of one task and target each; which requests of two cells match
    read        what was typed (a folder, a table, a baseline's name) -> a Side
    tables      table.json as it is stored
    baseline    the few kilobytes of a run that are worth committing
    common      the rows that two cells of different data both asked
    comparable  whether two cells may be compared, and in what
    figures     a cell's own numbers with their intervals
    differ      one measure of two cells: the difference and the evidence
    change      where a change in score comes from: its parts, and the samples that flipped
    interim     what an analysis of a run that was asked again may read
    ab          targets asked in step, prepared for comparing
    beside      which runs beside a run asked the same
    contrast    all of it together

Every number is defined in `requests`. All modules but `values`, `tables` and `beside` import numpy. Random numbers are
drawn from a fixed seed: the same runs give the same page.
"""
