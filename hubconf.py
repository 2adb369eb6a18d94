"""Entry points of PyTorch Hub: `torch.hub.load("OWNER/cdtnet", "cdtnet_256")`, as `cdtnet.load_model`."""

import sys
from pathlib import Path as _Path

# the hub downloads the repository without installing it
sys.path.insert(0, str(_Path(__file__).parent / "src"))

from cdtnet import load_model as _load_model

dependencies = ["numpy", "safetensors", "torch"]


def cdtnet_256(base_size=None):
    """Load the whole method, a `torch.nn.Module` in eval mode on the CPU; `base_size` replaces 256."""
    return _load_model("cdtnet-256", base_size)


def cdtnet_512():
    """Load the same with a base size of 512, for recolored photographs with exact masks."""
    return _load_model("cdtnet-512")


def cdtnet_sim(base_size=None):
    """Load the color mapping alone."""
    return _load_model("cdtnet-sim", base_size)


def is2am(base_size=None):
    """Load the low-resolution generator alone."""
    return _load_model("is2am", base_size)
