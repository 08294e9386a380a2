"""HTTP/1.1 with a stopwatch: httpx's types and its one-method seam, instants taken where the bytes arrive.

measuring   the transport: httpx.Request in, httpx.Response out
stream      one request and its answer; deadlines        connection  an open connection; the pool
dial        name, TCP and TLS to a connection            stamped     a socket whose reads say when bytes arrived
http1, tls  bytes to values, no socket                   lag, turns  how late this client is; and how to be less
exchange    what a transport tells of a request          stock       httpx's own client behind the same seam
"""
