"""Memory at 24 megapixels, in a process of its own: peak resident size tells."""

import subprocess
import sys

import pytest

from cdtnet.model import Config
from cdtnet.model.loading import build
from cdtnet.weights import Weights, write_weights

pytestmark = pytest.mark.slow

CODE = """
import sys
sys.path.insert(0, "benchmarks")
from memory import measure
row = measure(sys.argv[1], float(sys.argv[2]))
print(row["above"], row["peak"])
"""


WHOLE = """
import sys
sys.path.insert(0, "benchmarks")
from speed_cell import ellipse, photo
from cdtnet import Harmonizer
from cdtnet.system.machine import peak_memory
composite, mask = photo(4000, 6000), ellipse(4000, 6000, 0.086)
Harmonizer("cdtnet-256", "cpu", threads=2)(composite, mask)
print(peak_memory())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak resident size is counted in other units elsewhere")
def test_a_process_that_harmonizes_24_megapixels_takes_550_mb_from_start_to_end():
    """Picture, mask and result are 168 of them."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", WHOLE], capture_output=True, check=True)
    assert float(done.stdout) < 550e6


@pytest.mark.skipif(sys.platform != "linux", reason="peak resident size is counted in other units elsewhere")
@pytest.mark.parametrize(("variant", "share"), [("cdtnet", 0.1), ("cdtnet-sim", 1.0)])
def test_a_24_megapixel_picture_takes_less_than_700_mb_more(official_model, tmp_path, variant, share):
    entries = {name: value.numpy() for name, value in official_model.state_dict().items()}
    if variant == "cdtnet-sim":
        entries = {name: value for name, value in entries.items() if not name.startswith("refinement.")}
    model = build(Weights("formula", Config(variant, base_size=64), entries))
    write_weights(tmp_path / "formula.safetensors", model, {})
    command = [sys.executable, "-W", "ignore", "-c", CODE, str(tmp_path / "formula.safetensors"), str(share)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    above, peak = map(float, done.stdout.split())
    assert above < 700
    assert peak < 2000
