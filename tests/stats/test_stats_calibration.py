"""The calibration benchmark runs. What it promises is judged by its full run, not here."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "calibration.py"


@pytest.mark.slow
def test_calibration_prints_its_table() -> None:
    """A quick run ends well, and no test raises far too many false alarms even in so few runs."""
    done = subprocess.run([sys.executable, SCRIPT, "--quick"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    alarms = [line for line in done.stdout.splitlines() if line.startswith("alpha")]
    assert len(alarms) > 100
    assert [line for line in alarms if " FAIL " in line] == []
