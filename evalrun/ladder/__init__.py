"""Requests with prompts of known sizes -> ladders: latency, cost and quality against size.

    values  what comes out: Ladder, its Rungs, its Spots (size x depth)
    rungs   the requests of one size -> the metrics of a rung; was a prompt cold or warm? the effective context
    growth  how TTFT grows with size: a fit and an exponent, with bootstrap intervals
    climb   all of it, for each target

A request belongs to a ladder when its task's data are of kind `ladder`. What each metric means is in `evalrun.explain`.
"""

from evalrun.ladder.climb import climb
from evalrun.ladder.values import Ladder, Rung, Spot

__all__ = ["Ladder", "Rung", "Spot", "climb"]
