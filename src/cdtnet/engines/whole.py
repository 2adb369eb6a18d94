"""The whole network as one graph, for runtimes with pictures and masks of any size."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ..config import NEGLIGIBLE, STRIDE
from ..model import CDTNet
from ..model.layers import denormalize, normalize
from .confidence import confidence, mean
from .edges import antialiased
from .subgraphs import Shapes, SubGraph, resize, subgraphs


class WholeGraph(SubGraph):
    """The whole network: composites and masks to harmonized pictures."""

    inputs: ClassVar[Shapes] = {
        "image": ("batch", "height", "width", 3),
        "mask": ("batch", "height", "width", 1),
    }
    outputs: ClassVar[Shapes] = {"harmonized": ("batch", "height", "width", 3)}

    def __init__(self, model: CDTNet):
        super().__init__()
        self.config = model.config
        self.boxes = nn.ModuleDict(subgraphs(model))

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        """Harmonize pictures in 0..1; the result is blended by the mask."""
        base, antialias = self.config.base_size, self.config.antialias
        if self.config.close_up:
            mask = torch.where(mask > NEGLIGIBLE, mask, 0)
        frame = self._frame(mask)

        def shrink(x: Tensor, size: int) -> Tensor:
            return resize(x.permute(0, 3, 1, 2), *(line.shrink(size, antialias=antialias) for line in frame))

        inputs = shrink(image, base), shrink(mask, base), shrink(mask, base // STRIDE)
        tiles = inputs[0].permute(0, 2, 3, 1), inputs[1].permute(0, 2, 3, 1)  # at base size
        (low, atlas), amount = self._look(*inputs), None
        if self.config.second_look:
            mirrored, atlas_again = self._look(*(x.flip(3) for x in inputs))
            low_again = mirrored.flip(3)
            first, second = self._paint(low, atlas, *tiles), self._paint(low_again, atlas_again, *tiles)
            amount = confidence(first, second, *tiles).share.reshape(-1, 1, 1, 1)
            low, atlas = mean(low, low_again), mean(atlas, atlas_again)
        lines = [line.stretch(base) for line in frame]
        blend = antialiased(mask.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) if self.config.close_up else mask
        if "color_mapping" in self.boxes:
            painted = self.boxes["lookup"](atlas, image, mask)  # already blended by the mask
            if "refinement" in self.boxes:
                painted = torch.lerp(
                    image, self.boxes["refinement"](image, painted, mask, low, *lines), blend
                )
        else:
            painted = torch.lerp(image, self.boxes["upsampling"](low, *lines), blend)
        if amount is not None:
            painted = torch.lerp(image, painted, amount)
        return painted.clamp(0, 1)

    def _frame(self, mask: Tensor) -> tuple["Line", "Line"]:
        """Return the part of each picture to be analyzed, vertically and horizontally."""
        height, width = mask.shape[1], mask.shape[2]
        if not self.config.close_up:
            return Line.whole(height), Line.whole(width)
        down, across = (Line.spanned((mask > 0).any(axis)[..., 0]) for axis in (2, 1))
        extent = torch.maximum(down.part, across.part)
        longest = torch.maximum(torch.as_tensor(height), torch.as_tensor(width))
        side = (extent + (longest - extent) // 3).clamp(min=self.config.base_size)
        return down.around(side), across.around(side)

    def _look(self, image: Tensor, mask: Tensor, coarse_mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run the graphs of the analysis: `low`, and `atlas`, which is None without a table."""
        low, bottleneck = self.boxes["generator"](image, mask)
        if "color_mapping" not in self.boxes:
            return low, None
        atlas = self.boxes["color_mapping"](bottleneck, coarse_mask)[1]
        if "residual" in self.boxes:
            tiles = image.permute(0, 2, 3, 1), mask.permute(0, 2, 3, 1)
            low = self.boxes["residual"](low, self.boxes["lookup"](atlas, *tiles))
        return low, atlas

    def _paint(self, low: Tensor, atlas: Tensor | None, image: Tensor, mask: Tensor) -> Tensor:
        """Return the pictures at base size (B,S,S,3) that an analysis gives."""
        if self.config.variant == "cdtnet-sim":
            return self.boxes["lookup"](atlas, image, mask)
        painted = low[:, :3]
        if "residual" in self.boxes:
            painted = painted + normalize(self.boxes["lookup"](atlas, image, mask).permute(0, 3, 1, 2))
        return denormalize(painted).permute(0, 2, 3, 1)


class Line(NamedTuple):
    """A part of a line of pixels, for each picture of a batch or for all, with the weights to resize it.

    Pixel centers are at .5. Distances between old and new centers are integers in units of 1/(2·size) of the
    step of old samples, so that they are exact on long lines.

    Attributes:
        length: The length of the line.
        first: (B,1,1,1) or (), the start of the part.
        part: (B,1,1,1) or (), the length of the part.
    """

    length: int
    first: Tensor
    part: Tensor

    @classmethod
    def whole(cls, length: int) -> "Line":
        """Return the whole line."""
        return cls(length, torch.as_tensor(0), torch.as_tensor(length))

    @classmethod
    def spanned(cls, marked: Tensor) -> "Line":
        """Return the part from the first to the last pixel marked in (B,length); without any, the line."""
        length = marked.shape[1]
        first, beyond = (x.int().argmax(1)[:, None, None, None] for x in (marked, marked.flip(1)))
        return cls(length, first, length - first - beyond)

    def around(self, side: Tensor) -> "Line":
        """Return a part of length `side` around this one, as in `inference.crop.close_up`."""
        middle = 2 * self.first + self.part
        part = torch.minimum(side + (side + middle) % 2, torch.as_tensor(self.length))
        first = torch.minimum(((middle - part) // 2).clamp(min=0), self.length - part)
        return Line(self.length, first, part)

    def shrink(self, size: int, *, antialias: bool) -> Tensor:
        """Return weights (…,size,length) of the line's pixels in `size` samples of the part.

        Args:
            size: The number of samples.
            antialias: Whether to widen the triangle to the step of the samples when reducing.
        """
        old, new = self._centers(), 2 * torch.arange(size)[:, None] + 1
        steps = torch.as_tensor(2 * size)
        radius = torch.maximum(steps, 2 * self.part) if antialias else steps
        inside = (old > 0) & (old < 2 * self.part)
        return _triangles((old * size - new * self.part).abs(), radius, inside)

    def stretch(self, size: int) -> Tensor:
        """Return weights (…,length,size) of `size` samples of the part in each pixel; outside, its ends."""
        old = 2 * torch.arange(size) + 1
        new = torch.minimum(self._centers().clamp(min=1), 2 * self.part - 1).transpose(-1, -2)
        return _triangles((old * self.part - new * size).abs(), 2 * self.part)

    def _centers(self) -> Tensor:
        """Return the centers of the line's pixels in half pixels from the start of the part, (…,1,length)."""
        return 2 * (torch.arange(self.length)[None] - self.first) + 1


def _triangles(distances: Tensor, radius: Tensor, inside: Tensor | None = None) -> Tensor:
    triangles = torch.relu(1 - distances / radius)
    if inside is not None:
        triangles = triangles * inside
    return triangles / triangles.sum(dim=-1, keepdim=True)
