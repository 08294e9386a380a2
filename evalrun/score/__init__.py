"""Judging answers: a scorer is a pure function of (sample, completion, its options), and never asks the network.

    spec         what a suite may ask for, and the union of it (`ScorerSpec`)
    extract      finding the final answer in a text
    number       exact arithmetic on written numbers
    form, unit   the strict normaliser: what an answer says, compared by docs/labels.md
    mathematics  the normaliser and math-verify, put together into a verdict
    context      what an answer about a long prompt claims: items, or a text word for word
    choice       the letter of a multiple-choice answer
    pool, worker killable processes for what may hang, crash or eat memory
    stream       `score_all`: many answers, in order, at constant memory

This package's own namespace is empty: import the module you mean.
"""
