"""What several tests of targets do with a server on this machine."""

import socket
import time

import httpx


def nobody_listens(url: httpx.URL, *, within_s: float = 20) -> bool:
    """Wait until a connection is refused."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            socket.create_connection((url.host, url.port)).close()
        except ConnectionRefusedError:
            return True
        time.sleep(0.01)
    return False


def answer(*pieces):
    """A script: read a request, send the pieces, hang up."""

    def script(peer):
        peer.read()
        for piece in pieces:
            peer.send(piece)

    return script
