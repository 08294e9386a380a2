"""Gates: rules about a run, alone or against a baseline, and the verdict they end in.

    values    what a gate says: Ruling, Failing, Gate
    judge     every rule on every task and target, with p-values adjusted together
    case      one rule on one task and target: the evidence, or why there is none
    decide    what would decide an inconclusive ruling; whether a decision that goes on may stop
    failing   the samples worth showing

Nothing here sends a request. docs/gates.md has the rules and their premises.
"""
