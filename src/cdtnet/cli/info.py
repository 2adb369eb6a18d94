"""`cdtnet info`: print versions, devices and models, or the record of a picture (see --record)."""

import argparse
import json
import platform
from importlib.metadata import version

from .._version import __version__
from ..errors import CdtnetError, PictureError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument(
        "picture",
        metavar="FILE",
        nargs="?",
        help="picture whose record is printed as JSON (default: print versions, devices and models)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the record, or versions, devices and models."""
    if arguments.picture:
        _print_record(arguments.picture)
    else:
        _print_versions()


def _print_record(name: str) -> None:
    from ..inference.provenance import read_record

    record = read_record(name)
    if record is None:
        raise PictureError(f"{name} has no record; pictures get one if they are made with --record.")
    print(json.dumps(record, indent=2))


def _print_versions() -> None:
    import pyvips

    from ..engines.opening import open_engine
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
    for name, (file, _, base_size) in SHIPPED.items():
        card = shipped_weights(file)[1]
        print(f"\n{name}  ({file}, base size {base_size})")
        print(f"  license: {card.get('licence', 'not stated')}")
        print(f"  trained: {card.get('training', 'not stated')}")
        print(f"  scores:  {card.get('scores', {}).get(name, 'not measured')}")


def _describe(engine: str) -> str:
    """Describe the engine's runtime and device, or what is missing."""
    from ..engines.opening import open_engine

    try:
        return open_engine("cdtnet-256", engine=engine).describe()
    except CdtnetError as error:
        return f"not available. {error}"
