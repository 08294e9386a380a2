"""Every kind of scorer a suite may name, in one visible union. What a scorer is, and how to add one: `scorer`."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from evalrun.score.choice import ChoiceScorer
from evalrun.score.context import ItemsScorer, RecallScorer
from evalrun.score.function import PythonScorer
from evalrun.score.mathematics import MathScorer, NumericScorer
from evalrun.score.scorer import ContainsScorer, ExactScorer, RegexScorer

ScorerSpec = Annotated[
    ExactScorer
    | ContainsScorer
    | RegexScorer
    | NumericScorer
    | ChoiceScorer
    | MathScorer
    | ItemsScorer
    | RecallScorer
    | PythonScorer,
    Field(discriminator="kind"),
]
ADAPTER: TypeAdapter[tuple[ScorerSpec, ...]] = TypeAdapter(tuple[ScorerSpec, ...])
