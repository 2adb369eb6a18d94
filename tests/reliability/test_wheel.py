"""The archives for users are the same bytes from any clone, and contain the expected files."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="builds clones")
def test_two_clones_give_the_same_archives():
    command = [sys.executable, str(REPOSITORY / "reliability" / "wheel.py")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.count("| the same bytes | none |") == 2
