"""The commands of docs/first-experiment.md."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cdtnet.model import load_model

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(not shutil.which("bash"), reason="the page's commands are for a Unix shell")
@pytest.mark.parametrize("per_mask", [2, pytest.param(6, marks=pytest.mark.nightly)])
def test_the_first_experiment_runs_as_written(tmp_path, small_models, per_mask):
    """The full size of the page runs nightly; otherwise there are fewer composites and a faster model."""
    for name in ("examples", "recipes", "src"):
        (tmp_path / name).symlink_to(ROOT / name)
    page = (ROOT / "docs" / "first-experiment.md").read_text(encoding="utf-8")
    script = "\n".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    assert script.count("cdtnet ") == 5
    assert script.count("--per-mask 6") == 1
    assert script.count("--model cdtnet-256 ") == 1
    if per_mask != 6:
        script = script.replace("--per-mask 6", f"--per-mask {per_mask}")
        script = script.replace("--model cdtnet-256 ", f"--model {small_models['cdtnet-256']} ")
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(rf"\b{14 * per_mask}\b", done.stdout)  # triplets to train on
    assert load_model(tmp_path / "runs/first-experiment/weights.safetensors").config.variant == "is2am"
    for method in ("Reinhard", "MKL", "Poisson", "cdtnet-256", "weights"):
        assert method in done.stdout
    assert "</html>" in (tmp_path / "report.html").read_text(encoding="utf-8")
