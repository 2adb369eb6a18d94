"""The PyTorch engine: the reference, and the one for GPUs."""

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import CdtnetError
from ..model import Analysis, CDTNet, LowInput
from ..regions import Window
from ..shrinking import LowPicture

FloatArray = NDArray[np.float32]


class TorchEngine:
    """Analyses and renders with a `CDTNet` module.

    Args:
        model: in eval mode; moved to the device.
        device: a PyTorch device name, or "auto" for the best there is.
    """

    def __init__(self, model: CDTNet, device: str = "auto"):
        self.device = _pick(device)
        self.model = model.to(self.device).channels_last()
        self.config = model.config

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
    ) -> FloatArray:
        """One window of the picture, whole frame as published.

        Args:
            analysis: of the whole picture.
            composite: (h,w,3), the window's pixels, sRGB in 0..1.
            mask: (h,w), 0..1.
            size: (H,W) of the whole picture.
            window: where the window lies.

        Returns:
            (h,w,3), sRGB, not clamped.
        """
        image = self._tensor(composite).permute(2, 0, 1)[None]
        rendered, _ = self.model.render(analysis, image, self._tensor(mask)[None, None], size, window)
        return rendered[0].permute(1, 2, 0).cpu().numpy()

    def table(self, analysis: Analysis) -> FloatArray | None:
        """The mixed LUT as (33,33,33,3), axes blue, green, red, colour; None for a generator alone."""
        if analysis.table is None:
            return None
        return np.ascontiguousarray(analysis.table[0].permute(1, 2, 3, 0).cpu().numpy())

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
