"""The parts of the network as modules that are exported to graphs.

They are made of the PyTorch modules, so that the network is defined once. Tiles have the layout (1,h,w,C) of
pictures. A look-up is two bilinear samplings of a flat picture of the table, because all runtimes have
kernels for that, but not for volumes.
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

SIDE, CELL = 6, LUT_SIZE + 1  # an atlas has SIDE×SIDE slices of CELL×CELL pixels
LOW = 3 + FEATURES  # channels of the generator's picture and its features
TILE = (1, "height", "width", 3)
TILE_MASK = (1, "height", "width", 1)
DRAWN: Shapes = {
    "low": (1, LOW, "low_height", "low_width"),
    "rows": ("height", "low_height"),
    "columns": ("width", "low_width"),
}


class SubGraph(nn.Module):
    """A module that becomes one graph.

    Attributes:
        inputs: The shape of each input, by name, in the order of `forward`; free dimensions have names.
        outputs: The same for the outputs of `forward`.
    """

    inputs: ClassVar[Shapes]
    outputs: ClassVar[Shapes]


class GeneratorGraph(SubGraph):
    """The generator: picture and mask to picture and features, and the encoder's coarsest features."""

    inputs: ClassVar[Shapes] = {"image": (1, 3, "base", "base"), "mask": (1, 1, "base", "base")}
    outputs: ClassVar[Shapes] = {
        "low": (1, LOW, "base", "base"),
        "bottleneck": (1, BOTTLENECK, "coarse", "coarse"),
    }

    def __init__(self, generator: Generator):
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Map picture and mask in 0..1 to `low`, whose colors are normalized, and the bottleneck."""
        image = normalize(image)
        levels = self.generator.encoder(torch.cat((image, mask), dim=1))
        painted, features = self.generator.decode(image, mask, levels)
        return torch.cat((painted, features), dim=1), levels[-1]


class ColorMappingGraph(SubGraph):
    """The color mapping: coarsest features and mask to the mixed table, also as a flat picture."""

    inputs: ClassVar[Shapes] = {
        "bottleneck": (1, BOTTLENECK, "coarse", "coarse"),
        "coarse_mask": (1, 1, "coarse", "coarse"),
    }
    outputs: ClassVar[Shapes] = {"table": (1, 3, *3 * (LUT_SIZE,)), "atlas": (1, 3, SIDE * CELL, SIDE * CELL)}

    def __init__(self, color_mapping: ColorMapping):
        super().__init__()
        self.color_mapping = color_mapping

    def forward(self, bottleneck: Tensor, coarse_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the table, with axes color, blue, green, red, and its atlas."""
        table = self.color_mapping(bottleneck, coarse_mask)
        return table, flatten(table)


class LookupGraph(SubGraph):
    """Look-up of a tile's colors where the mask is foreground."""

    inputs: ClassVar[Shapes] = {"atlas": (1, 3, SIDE * CELL, SIDE * CELL), "image": TILE, "mask": TILE_MASK}
    outputs: ClassVar[Shapes] = {"mapped": TILE}

    def forward(self, atlas: Tensor, image: Tensor, mask: Tensor) -> Tensor:
        """Look up colors; colors and mask are in 0..1."""
        planes = image.permute(0, 3, 1, 2)  # kernels are slow if the last axis is short
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
    """The residual at base size (`Config.residual`)."""

    inputs: ClassVar[Shapes] = {"low": (1, LOW, "base", "base"), "mapped": (1, "base", "base", 3)}
    outputs: ClassVar[Shapes] = {"residual": (1, LOW, "base", "base")}

    def forward(self, low: Tensor, mapped: Tensor) -> Tensor:
        """Replace the picture in `low` by its residual to `mapped`, which is in 0..1."""
        return torch.cat((residual(low[:, :3], mapped.permute(0, 3, 1, 2)), low[:, 3:]), dim=1)


class UpsamplingGraph(SubGraph):
    """Upsampling of a tile of the generator's picture, for "is2am"."""

    inputs: ClassVar[Shapes] = DRAWN
    outputs: ClassVar[Shapes] = {"upsampled": TILE}

    def forward(self, low: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Upsample a tile; arguments as for the refinement."""
        return denormalize(resize(low[:, :3], rows, columns)).permute(0, 2, 3, 1)


class RefinementGraph(SubGraph):
    """The refinement of a tile."""

    inputs: ClassVar[Shapes] = {"image": TILE, "mapped": TILE, "mask": TILE_MASK, **DRAWN}
    outputs: ClassVar[Shapes] = {"refined": TILE}

    def __init__(self, refinement: Refinement):
        super().__init__()
        self.refinement = refinement

    def forward(
        self, image: Tensor, mapped: Tensor, mask: Tensor, low: Tensor, rows: Tensor, columns: Tensor
    ) -> Tensor:
        """Refine a tile in 0..1 with the analysis around it.

        Args:
            image: The composite.
            mapped: The color mapping's picture.
            mask: The mask.
            low: The part of the generator's outputs, or of the residual, that the tile uses.
            rows: The weights of the rows of `low` in each row of the tile.
            columns: The same for columns.
        """
        upsampled = resize(low, rows, columns)
        colors = [normalize(x.permute(0, 3, 1, 2)) for x in (image, mapped)]
        refined = self.refinement(
            colors[0], upsampled[:, :3], colors[1], mask.permute(0, 3, 1, 2), upsampled[:, 3:]
        )
        return denormalize(refined).permute(0, 2, 3, 1)


def subgraphs(model: CDTNet) -> dict[str, SubGraph]:
    """Return the sub-graphs of a network, by the names of their graphs."""
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
    """Make atlases (B,3,6·34,6·34) of tables (B,3,33,33,33): the slices of the blue axis, row by row.

    They are square, because coordinates in a longer picture would lose precision. The last row and column of
    each slice are repeated, so that rounding at its edge does not reach the neighboring slice.
    """
    slices = F.pad(table, (0, 1, 0, 1, 0, SIDE**2 - LUT_SIZE), mode="replicate")
    rows = slices.reshape(-1, 3, SIDE, SIDE, CELL, CELL).transpose(3, 4)
    return rows.reshape(-1, 3, SIDE * CELL, SIDE * CELL)


def resize(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Resize (B,C,a,b) to (B,C,h,w) by weights (h,a) and (w,b), or (B,1,h,a) and (B,1,w,b) per picture."""
    return torch.matmul(torch.matmul(rows, x), columns.transpose(-1, -2))
