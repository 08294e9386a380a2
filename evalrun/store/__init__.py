"""Results folders: everything a run learned, kept so that it is never asked, and never paid for, twice.

    checked   JSON with a checksum
    disk      the calls that change the file system, and what to do when one fails
    journal   appending whole lines, and what is promised when
    lines     what the journal's lines say, and reading a damaged file
    manifest  what a run is; its format's version
    reader    finding and reading run folders
    scores    scores.jsonl
    writer    making a run folder and writing to it

Reading needs no network library and nothing of suites or targets.
"""
