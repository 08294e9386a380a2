"""Gates: rules about a run, alone or against a baseline, and the word they end in.

values    what a gate says: Ruling, Failing, Gate
judge     every rule on every task and target, corrected together
case      one rule on one task and target: the evidence, or why there is none
decide    what would decide an inconclusive ruling; may a run that goes on stop now
looks     what a look at a run that is asked again may read, and what it costs in evidence
failing   the samples worth showing
"""
