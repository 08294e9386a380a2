"""Judging answers: a scorer is a pure function of (sample, completion, its options), and never asks the network.

    scorer       what a scorer is; exact, contains, regex
    function     python: a function of the user's
    choice       the option that a multiple-choice answer chooses
    labels       the labels of options, and which a question uses
    stance       what a text says of each option, and the one it settles on
    verdict      the words for that, in the common languages
    option       `extract`: a part of the reply, by a pattern, a JSON path or a tag
    container    tags, JSON objects and lines of confidence around an answer
    phrase       finding the final answer where it is words
    mathematics  numeric and math
    context      items and recall, for answers about a long prompt
    spec         the union of what a suite may name (`ScorerSpec`)
    extract      finding the final answer in a text
    last         the last number of a text, and what it is part of
    marks        what announces an answer, by language; one plain spelling of characters
    prose        the numbers, the formulas and the words of a text in any language
    numerals     numbers that are written with words: magnitudes, `eighteen`
    units        units of measurement and money around a number
    tidy         one short spelling of written mathematics
    number       exact arithmetic on written numbers
    algebra      exact algebra of polynomials and square roots
    form         the strict normaliser: what an answer says, compared by docs/labels.md
    judge        whether two answers are equivalent: the normaliser, then math-verify
    mathverify   asking math-verify, and checking its yes
    pool         `score_all`: many answers, in order, at constant memory; killable processes for what may hang or crash
    worker       such a process

This package's own namespace is empty: import the module you mean.
"""
