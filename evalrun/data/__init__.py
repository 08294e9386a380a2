"""Where samples come from: sources of rows, prompt templates, and the survey of what they yield. Sends nothing.

    source      the union of all sources; rows of the suite file (`inline`) and of a function (`python`)
    files       jsonl, csv, parquet
    hub         data sets of the Hugging Face hub
    graded      generated problems in six levels, and the arithmetic ones
    words       the word problems
    ladder      questions about long texts at exact prompt sizes
    context     the probes of a ladder
    scale       units of a probe -> tokens
    dice        seeded random choices
    places      what a source may read
    shuffle     the options of a row in a seeded order
    prompt      the prompt block: a row -> a sample
    template    text with fields of a row
    sandbox     the bounded environment of templates
    portion     which rows of a source are asked: the first, or a seeded sample
    samples     rows -> samples, and their survey

To add a source, write its class and name it in `source.Source` (tests/seams/test_seam_source.py does).
"""
