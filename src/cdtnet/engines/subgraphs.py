"""The parts of the network as modules that are exported to graphs.

Made of the PyTorch modules, so that the network is described once. Tiles are laid out (1,h,w,C), the way
pictures are. Look-ups become two bilinear samplings of a flat picture of the table, for which there are
kernels everywhere, unlike for those of a volume.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model import CDTNet
from ..model.cdtnet import residual
from ..model.color_mapping import LUT_SIZE, ColorMapping
from ..model.generator import BOTTLENECK, FEATURES, Generator
from ..model.layers import denormalize, normalize
from ..model.refinement import Refinement

Shapes = Mapping[str, tuple[int | str, ...]]

SIDE, CELL = 6, LUT_SIZE + 1  # slices beside each other, and the side of each, in an atlas
LOW = 3 + FEATURES  # channels of the generator's picture and its features
TILE = (1, "height", "width", 3)
TILE_MASK = (1, "height", "width", 1)
DRAWN: Shapes = {
    "low": (1, LOW, "low_height", "low_width"),
    "rows": ("height", "low_height"),
    "columns": ("width", "low_width"),
}


class SubGraph(nn.Module):
    """What becomes one graph.

    Attributes:
        inputs: name → shape, in the order of `forward`; sizes that are free have names.
        outputs: the same of what `forward` returns.
    """

    inputs: ClassVar[Shapes]
    outputs: ClassVar[Shapes]


class GeneratorGraph(SubGraph):
    """Picture and mask at base size to the generator's picture and features, and the encoder's coarsest."""

    inputs: ClassVar[Shapes] = {"image": (1, 3, "base", "base"), "mask": (1, 1, "base", "base")}
    outputs: ClassVar[Shapes] = {
        "low": (1, LOW, "base", "base"),
        "bottleneck": (1, BOTTLENECK, "coarse", "coarse"),
    }

    def __init__(self, generator: Generator):
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Both in 0..1; the colors of `low` are normalized."""
        image = normalize(image)
        levels = self.generator.encoder(torch.cat((image, mask), dim=1))
        painted, features = self.generator.decode(image, mask, levels)
        return torch.cat((painted, features), dim=1), levels[-1]


class ColorMappingGraph(SubGraph):
    """The encoder's coarsest features and the mask to the mixed table, also as a flat picture."""

    inputs: ClassVar[Shapes] = {
        "bottleneck": (1, BOTTLENECK, "coarse", "coarse"),
        "coarse_mask": (1, 1, "coarse", "coarse"),
    }
    outputs: ClassVar[Shapes] = {"table": (1, 3, *3 * (LUT_SIZE,)), "atlas": (1, 3, SIDE * CELL, SIDE * CELL)}

    def __init__(self, color_mapping: ColorMapping):
        super().__init__()
        self.color_mapping = color_mapping

    def forward(self, bottleneck: Tensor, coarse_mask: Tensor) -> tuple[Tensor, Tensor]:
        """The table's axes are color, blue, green, red."""
        table = self.color_mapping(bottleneck, coarse_mask)
        return table, flatten(table)


class LookupGraph(SubGraph):
    """A tile's colors looked up where the mask is foreground."""

    inputs: ClassVar[Shapes] = {"atlas": (1, 3, SIDE * CELL, SIDE * CELL), "image": TILE, "mask": TILE_MASK}
    outputs: ClassVar[Shapes] = {"mapped": TILE}

    def forward(self, atlas: Tensor, image: Tensor, mask: Tensor) -> Tensor:
        """Colors and mask in 0..1."""
        planes = image.permute(0, 3, 1, 2)  # kernels are slow where the last axis is short
        places = planes.clamp(0, 1) * (LUT_SIZE - 1)
        red, green, blue = places[:, :1], places[:, 1:2], places[:, 2:]
        below = blue.floor().clamp(max=LUT_SIZE - 2)

        def look_up(slice_: Tensor) -> Tensor:
            row = ((slice_ + 0.5) * (1 / SIDE)).floor()
            place = torch.cat(((slice_ - SIDE * row) * CELL + red, row * CELL + green), dim=1)
            grid = (place * (2 / (SIDE * CELL - 1)) - 1).permute(0, 2, 3, 1)
            return F.grid_sample(atlas, grid, mode="bilinear", padding_mode="border", align_corners=True)

        first, second = look_up(below), look_up(below + 1)
        mapped = first + (blue - below) * (second - first)
        return (planes + mask.permute(0, 3, 1, 2) * (mapped - planes)).permute(0, 2, 3, 1)


