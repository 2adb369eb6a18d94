"""A whole network as one graph, for runtimes that are given a picture and a mask of any size."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from ..config import STRIDE
from ..model import CDTNet
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

        image_low, mask_low = shrink(image, base), shrink(mask, base)
        low, bottleneck = self.boxes["generator"](image_low, mask_low)
        lines = sampling(base, height), sampling(base, width)
        if "color_mapping" in self.boxes:
            _, atlas = self.boxes["color_mapping"](bottleneck, shrink(mask, base // STRIDE))
            painted = self.boxes["lookup"](atlas, image, mask)
            if "refinement" not in self.boxes:  # blended with the mask already
                return painted.clamp(0, 1)
            if "residual" in self.boxes:
                tiles = (x.permute(0, 2, 3, 1) for x in (image_low, mask_low))
                low = self.boxes["residual"](low, self.boxes["lookup"](atlas, *tiles))
            painted = self.boxes["refinement"](image, painted, mask, low, *lines)
        else:
            painted = self.boxes["upsampling"](low, *lines)
        return torch.lerp(image, painted, mask).clamp(0, 1)


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
