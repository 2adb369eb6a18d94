"""PyTorch Hub: `torch.hub.load("OWNER/cdtnet", "cdtnet_256")` gives what `cdtnet.load_model` gives."""

import sys
from pathlib import Path as _Path

sys.path.insert(0, str(_Path(__file__).parent / "src"))  # the hub fetches the repository and installs nothing

from cdtnet import load_model as _load_model

dependencies = ["numpy", "safetensors", "torch"]


def cdtnet_256(base_size=None):
    """The whole method, a `torch.nn.Module` in eval mode on the CPU; `base_size` is analyzed if not 256."""
    return _load_model("cdtnet-256", base_size)


def cdtnet_512():
    """The same, analyzed at 512; for pictures of 2048 pixels and more."""
    return _load_model("cdtnet-512")


def cdtnet_sim(base_size=None):
    """The color mapping alone."""
    return _load_model("cdtnet-sim", base_size)


def is2am(base_size=None):
    """The low-resolution generator alone."""
    return _load_model("is2am", base_size)
