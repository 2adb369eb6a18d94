"""`cdtnet info`: versions, devices, and the weights that ship, with their scores and licences."""

import argparse
import platform
from importlib.metadata import version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb has no arguments."""


def run(arguments: argparse.Namespace) -> None:
    """Print what there is."""
    import pyvips
    import torch

    from .. import __version__
    from ..weights import SHIPPED
    from ..weights.loading import shipped_weights

    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    print(
        f"cdtnet {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    print(f"PyTorch {torch.__version__}, libvips {libvips}, NumPy {version('numpy')}")
    print(f"devices: {', '.join(_devices())}")
    for name, (file, variant) in SHIPPED.items():
        card = shipped_weights(file)[1]
        print(f"\n{name}  ({file}, base size {card['config']['base_size']})")
        print(f"  licence: {card.get('licence', 'not stated')}")
        print(f"  trained: {card.get('training', 'not stated')}")
        print(f"  scores:  {card.get('scores', {}).get(variant, 'not measured')}")


def _devices() -> list[str]:
    import torch

    devices = [f"cpu ({torch.get_num_threads()} threads)"]
    devices += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    return devices + (["mps"] if torch.backends.mps.is_available() else [])
