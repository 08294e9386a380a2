"""The base of everything a person types into YAML, and the types of its fields. Strict, frozen, unknown keys forbidden.

Validate with `Model.model_validate_json`: JSON mode is strict about types yet takes lists for tuples and
text for decimals, which is what YAML gives.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from evalrun.fingerprint import checked_path

MOST_DOLLARS = 1_000_000_000
Dollars = Annotated[Decimal, Field(le=MOST_DOLLARS, decimal_places=18)]
"""An amount with which everything can be computed exactly: 1e999 would never end, and 1e-300 is a typing error."""
FilePath = Annotated[str, AfterValidator(checked_path)]
"""A path that a file can have."""


class Spec(BaseModel):
    """One block of a suite or config file. A field's description is the editor's help for it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True)
