"""Fixtures of the fault tests."""

import shutil
from typing import Any

import pytest
from asking import Ask
from certificates import Certify

from evalrun.targets.transport.measuring import MeasuringTransport
from evalrun.targets.transport.stock import StockTransport

TRANSPORTS: list[Any] = [MeasuringTransport, StockTransport]


@pytest.fixture(params=TRANSPORTS, ids=["evalrun", "httpx"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask through the measuring transport, and again through httpx's own: both keep the same promises."""
    return Ask(transport=request.param)


@pytest.fixture(scope="module")
def certify(tmp_path_factory: pytest.TempPathFactory) -> Certify:
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command makes the certificates")
    return Certify(tmp_path_factory.mktemp("tls"))
