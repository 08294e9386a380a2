"""Every kind of probe in one visible union, and RULER's eleven tasks with their published counts. Builds nothing.

RULER has 13 tasks; its two on question answering need published texts and are left out.
"""

from typing import Annotated

from pydantic import Field

from evalrun.data.context.common_words import CommonWords
from evalrun.data.context.facts import Facts
from evalrun.data.context.frequent_words import FrequentWords
from evalrun.data.context.graph import Graph
from evalrun.data.context.key_value import KeyValue
from evalrun.data.context.list_operations import ListOperations
from evalrun.data.context.needle import Needle
from evalrun.data.context.passkey import Passkey
from evalrun.data.context.recall import Recall
from evalrun.data.context.variables import Variables

AnyProbe = Annotated[
    Needle | Passkey | KeyValue | Variables | CommonWords | FrequentWords | Graph | ListOperations | Facts | Recall,
    Field(discriminator="kind"),
]

DEPTHS = tuple(float(round(step * 100 / 39)) for step in range(40))  # RULER's 40 depths

RULER: dict[str, Needle | Variables | CommonWords | FrequentWords] = {
    "niah_single_1": Needle(kind="needle", haystack="noise", depths=DEPTHS),
    "niah_single_2": Needle(kind="needle", depths=DEPTHS),
    "niah_single_3": Needle(kind="needle", value="uuids", depths=DEPTHS),
    "niah_multikey_1": Needle(kind="needle", keys=4, depths=DEPTHS),
    "niah_multikey_2": Needle(kind="needle", haystack="needles", depths=DEPTHS),
    "niah_multikey_3": Needle(kind="needle", haystack="needles", key="uuids", value="uuids", depths=DEPTHS),
    "niah_multivalue": Needle(kind="needle", values=4, depths=DEPTHS),
    "niah_multiquery": Needle(kind="needle", keys=4, queries=4, depths=DEPTHS),
    "vt": Variables(kind="variables", hops=4),
    "cwe": CommonWords(kind="common_words", common=10, common_repeats=30, uncommon_repeats=3),
    "fwe": FrequentWords(kind="frequent_words", alpha=2.0),
}
