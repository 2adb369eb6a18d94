"""cdtnet: high-resolution image harmonization.

    import cdtnet

    cdtnet.harmonize("composite.jpg", "mask.png").save("harmonized.jpg")

Importing the package is cheap; PyTorch is loaded when something is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .composition import Composition, compose
    from .errors import CdtnetError, DataError, PictureError, WeightsError, WriteError
    from .harmonizer import Harmonizer, harmonize
    from .imaging import Lut, Picture
    from .model import load_model
    from .recording import read_record
    from .result import Result

__version__ = "0.1.0"

_HOMES = {
    "CdtnetError": "errors",
    "Composition": "composition",
    "DataError": "errors",
    "Harmonizer": "harmonizer",
    "Lut": "imaging",
    "Picture": "imaging",
    "PictureError": "errors",
    "Result": "result",
    "WeightsError": "errors",
    "WriteError": "errors",
    "compose": "composition",
    "harmonize": "harmonizer",
    "load_model": "model",
    "read_record": "recording",
}

__all__ = [
    "CdtnetError",
    "Composition",
    "DataError",
    "Harmonizer",
    "Lut",
    "Picture",
    "PictureError",
    "Result",
    "WeightsError",
    "WriteError",
    "compose",
    "harmonize",
    "load_model",
    "read_record",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name != "load_model":
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    from .errors import needs

    with needs("torch", "load_model"):
        return getattr(import_module(".model", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
