"""Statistics, one module for each question. Pure functions of numbers; each names its premise and its source.

    quantile      how slow are the slow ones, and do the data support saying so
    interval      how sure is a proportion or a mean
    repeats       avg@k, pass@k, pass^k and maj@k of samples asked several times
    scores        did the right answers change, question by question: all of it
    paired        the tests and intervals behind it
    resample      did a mean or a ratio change, request by request
    percentile    did a percentile change, request by request
    nights        did tonight's percentile change more than nights differ anyway
    sequence      the same questions with a look after every answer
    power         what could have been seen, and what seeing more would take
    verdict       pass, regressed or inconclusive, over one metric and over many
    distribution  the tails that the others need
    draw          which requests are drawn anew

Most of it imports numpy. Nothing here needs scipy; the tests compare with it.
"""
