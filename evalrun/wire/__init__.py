"""Bytes to values: server-sent events, requests, answers, refusals, latencies. No socket, no clock, no asyncio.

    bytes --sse.Parser--> Event --dialect.Decoder-------> Completion | Failure      (streamed)
    bytes --------------dialect.Dialect.reply-----------> Completion | Failure      (whole)
    status, headers, bytes --rejection.rejected---------> Failure                   (refused)
    instants, sizes --pace.pace-------------------------> Pace
    instants --timing.timing----------------------------> Timing

Its modules:

    dialect    what a dialect is, and which there are
    chat       the dialect of chat completions
    chunk      the JSON of one of its replies
    answer     what its replies add up to
    reasoning  reasoning in the forms in which it is sent
    tools      tool calls out of their fragments
    pieces     a text in many small pieces
    usage      the tokens that were billed, out of usage blocks
    extent     how many may be billed, by the request and while the answer comes
    amount     foreign numbers as counts and dollars
    nested     foreign JSON, bounded in depth
    rejection  error answers of any dialect
    complaint  an error, read from any shape
    kinds      what its status and words mean
    wait       how long it asks to wait
    foreign    what a stream carries beside chat
    coding     compressed answers
    sse        server-sent events
    timing     instants to latencies
    pace       time per output token: which tokens arrived in which time
"""