class ResidualGraph(SubGraph):
    """What is to be added to the color mapping's picture, at base size (`Config.residual`)."""

    inputs: ClassVar[Shapes] = {"low": (1, LOW, "base", "base"), "mapped": (1, "base", "base", 3)}
    outputs: ClassVar[Shapes] = {"residual": (1, LOW, "base", "base")}

    def forward(self, low: Tensor, mapped: Tensor) -> Tensor:
        """`low` with that in place of the picture; `mapped` in 0..1."""
        return torch.cat((residual(low[:, :3], mapped.permute(0, 3, 1, 2)), low[:, 3:]), dim=1)


class UpsamplingGraph(SubGraph):
    """A tile of the generator's picture, for networks that end there."""

    inputs: ClassVar[Shapes] = DRAWN
    outputs: ClassVar[Shapes] = {"upsampled": TILE}

    def forward(self, low: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """As the refinement's."""
        return denormalize(resize(low[:, :3], rows, columns)).permute(0, 2, 3, 1)


class RefinementGraph(SubGraph):
    """A tile of the final picture."""

    inputs: ClassVar[Shapes] = {"image": TILE, "mapped": TILE, "mask": TILE_MASK, **DRAWN}
    outputs: ClassVar[Shapes] = {"refined": TILE}

    def __init__(self, refinement: Refinement):
        super().__init__()
        self.refinement = refinement

    def forward(
        self, image: Tensor, mapped: Tensor, mask: Tensor, low: Tensor, rows: Tensor, columns: Tensor
    ) -> Tensor:
        """Tiles in 0..1, and the analysis around them.

        Args:
            image: of the composite.
            mapped: the color mapping's.
            mask: of the foreground.
            low: the part of the generator's outputs, or of the residual, that the tile draws on.
            rows: how much each row of the tile takes from each of `low`.
            columns: likewise.
        """
        upsampled = resize(low, rows, columns)
        colors = [normalize(x.permute(0, 3, 1, 2)) for x in (image, mapped)]
        refined = self.refinement(
            colors[0], upsampled[:, :3], colors[1], mask.permute(0, 3, 1, 2), upsampled[:, 3:]
        )
        return denormalize(refined).permute(0, 2, 3, 1)


def subgraphs(model: CDTNet) -> dict[str, SubGraph]:
    """Those that a network has, by the names of their graphs."""
    found: dict[str, SubGraph] = {"generator": GeneratorGraph(model.generator)}
    if model.color_mapping is not None:
        found |= {"color_mapping": ColorMappingGraph(model.color_mapping), "lookup": LookupGraph()}
    if model.refinement is not None:
        found["refinement"] = RefinementGraph(model.refinement)
        if model.config.residual:
            found["residual"] = ResidualGraph()
    elif model.color_mapping is None:
        found["upsampling"] = UpsamplingGraph()
    return found


def flatten(table: Tensor) -> Tensor:
    """Atlases (B,3,6·34,6·34) of tables (B,3,33,33,33): the slices of the blue axis, row by row.

    A square, because coordinates in a longer picture would lose digits. Each slice ends with its last row and
    column once more, so that rounding at its edge finds the same colors, not those of the slice beside it.
    """
    slices = F.pad(table, (0, 1, 0, 1, 0, SIDE**2 - LUT_SIZE), mode="replicate")
    rows = slices.reshape(-1, 3, SIDE, SIDE, CELL, CELL).transpose(3, 4)
    return rows.reshape(-1, 3, SIDE * CELL, SIDE * CELL)


def resize(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """(B,C,a,b) by weights (h,a) and (w,b), or such for each (B,1,h,a), to (B,C,h,w)."""
    return torch.matmul(torch.matmul(rows, x), columns.transpose(-1, -2))
