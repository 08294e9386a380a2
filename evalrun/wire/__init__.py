"""Bytes to values: server-sent events, requests, answers, refusals, latencies. No socket, no clock, no asyncio.

    bytes --sse.Parser--> Event --dialect.Decoder-------> Completion | Failure      (streamed)
    bytes --------------dialect.Dialect.reply-----------> Completion | Failure      (whole)
    status, headers, bytes --rejection.rejected---------> Failure                   (refused)
    instants --timing.timing----------------------------> Timing

dialect    what a dialect is, and which there are        chat     the one there is: chat completions
chunk      the JSON of one reply of chat                 answer   what a reply adds up to
sse        server-sent events                            timing   instants to latencies
rejection  error answers, whatever the dialect
"""
