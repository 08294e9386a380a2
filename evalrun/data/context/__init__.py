"""Questions about long prompts, made here: one file a kind, each with its source and its rule. Sends nothing.

    filler, lexicon, names   what the text around an answer is made of
    probe                    what every kind shares: `build(index, units=, pad=, nonce=)` gives one row
    catalogue                the union of all kinds, and RULER's eleven tasks with their published counts

A generator does not know tokens. Its size is a number of units (lines, pairs, edges...), and a unit is always equally
long: for one probe, rows with the same `units` and `pad` have the same number of characters whatever their index, and
as nearly as words allow the same number of tokens. Names and numbers have a fixed form (`K4821`, seven digits) for the
same reason. `pad` adds one short word each and changes nothing else; another `units` gives another text.

The scorer `items` judges all of them, except `recall`, which has its own. It counts what an answer claims and should
not; every probe puts enough wrong candidates into its text that naming all of them scores (nearly) nothing.
"""
