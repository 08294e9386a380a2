"""The base of everything a person types into YAML. Strict, frozen, unknown keys forbidden.

Validate with `Model.model_validate_json`: JSON mode is strict about types yet takes lists for tuples and
text for decimals, which is what YAML gives.
"""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """One block of a suite or config file. A field's description is the editor's help for it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True)
