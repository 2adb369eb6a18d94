"""The short form of reliability/same_bytes.py."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = Path(__file__).parents[2] / "reliability" / "same_bytes.py"


def test_the_same_input_gives_the_same_bytes():
    command = [sys.executable, str(COMMAND), "--short"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    lines = finished.stdout.splitlines()[2:]
    assert len(lines) == 7
    assert all("| 3 | 3 | – |  |" in line for line in lines)
