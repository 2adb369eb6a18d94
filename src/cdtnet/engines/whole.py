"""A whole network as one graph, for runtimes that are given a picture and a mask of any size."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from ..config import STRIDE
from ..model import CDTNet
from ..model.layers import denormalize, normalize
from ..second_look import mean, trust
from .boxes import Box, Shapes, boxes, resize


class WholeBox(Box):
    """Composites and masks to the same pictures with their foregrounds harmonized."""

    inputs: ClassVar[Shapes] = {
        "image": ("batch", "height", "width", 3),
        "mask": ("batch", "height", "width", 1),
    }
    outputs: ClassVar[Shapes] = {"harmonized": ("batch", "height", "width", 3)}

    def __init__(self, model: CDTNet):
        super().__init__()
        self.config = model.config
        self.boxes = nn.ModuleDict(boxes(model))

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """All in 0..1; the result is blended with the mask."""
        base, antialias = self.config.base_size, self.config.antialias
        height, width = image.shape[1], image.shape[2]

        def shrink(x: Tensor, size: int) -> Tensor:
            lines = [sampling(length, size, antialias=antialias) for length in (height, width)]
            return resize(x.permute(0, 3, 1, 2), *lines)

        inputs = shrink(image, base), shrink(mask, base), shrink(mask, base // STRIDE)
        tiles = inputs[0].permute(0, 2, 3, 1), inputs[1].permute(0, 2, 3, 1)  # at base size
        (low, atlas), amount = self._look(*inputs), None
        if self.config.second_look:
            mirrored, atlas_again = self._look(*(x.flip(3) for x in inputs))
            low_again = mirrored.flip(3)
            first, second = self._paint(low, atlas, *tiles), self._paint(low_again, atlas_again, *tiles)
            amount = trust(first, second, *tiles).reshape(-1, 1, 1, 1)
            low, atlas = mean(low, low_again), mean(atlas, atlas_again)
        lines = sampling(base, height), sampling(base, width)
        if "color_mapping" in self.boxes:
            painted = self.boxes["lookup"](atlas, image, mask)  # blended with the mask already
            if "refinement" in self.boxes:
                painted = torch.lerp(image, self.boxes["refinement"](image, painted, mask, low, *lines), mask)
        else:
            painted = torch.lerp(image, self.boxes["upsampling"](low, *lines), mask)
        if amount is not None:
            painted = torch.lerp(image, painted, amount)
        return painted.clamp(0, 1)

    def _look(self, image: Tensor, mask: Tensor, coarse_mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the boxes that are run once find: `low`, and `atlas`; None without a table."""
        low, bottleneck = self.boxes["generator"](image, mask)
        if "color_mapping" not in self.boxes:
            return low, None
        atlas = self.boxes["color_mapping"](bottleneck, coarse_mask)[1]
        if "residual" in self.boxes:
            tiles = image.permute(0, 2, 3, 1), mask.permute(0, 2, 3, 1)
            low = self.boxes["residual"](low, self.boxes["lookup"](atlas, *tiles))
        return low, atlas

    def _paint(self, low: Tensor, atlas: Tensor | None, image: Tensor, mask: Tensor) -> Tensor:
        """The pictures at base size (B,S,S,3) that a look leads to."""
        if self.config.variant == "cdtnet-sim":
            return self.boxes["lookup"](atlas, image, mask)
        painted = low[:, :3]
        if "residual" in self.boxes:
            painted = painted + normalize(self.boxes["lookup"](atlas, image, mask).permute(0, 3, 1, 2))
        return denormalize(painted).permute(0, 2, 3, 1)


def sampling(length: int, size: int, *, antialias: bool = False) -> Tensor:
    """Bilinear resizing of a line as a matrix: the weights (size,length) of its samples in each new one.

    Pixel centres are at .5. Distances between old and new centres are whole numbers of 1/(2·size) of the old
    samples' step, so that they do not drift on long lines.

    Args:
        length: samples that there are.
        size: samples wanted.
        antialias: widen the triangle to the new samples' step when there are fewer of them.
    """
    old, new = 2 * torch.arange(length) + 1, 2 * torch.arange(size) + 1
    distances = (old * size - (new * length)[:, None]).abs()
    radius = (torch.maximum(old[-1], new[-1]) if antialias else new[-1]) + 1
    triangle = torch.relu(1 - distances / radius)
    return triangle / triangle.sum(dim=1, keepdim=True)
