"""Judging answers: a scorer is a pure function of (sample, completion, its options), and never asks the network.

    scorer       what a scorer is; exact, contains, regex, python
    choice       the letter of a multiple-choice answer
    mathematics  numeric and math: the normaliser and math-verify, put together
    context      items and recall, for answers about a long prompt
    spec         the union of what a suite may name (`ScorerSpec`)
    extract      finding the final answer in a text
    marks        what announces an answer, by language; one plain spelling of characters
    number       exact arithmetic on written numbers, and units
    form         the strict normaliser: what an answer says, compared by docs/labels.md
    pool         `score_all`: many answers, in order, at constant memory; killable processes for what may hang or crash
    worker       such a process

This package's own namespace is empty: import the module you mean.
"""
