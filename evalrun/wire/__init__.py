"""Bytes to values: SSE, chat requests, replies, streams, errors, timing. No socket, no clock, no asyncio.

    bytes --sse.Parser--> Event --stream.StreamDecoder--> Completion | Failure      (streamed)
    bytes --------------chat.reply----------------------> Completion | Failure      (whole)
    status, headers, bytes --rejection.rejected---------> Failure                   (refused)
    instants --timing.timing----------------------------> Timing

`chunk` is the JSON of one reply, `answer` is what a reply adds up to.
"""
