"""The API's error objects: what a request is refused with, and what a fault says. No HTTP framing."""

from collections.abc import Sequence

import msgspec

_FAULTS = {  # status: message, type, code
    429: ("Rate limit reached for requests. Please try again later.", "requests", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request. Sorry about that!", "server_error", None),
    502: ("Bad gateway.", "server_error", None),
    503: ("The engine is currently overloaded, please try again later.", "server_error", None),
    504: ("The server took too long to respond.", "server_error", None),
}
"""Worded as OpenAI does (platform.openai.com/docs/guides/error-codes); others get a message of their class."""


class Refused(Exception):
    """A request is answered with an error. headers: further ones of the response, as `Name: value`."""

    def __init__(self, status: int, body: bytes, headers: Sequence[str] = ()) -> None:
        super().__init__(body.decode())
        self.status, self.body, self.headers = status, body, headers


def refused(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    kind: str = "invalid_request_error",
    headers: Sequence[str] = (),
) -> Refused:
    """Return the refusal to raise. kind: the error object's `type`."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    return Refused(status, msgspec.json.encode({"error": error}), headers)


def failed(status: int, retry_after_s: float | None = None) -> Refused:
    """Return the refusal of a request that was right, for a server's own reasons."""
    other = ("The request failed.", "server_error" if status >= 500 else "invalid_request_error", None)
    message, kind, code = _FAULTS.get(status, other)
    headers = [] if retry_after_s is None else [f"Retry-After: {retry_after_s:g}"]
    return refused(status, message, kind=kind, code=code, headers=headers)
