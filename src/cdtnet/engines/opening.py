"""Choosing the engine for a device, and loading a network on it."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from importlib.util import find_spec
from os import PathLike
from typing import TYPE_CHECKING

from ..errors import CdtnetError, needs
from ..weights import load_weights
from .protocol import Engine

if TYPE_CHECKING:
    from ..model import CDTNet


def open_engine(
    model: str | PathLike[str] | CDTNet,
    device: str = "auto",
    engine: str = "auto",
    threads: int | None = None,
) -> Engine:
    """Load a network on an engine.

    Args:
        model: The name of a shipped model, a path to weights, or a `CDTNet` module, which only PyTorch runs.
        device: "auto" for a GPU if there is one, else the CPU; or "cpu", "cuda", "mps" or another name of
            PyTorch's.
        engine: "auto" for OpenVINO on a CPU and PyTorch on a GPU; or "openvino" or "pytorch".
        threads: The number of OpenVINO's threads; by default one per core.

    Raises:
        WeightsError: There are no such weights, or they do not fit.
        CdtnetError: The engine is not installed, or the device is not available.
    """
    if engine not in ("auto", "openvino", "pytorch"):
        raise CdtnetError(f"There is no engine {engine!r}; choose auto, openvino or pytorch.")
    if not isinstance(model, (str, PathLike)):
        if engine == "openvino":
            raise CdtnetError("A PyTorch module runs only on the engine pytorch.")
        from .pytorch import TorchEngine

        return TorchEngine(model.eval(), device)
    weights = load_weights(model)
    if engine == "auto":
        on_cpu = device == "cpu" or (device == "auto" and not _gpu_for_pytorch())
        # The graphs have separate foreground and background features; the ablation without needs PyTorch.
        engine = "openvino" if on_cpu and weights.config.split else "pytorch"
    if engine == "pytorch":
        with needs("torch", f"The device {device!r}" if device not in ("auto", "cpu") else "This engine"):
            from ..model.loading import build
            from .pytorch import TorchEngine
        return TorchEngine(build(weights), device)
    if device not in ("auto", "cpu"):
        raise CdtnetError(f"OpenVINO is used only on the CPU; for {device!r} use the engine pytorch.")
    from .openvino import OpenVinoEngine

    return OpenVinoEngine(weights, threads)


def _gpu_for_pytorch() -> bool:
    """Check whether PyTorch is installed and may find a GPU, without the seconds of importing it."""
    if find_spec("torch") is None:
        return False
    if sys.platform == "darwin":
        return True
    driver = {"win32": "nvcuda.dll"}.get(sys.platform, "libcuda.so.1")
    with suppress(OSError):
        return bool(ctypes.CDLL(driver))
    return False
