"""Statistics, one module for each question. Pure functions of numbers; each names its premise and its source.

    quantile      how slow are the slow ones, how sure is that, how many requests does it take, and did it change
    interval      how sure is a proportion or a mean, over samples or clusters of them
    repeats       pass@k, pass^k and maj@k of samples asked several times
    scores        did the right answers change: tested once, or at any number of interim analyses
    resample      did a ratio change, request by request
    nights        did tonight's percentile change more than nights differ anyway
    power         what could have been seen, and what seeing more would take
    verdict       pass, regressed or inconclusive, over one metric and over many
    distribution  the tails that the others need

Most of it imports numpy. Nothing here needs scipy; the tests compare with it.
"""
