"""Peak memory at 24 megapixels, in a process of its own."""

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


PICTURES = """
import sys
sys.path.insert(0, "benchmarks")
from speed_cell import ellipse, photo
COMPOSITE, MASK = photo(4000, 6000), ellipse(4000, 6000, 0.086)
"""

WHOLE = """
from cdtnet import Harmonizer
from cdtnet.system.machine import peak_memory
Harmonizer("cdtnet-256", "cpu", threads=2)(COMPOSITE, MASK)
print(peak_memory())
"""

FILES = """
from cdtnet.imaging import Picture
for name in ("c.jpg", "c.tif"):
    Picture(COMPOSITE).save(f"{sys.argv[1]}/{name}")
Picture(MASK[..., None]).save(f"{sys.argv[1]}/mask.png")
"""

COMMAND = """
import sys
from cdtnet.cli.main import main
from cdtnet.system.machine import peak_memory
failed = main(["harmonize", "--device", "cpu", *sys.argv[1:]])
print(peak_memory())
sys.exit(failed)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak resident size is counted in other units elsewhere")
def test_a_process_that_harmonizes_24_megapixels_takes_550_mb_from_start_to_end():
    """168 MB of the bound are picture, mask and result."""
    assert float(_run(PICTURES + WHOLE)) < 550e6


@pytest.mark.skipif(sys.platform != "linux", reason="peak resident size is counted in other units elsewhere")
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("c.jpg", "out.jpg"),
        pytest.param("c.jpg", "out.png", marks=pytest.mark.nightly),
        pytest.param("c.tif", "out.tif", marks=pytest.mark.nightly),
    ],
)
def test_the_command_takes_550_mb_for_24_megapixels_from_file_to_file(files, source, target):
    composite, mask, output = (str(files / name) for name in (source, "mask.png", target))
    printed = _run(COMMAND, composite, mask, "-o", output, "--overwrite")
    assert float(printed.splitlines()[-1]) < 550e6


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of c.jpg, c.tif and mask.png, 24 megapixels each."""
    folder = tmp_path_factory.mktemp("large")
    _run(PICTURES + FILES, str(folder))
    return folder


def _run(code, *arguments):
    """Return the output of a Python process."""
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="peak resident size is counted in other units elsewhere")
@pytest.mark.parametrize(("variant", "share"), [("cdtnet", 0.1), ("cdtnet-sim", 1.0)])
def test_a_24_megapixel_picture_takes_less_than_700_mb_more(official_model, tmp_path, variant, share):
    entries = {name: value.numpy() for name, value in official_model.state_dict().items()}
    if variant == "cdtnet-sim":
        entries = {name: value for name, value in entries.items() if not name.startswith("refinement.")}
    model = build(Weights("formula", Config(variant, base_size=64), entries))
    write_weights(tmp_path / "formula.safetensors", model, {}, ranges=False)
    above, peak = map(float, _run(CODE, str(tmp_path / "formula.safetensors"), str(share)).split())
    assert above < 700
    assert peak < 2000
