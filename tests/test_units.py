"""Numbers as people read them: rounded, with their unit, and never 0 for unknown."""

from decimal import Decimal

import pytest

from evalrun import units


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0 ms"),
        (0.00085, "0.850 ms"),
        (0.1184, "118 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (1.2149, "1.21 s"),
        (1234.5, "1,234 s"),
        (float("inf"), "inf"),
    ],
)
def test_seconds(value: float | None, text: str) -> None:
    """Durations have three significant digits, and change unit after rounding, not before."""
    assert units.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0 %"), (0.62, "62 %"), (0.004, "<1 %"), (0.996, ">99 %"), (1.0, "100 %")],
)
def test_fraction(value: float | None, text: str) -> None:
    """Only nothing reads 0 % and only everything reads 100 %."""
    assert units.fraction(value) == text


def test_interval_precision_follows_its_width() -> None:
    """An interval wider than ten points has no decimals; a narrower one has one."""
    assert units.interval(0.62, 0.47, 0.75) == "62 % [47, 75]"
    assert units.interval(0.9351, 0.9204, 0.9476) == "93.5 % [92.0, 94.8]"
    assert units.interval(0.9999, 0.99, 1.0) == ">99.9 % [99.0, 100.0]"
    assert units.interval(0.5, None, None) == "50 %"
    assert units.interval(None, None, None) == "-"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (Decimal(0), "$0.00"),
        (Decimal("0.0000268"), "$0.0000268"),
        (Decimal("0.00123456"), "$0.00123"),
        (Decimal("12.3456"), "$12.35"),
        (Decimal("1234567.891"), "$1,234,567.89"),
    ],
)
def test_usd(value: Decimal | None, text: str) -> None:
    """Small amounts keep three digits instead of becoming $0.00."""
    assert units.usd(value) == text


def test_counts() -> None:
    """Thousands are separated; unknown is a dash."""
    assert (units.count(12345), units.count(None)) == ("12,345", "-")


@pytest.mark.parametrize(
    ("value", "text"), [("0.00741", "0.0075"), ("0.0075", "0.0075"), ("12.01", "13"), ("0", "0.0")]
)
def test_a_cap_is_rounded_up(value: str, text: str) -> None:
    """A sum that is typed again is never below what it stands for."""
    assert units.cap(Decimal(value)) == text
