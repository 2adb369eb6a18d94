"""The PyTorch engine: the reference, and the one for GPUs."""

import numpy as np
import torch
from numpy.typing import NDArray

from ..config import Precision
from ..errors import CdtnetError
from ..model import Analysis, CDTNet, LowInput
from ..regions import Window
from ..shrinking import LowPicture

FloatArray = NDArray[np.float32]


class TorchEngine:
    """An `Engine` of a `CDTNet` module.

    Args:
        model: in eval mode; moved to the device.
        device: a PyTorch device name, or "auto" for the best there is.
    """

    parallel = 1  # PyTorch shares each operation out among the cores by itself
    step = 1

    def __init__(self, model: CDTNet, device: str = "auto"):
        self.device = _pick(device)
        self.model = model.to(self.device).channels_last()
        self.config = model.config
        self.fast: Precision = "bfloat16" if self.device.type == "cuda" else "float32"

    @torch.inference_mode()
    def analyse(self, low: LowPicture) -> Analysis:
        """Everything global about a picture, decided once."""
        image = self._tensor(low.image).permute(2, 0, 1)[None]
        return self.model.analyse(
            LowInput(image, self._tensor(low.mask)[None, None], self._tensor(low.coarse_mask)[None, None])
        )

    @torch.inference_mode()
    def render(
        self,
        analysis: Analysis,
        composite: FloatArray,
        mask: FloatArray,
        size: tuple[int, int],
        window: Window,
        precision: Precision = "float32",
    ) -> FloatArray:
        """One window of the picture, whole frame as published; see `Engine`."""
        image = self._tensor(composite).permute(2, 0, 1)[None]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            rendered, _ = self.model.render(analysis, image, self._tensor(mask)[None, None], size, window)
        return rendered[0].permute(1, 2, 0).float().cpu().numpy()

    def table(self, analysis: Analysis) -> FloatArray | None:
        """The mixed LUT as (33,33,33,3), axes blue, green, red, colour; None for a generator alone."""
        if analysis.table is None:
            return None
        return np.ascontiguousarray(analysis.table[0].permute(1, 2, 3, 0).cpu().numpy())

    def describe(self) -> str:
        """The runtime and the device, for people."""
        return f"PyTorch {torch.__version__} on {self.device}"

    def _tensor(self, array: FloatArray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _pick(device: str) -> torch.device:
    """The device of that name; "auto" is the GPU if there is one."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        picked = torch.device(device)
        torch.zeros(1, device=picked).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise CdtnetError(f"The device {device!r} cannot be used here; try --device cpu.") from error
    return picked
