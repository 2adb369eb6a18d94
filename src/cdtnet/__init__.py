"""cdtnet: high-resolution image harmonization.

    import cdtnet

    cdtnet.harmonize("composite.jpg", "mask.png").save("harmonized.jpg")

Importing the package is cheap; modules are loaded when a name is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .config import Config
    from .errors import CdtnetError, DataError, PictureError, WeightsError, WriteError
    from .imaging import Lut, Picture
    from .imaging.composition import Composition, compose
    from .imaging.cutting import cut_out, find_object
    from .imaging.edges import adjust_mask
    from .imaging.snapping import snap_mask
    from .inference.controls import Controls
    from .inference.fitting import fit_lut
    from .inference.harmonizer import Harmonizer, harmonize
    from .inference.picture_analysis import PictureAnalysis
    from .inference.provenance import read_record
    from .inference.result import Result
    from .model import load_model, save_model
    from .video.harmonizing import VideoResult, find_shots, harmonize_frames, harmonize_video

_NAMES = {
    "config": ("Config",),
    "errors": ("CdtnetError", "DataError", "PictureError", "WeightsError", "WriteError"),
    "imaging": ("Lut", "Picture"),
    "imaging.composition": ("Composition", "compose"),
    "imaging.cutting": ("cut_out", "find_object"),
    "imaging.edges": ("adjust_mask",),
    "imaging.snapping": ("snap_mask",),
    "inference.controls": ("Controls",),
    "inference.fitting": ("fit_lut",),
    "inference.harmonizer": ("Harmonizer", "harmonize"),
    "inference.picture_analysis": ("PictureAnalysis",),
    "inference.provenance": ("read_record",),
    "inference.result": ("Result",),
    "model": ("load_model", "save_model"),
    "video.harmonizing": ("VideoResult", "find_shots", "harmonize_frames", "harmonize_video"),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

__all__ = [
    "CdtnetError",
    "Composition",
    "Config",
    "Controls",
    "DataError",
    "Harmonizer",
    "Lut",
    "Picture",
    "PictureAnalysis",
    "PictureError",
    "Result",
    "VideoResult",
    "WeightsError",
    "WriteError",
    "adjust_mask",
    "compose",
    "cut_out",
    "find_object",
    "find_shots",
    "fit_lut",
    "harmonize",
    "harmonize_frames",
    "harmonize_video",
    "load_model",
    "read_record",
    "save_model",
    "snap_mask",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _HOMES[name] != "model":
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    from .errors import needs

    with needs("torch", name):
        return getattr(import_module(".model", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
