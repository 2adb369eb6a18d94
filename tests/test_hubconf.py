"""hubconf.py through torch.hub, in a process without cdtnet and with few other packages."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]

CODE = """
import sys

sys.path[:] = [entry for entry in sys.path if entry != SOURCE]  # where an editable install points

import torch

for name in ("openvino", "PIL", "pyvips", "tqdm"):
    sys.modules[name] = None  # as if not installed: hubconf.py does not name them
for name in ("cdtnet_256", "cdtnet_512", "cdtnet_sim", "is2am"):
    model = torch.hub.load(REPOSITORY, name, source="local")
    assert not model.training
    image, mask = torch.rand(1, 3, 40, 60), torch.ones(1, 1, 40, 60)
    assert model(image, mask).image.shape == image.shape
    print(model.config.variant, model.config.base_size)
assert torch.hub.load(REPOSITORY, "is2am", source="local", base_size=64).config.base_size == 64

sys.path.insert(0, REPOSITORY)
import hubconf

listed = [name for name, value in vars(hubconf).items() if callable(value) and not name.startswith("_")]
assert listed == ["cdtnet_256", "cdtnet_512", "cdtnet_sim", "is2am"]  # what torch.hub.list shows
"""


def test_the_hub_loads_every_model():
    code = f"REPOSITORY, SOURCE = {str(ROOT)!r}, {str(ROOT / 'src')!r}\n{CODE}"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["cdtnet", "256", "cdtnet", "512", "cdtnet-sim", "256", "is2am", "256"]
