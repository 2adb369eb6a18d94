"""The PyTorch engine: the reference, and the engine for GPUs."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..config import Precision
from ..errors import CdtnetError, WeightsError
from ..imaging.depth import full_scale
from ..imaging.geometry import Window
from ..imaging.resizing import LowPicture
from ..model import Analysis, CDTNet, LowInput
from ..model.color_mapping import map_colors
from ..model.layers import denormalize, normalize
from .confidence import mix
from .edges import antialiased
from .protocol import NOT_FINITE, Tile

FloatArray = NDArray[np.float32]


class TorchEngine:
    """An `Engine` of a `CDTNet` module.

    Args:
        model: The network in eval mode; moved to the device.
        device: A PyTorch device name, or "auto" for the best available one.
    """

    name = "pytorch"
    tile = 256
    step = 1
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")

    def __init__(self, model: CDTNet, device: str = "auto"):
        self.device = _pick(device)
        self.model = _folded(model).to(self.device).channels_last()
        self.config = model.config
        self.fast: Precision = "float32"
        self.parallel = 1  # PyTorch itself distributes each operation over the cores
        self._on_cuda = self.device.type == "cuda"
        if self._on_cuda:
            self.fast = "bfloat16"
            self.parallel = 3  # one tile being uploaded, one rendered, one downloaded
            self.tile = 512  # a tile starts about 80 kernels, which takes longer than computing smaller ones
            torch.backends.cudnn.allow_tf32 = False  # TF32 has a mantissa of 10 bits; set for the process

    def prepare(self) -> None:
        """Do nothing: modules are ready when they are loaded."""

    @torch.inference_mode()
    def look(self, low: LowPicture) -> Analysis:
        """Analyze a picture; see `Engine`."""
        return self._ready(self.model.analyze(self._input(low)))

    @torch.inference_mode()
    def mix(self, analyses: Sequence[Analysis], weights: Sequence[float]) -> Analysis:
        """Mix analyses of the same picture; see `Engine`."""
        return self._ready(Analysis(*(mix(parts, weights) for parts in zip(*analyses, strict=True))))

    def release_memory(self) -> None:
        """Do nothing: PyTorch frees memory after use."""

    @torch.inference_mode()
    def preview(self, analysis: Analysis, low: LowPicture) -> FloatArray:
        """Return the picture at base size that an analysis gives, (S,S,3)."""
        return _paint(analysis, self._input(low)).float().cpu().numpy()

    @torch.inference_mode()
    def render(self, analysis: Analysis, tile: Tile, precision: Precision = "float32") -> FloatArray:
        """Render a tile, whole frame as published; see `Engine`."""
        with self._stream():
            image, mask = self._planes(tile)
            rendered = self._render(analysis, image, mask, tile, precision)
            return rendered[0].permute(1, 2, 0).cpu().numpy()

    @torch.inference_mode()
    def recolor(
        self, analysis: Analysis, tile: Tile, inner: Window, amount: float, precision: Precision
    ) -> NDArray[np.uint8]:
        """Render a tile of an 8-bit picture and blend it with the picture; see `Recolors`."""
        with self._stream():
            native, mask = self._planes(tile)
            before, soft = native / 255, mask / full_scale(tile.mask.dtype)
            change = self._render(analysis, before, soft, tile, precision) - before
            if not change.isfinite().all():
                raise WeightsError(NOT_FINITE)
            after = before + amount * antialiased(soft) * change
            mixed = (native + (after.clamp(0, 1) - before) * 255).clamp(0, 255).round().to(torch.uint8)
            return mixed[0].permute(1, 2, 0)[inner.slices].cpu().numpy()

    def _planes(self, tile: Tile) -> tuple[torch.Tensor, torch.Tensor]:
        """Return composite (1,3,h,w) and mask (1,1,h,w) of a tile as floats on the device, not scaled."""
        image, mask = self._tensor(tile.composite).permute(2, 0, 1), self._tensor(tile.mask)[None]
        return image[None].float(), mask[None].float()

    def _render(
        self, analysis: Analysis, image: torch.Tensor, mask: torch.Tensor, tile: Tile, precision: Precision
    ) -> torch.Tensor:
        """Return the colors (1,3,h,w) of a tile, float32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            rendered, _ = self.model.render(analysis, image, mask, tile.size, tile.window)
        return rendered.float()

    def table(self, analysis: Analysis) -> FloatArray | None:
        """Return the mixed LUT as (33,33,33,3), axes blue, green, red, color; None for "is2am"."""
        if analysis.table is None:
            return None
        return np.ascontiguousarray(analysis.table[0].permute(1, 2, 3, 0).cpu().numpy())

    def describe(self) -> str:
        """Describe the runtime and the device."""
        threads = f", {torch.get_num_threads()} threads" if self.device.type == "cpu" else ""
        return f"PyTorch {torch.__version__} on {self.device}{threads}"

    def _input(self, low: LowPicture) -> LowInput:
        image, mask = self._tensor(low.image).permute(2, 0, 1), self._tensor(low.mask)[None]
        return LowInput(image[None], mask[None], self._tensor(low.coarse_mask)[None, None])

    def _ready(self, analysis: Analysis) -> Analysis:
        """Return the analysis once it is computed, because the streams of tiles do not wait for it."""
        if self._on_cuda:
            torch.cuda.current_stream(self.device).synchronize()
        return analysis

    def _stream(self) -> AbstractContextManager[Any]:
        """Return a CUDA stream of its own for a tile on an NVIDIA GPU, so that tiles overlap."""
        return torch.cuda.stream(torch.cuda.Stream(self.device)) if self._on_cuda else nullcontext()

    def _tensor(self, array: NDArray[Any]) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if self._on_cuda:  # pinned memory allows asynchronous transfers
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)


def _folded(model: CDTNet) -> CDTNet:
    """Return a copy of a network whose BatchNorms are part of the convolutions before them."""
    model = deepcopy(model)
    for layers in model.modules():
        if isinstance(layers, nn.Sequential):
            for place, (layer, norm) in enumerate(pairwise(layers)):
                if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    layers[place], layers[place + 1] = fuse_conv_bn_eval(layer, norm), nn.Identity()
    return model


def _paint(analysis: Analysis, low: LowInput) -> torch.Tensor:
    """Return the picture at base size that an analysis gives, (S,S,3)."""
    painted = analysis.image_low
    if painted is None or analysis.residual_low is not None:
        assert analysis.table is not None
        painted = normalize(map_colors(analysis.table, low.image, low.mask))
        if analysis.residual_low is not None:
            painted = painted + analysis.residual_low
    return denormalize(painted)[0].permute(1, 2, 0)


def _pick(device: str) -> torch.device:
    """Return the device of that name; "auto" is the GPU if there is one."""
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
