import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "examples" / "report.py"


def test_the_example_writes_a_report(tmp_path):
    command = [sys.executable, str(SCRIPT), str(tmp_path), "--size", "96", "--per-view", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    page = Path(done.stdout.strip()).read_text(encoding="utf-8")
    assert page.count("<article") == 6
    for method in ("cdtnet-256", "cdtnet-sim", "is2am", "Reinhard", "Poisson blending"):
        assert f"Error map of {method}" in page
