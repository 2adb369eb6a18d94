"""Runtimes that analyse and render pictures; `harmonizer.py` is the one way through them."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from importlib.util import find_spec
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..config import Config, Precision
from ..errors import CdtnetError, needs
from ..imaging.geometry import Window
from ..imaging.resizing import LowPicture
from ..weights import load_weights

if TYPE_CHECKING:
    from ..model import CDTNet

FloatArray = NDArray[np.float32]
EngineName = Literal["auto", "openvino", "pytorch"]


class Tile(NamedTuple):
    """A part of what was analysed, to be rendered.

    Attributes:
        composite: (h,w,3), its pixels, sRGB in 0..1.
        mask: (h,w), 0..1.
        size: (H,W) of what was analysed: the picture, or a frame of it.
        window: where it lies there.
    """

    composite: FloatArray
    mask: FloatArray
    size: tuple[int, int]
    window: Window


class Engine(Protocol):
    """A network on a runtime. Threads may share it.

    Attributes:
        name: by which it is asked for.
        config: of the network.
        parallel: how many windows are best rendered at a time, each in a thread of its own.
        step: sides of windows that are rendered fastest are multiples of this and the halo on both sides.
        fast: the lowest precision that the hardware gains by; never off by more than a level of 8 bits.
    """

    name: str
    config: Config
    parallel: int
    step: int
    fast: Precision

    def look(self, low: LowPicture) -> Any:
        """Everything global about a picture, in single precision; `mirrored()` of that turns it around."""

    def mean(self, first: Any, second: Any) -> Any:
        """Of two analyses of the same picture."""

    def preview(self, analysis: Any, low: LowPicture) -> FloatArray:
        """The picture at base size that an analysis leads to, (S,S,3), sRGB, not clamped."""

    def render(self, analysis: Any, tile: Tile, precision: Precision = "float32") -> FloatArray:
        """A tile of the picture, whole frame as published.

        Args:
            analysis: of the whole picture.
            tile: what to render.
            precision: of the refinement's convolutions.

        Returns:
            (h,w,3), sRGB, not clamped.
        """

    def table(self, analysis: Any) -> FloatArray | None:
        """The mixed LUT as (33,33,33,3), axes blue, green, red, colour; None for a generator alone."""

    def describe(self) -> str:
        """The runtime and the device, for people."""


def open_engine(
    model: str | PathLike[str] | CDTNet,
    device: str = "auto",
    engine: str = "auto",
    threads: int | None = None,
) -> Engine:
    """Get a network ready on a runtime.

    Args:
        model: a shipped name, a path to weights, or a `CDTNet` module, which only PyTorch runs.
        device: "auto" for a GPU if there is one, else the CPU; or "cpu", "cuda", "mps" or another name of
            PyTorch's.
        engine: "auto" for OpenVINO on a CPU and PyTorch on a GPU; or "openvino" or "pytorch".
        threads: of OpenVINO; one for each core by default.

    Raises:
        WeightsError: if there are no such weights, or they do not fit.
        CdtnetError: if the engine is not installed or the device is not there.
    """
    if engine not in ("auto", "openvino", "pytorch"):
        raise CdtnetError(f"There is no engine {engine!r}; there are auto, openvino and pytorch.")
    if not isinstance(model, (str, PathLike)):
        if engine == "openvino":
            raise CdtnetError("A PyTorch module runs on the engine pytorch only.")
        from .pytorch import TorchEngine

        return TorchEngine(model.eval(), device)
    weights = load_weights(model)
    if engine == "auto":
        on_cpu = device == "cpu" or (device == "auto" and not _gpu_for_pytorch())
        # The graphs have the paper's two paths; the ablation without them is for research.
        engine = "openvino" if on_cpu and weights.config.split else "pytorch"
    if engine == "pytorch":
        with needs("torch", f"The device {device!r}" if device not in ("auto", "cpu") else "This engine"):
            from ..model.loading import build
            from .pytorch import TorchEngine
        return TorchEngine(build(weights), device)
    if device not in ("auto", "cpu"):
        raise CdtnetError(f"OpenVINO is used on the CPU only; for {device!r} use the engine pytorch.")
    from .openvino import OpenVinoEngine

    return OpenVinoEngine(weights, threads)


def _gpu_for_pytorch() -> bool:
    """Whether PyTorch is installed and may find a GPU, without the seconds that it takes to ask it."""
    if find_spec("torch") is None:
        return False
    if sys.platform == "darwin":
        return True
    driver = {"win32": "nvcuda.dll"}.get(sys.platform, "libcuda.so.1")
    with suppress(OSError):
        return bool(ctypes.CDLL(driver))
    return False
