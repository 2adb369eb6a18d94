"""`cdtnet info`: versions, devices, and the weights that ship, with their scores and licences."""

import argparse
import platform
from importlib.metadata import version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb has no arguments."""


def run(arguments: argparse.Namespace) -> None:
    """Print what there is."""
    import pyvips

    from .. import __version__
    from ..engines import open_engine
    from ..weights import SHIPPED
    from ..weights.loading import shipped_weights

    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    print(
        f"cdtnet {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    print(f"libvips {libvips}, NumPy {version('numpy')}")
    for name in ("openvino", "pytorch"):
        print(f"engine {name}: {_describe(name)}")
    print(f"used by default: {open_engine('cdtnet-256').describe()}")
    for name, (file, variant) in SHIPPED.items():
        card = shipped_weights(file)[1]
        print(f"\n{name}  ({file}, base size {card['config']['base_size']})")
        print(f"  licence: {card.get('licence', 'not stated')}")
        print(f"  trained: {card.get('training', 'not stated')}")
        print(f"  scores:  {card.get('scores', {}).get(variant, 'not measured')}")


def _describe(engine: str) -> str:
    """The engine's runtime and device, or what is missing."""
    from ..engines import open_engine
    from ..errors import CdtnetError

    try:
        return open_engine("cdtnet-256", engine=engine).describe()
    except CdtnetError as error:
        return f"not available. {error}"
