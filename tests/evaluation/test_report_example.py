import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "examples" / "report.py"


def test_the_example_writes_a_report(tmp_path, small_models, monkeypatch, capfd):
    spec = importlib.util.spec_from_file_location("report_example", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    words = [small_models.get(word, word) for word in script.METHODS.split()]
    monkeypatch.setattr(script, "METHODS", " ".join(words))
    monkeypatch.setattr(sys, "argv", ["report.py", str(tmp_path), "--size", "96", "--per-view", "1"])
    script.main()
    page = Path(capfd.readouterr().out.strip()).read_text(encoding="utf-8")
    assert page.count("<article") == 6
    for method in ("cdtnet-256", "cdtnet-sim", "is2am", "Reinhard", "Poisson blending"):
        assert f"Error map of {method}" in page
