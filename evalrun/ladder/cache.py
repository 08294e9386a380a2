"""Was a request cold or warm? What was asked for and what the server reports must agree. Knows no latencies."""

from collections.abc import Iterable
from typing import Literal

from evalrun.ladder.gather import Request

State = Literal["cold", "warm", "leaked", "missed"]
"""leaked: to be cold, and came from a cache. missed: to be warm, and did not."""

FEW_TOKENS = 16
FEW_SHARE = 0.02
"""Up to so many cached tokens, or this share of the prompt if that is more, a prompt is cold: the first block of a
chat template is the same for everybody, and servers cache it."""


def reports(requests: Iterable[Request]) -> bool:
    """Say whether the endpoint reports cached tokens at all; it then may leave them out where there are none."""
    return any(request.cached is not None for request in requests)


def state(request: Request, *, reported: bool) -> State:
    """Say what a request was. Without a report (a failure, a silent endpoint) it was what was asked for."""
    if request.failure or not reported:
        return "warm" if request.warm else "cold"
    few = max(FEW_TOKENS, FEW_SHARE * (request.counted or request.size))
    if (request.cached or 0) > few:
        return "warm" if request.warm else "leaked"
    return "missed" if request.warm else "cold"
