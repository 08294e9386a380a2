"""Records of prompts of known sizes -> ladders: latency, cost and quality against size. Asks nobody, draws nothing.

    values     what comes out: Ladder, its Rungs, its Spots (size x depth)
    gather     records + scores -> Requests, the little of each record that a ladder needs
    cache      was a request cold or warm? its cached tokens decide
    rungs      the requests of one size -> the metrics of a rung
    growth     how TTFT grows with size: a fit and an exponent, with bootstrap intervals (imports numpy)
    effective  up to which size accuracy stays what it is at the smallest
    climb      all of it, for each target

A record belongs to a ladder when its sample's meta has a `size`. What each metric means is in `evalrun.explain`.
"""

from evalrun.ladder.climb import climb
from evalrun.ladder.values import Ladder, Rung, Spot

__all__ = ["Ladder", "Rung", "Spot", "climb"]
