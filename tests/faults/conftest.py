"""Fixtures of the fault tests."""

import pytest
from asking import Ask

from evalrun.target.stock import StockTransport
from evalrun.target.transport import MeasuringTransport


@pytest.fixture(params=["evalrun", "httpx"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask through the measuring transport, and again through httpx's own: both keep the same promises."""
    return Ask(transport={"evalrun": MeasuringTransport, "httpx": StockTransport}[request.param])
