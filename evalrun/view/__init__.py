"""The browser of runs: what `evalrun view` serves on this machine to whoever has its URL.

    runs      the runs of a results folder, as the first page lists them
    samples   the samples of one run, filtered, sorted and paged, whatever the size of the run
    pages     the HTML of each page
    app       routes, and who may ask

Nothing here changes a run. Needs starlette and uvicorn (`pip install 'evalrun[view]'`).
"""
