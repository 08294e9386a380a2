"""Probes: generated questions about long texts. Sends nothing.

    filler        the words, names and sentences they are made of
    probe         what all probes share: `build(index, units=, pad=, nonce=)` returns one row
    retrieval     needle, passkey, key_value
    tracing       variables, facts, graph
    aggregation   common_words, frequent_words
    michelangelo  list_operations, recall

A generator does not know tokens. Its size is a number of units (lines, pairs, edges, ...), each of the same length: for
one probe, rows with the same `units` and `pad` have the same number of characters whatever their index, and as nearly
as words allow the same number of tokens. `pad` adds one short word each and changes nothing else; another `units` gives
another text.

The scorer `items` judges all of them except `recall`, which has its own. It subtracts what an answer names and should
not; every text holds enough wrong candidates that naming all of them scores (nearly) nothing.
"""

from typing import Annotated

from pydantic import Field

from evalrun.data.context.aggregation import CommonWords, FrequentWords
from evalrun.data.context.michelangelo import ListOperations, RecallProbe
from evalrun.data.context.retrieval import KeyValue, Needle, Passkey
from evalrun.data.context.tracing import Facts, Graph, Variables

AnyProbe = Annotated[
    Needle | Passkey | KeyValue | Variables | Facts | Graph
    | CommonWords | FrequentWords | ListOperations | RecallProbe,
    Field(discriminator="kind"),
]  # fmt: skip
