"""Memory at 24 megapixels, in a process of its own: peak resident size tells."""

import subprocess
import sys

import pytest

CODE = """
import sys
sys.path.insert(0, "benchmarks")
from memory import measure
print(measure(sys.argv[1], float(sys.argv[2]))["above"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak resident size is counted in other units elsewhere")
def test_a_24_megapixel_picture_takes_less_than_700_mb_more(official_model, tmp_path):
    from cdtnet.weights import write_weights

    write_weights(tmp_path / "formula.safetensors", official_model, {})
    command = [sys.executable, "-c", CODE, str(tmp_path / "formula.safetensors"), "0.02"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 700
