"""The network's boxes as ONNX graphs: without weights in the package, with weights for other runtimes.

Written from the PyTorch modules, so that the network is described once. Every tile is laid out (1,h,w,C), the
way pictures are; sizes are free. Look-ups become two bilinear samplings of a flat picture of the table, for
which there are kernels everywhere, unlike for those of a volume.
"""

import io
import warnings
from collections.abc import Mapping
from typing import Any

import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model import CDTNet, Config
from ..model.color_mapping import LUT_SIZE, ColorMapping
from ..model.generator import BOTTLENECK, FEATURES, Generator
from ..model.layers import denormalize, normalize
from ..model.refinement import Refinement

OPSET = 18
SIDE, CELL = 6, LUT_SIZE + 1  # slices beside each other, and the side of each, in an atlas
COUNTED_BY_LUTS = ("color_mapping.basis", "color_mapping.weigh.weight", "color_mapping.weigh.bias")


class GeneratorGraph(nn.Module):
    """Picture and mask at base size to the generator's picture and features, and the encoder's coarsest."""

    outputs = ("low", "bottleneck")
    sizes: Mapping[str, Mapping[int, str]] = {
        "image": {2: "base", 3: "base"},
        "mask": {2: "base", 3: "base"},
        "low": {2: "base", 3: "base"},
        "bottleneck": {2: "coarse", 3: "coarse"},
    }

    def __init__(self, generator: Generator):
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(1,3,S,S) and (1,1,S,S), in 0..1, to (1,3+32,S,S), colours normalised, and (1,256,S/8,S/8)."""
        image = normalize(image)
        levels = self.generator.encoder(torch.cat((image, mask), dim=1))
        painted, features = self.generator.decode(image, mask, levels)
        return torch.cat((painted, features), dim=1), levels[-1]


class ColorMappingGraph(nn.Module):
    """The encoder's coarsest features and the mask to the mixed table, also as a flat picture."""

    outputs = ("table", "atlas")
    sizes: Mapping[str, Mapping[int, str]] = {
        "bottleneck": {2: "coarse", 3: "coarse"},
        "coarse_mask": {2: "coarse", 3: "coarse"},
    }

    def __init__(self, color_mapping: ColorMapping):
        super().__init__()
        self.color_mapping = color_mapping

    def forward(self, bottleneck: Tensor, coarse_mask: Tensor) -> tuple[Tensor, Tensor]:
        """(1,256,s,s) and (1,1,s,s) to (1,3,33,33,33), axes colour, blue, green, red, and (1,3,204,204)."""
        table = self.color_mapping(bottleneck, coarse_mask)
        return table, flatten(table)


class LookupGraph(nn.Module):
    """A tile's colours looked up where the mask is foreground."""

    outputs = ("mapped",)
    sizes: Mapping[str, Mapping[int, str]] = {
        "image": {1: "height", 2: "width"},
        "mask": {1: "height", 2: "width"},
        "mapped": {1: "height", 2: "width"},
    }

    def forward(self, atlas: Tensor, image: Tensor, mask: Tensor) -> Tensor:
        """(1,3,204,204), (1,h,w,3) and (1,h,w,1), in 0..1, to (1,h,w,3)."""
        red, green, blue = (image.clamp(0, 1) * (LUT_SIZE - 1)).unbind(-1)
        below = blue.floor().clamp(max=LUT_SIZE - 2)

        def look_up(slice_: Tensor) -> Tensor:
            row = ((slice_ + 0.5) * (1 / SIDE)).floor()
            place = torch.stack(((slice_ - SIDE * row) * CELL + red, row * CELL + green), dim=-1)
            grid = place * (2 / (SIDE * CELL - 1)) - 1
            return F.grid_sample(atlas, grid, mode="bilinear", padding_mode="border", align_corners=True)

        mapped = torch.lerp(look_up(below), look_up(below + 1), (blue - below)[:, None])
        return torch.lerp(image, mapped.permute(0, 2, 3, 1), mask)


class UpsamplingGraph(nn.Module):
    """A tile of the generator's picture, for networks that end there."""

    sizes: Mapping[str, Mapping[int, str]] = {
        "low": {2: "low_height", 3: "low_width"},
        "rows": {0: "height", 1: "low_height"},
        "columns": {0: "width", 1: "low_width"},
        "upsampled": {1: "height", 2: "width"},
    }
    outputs = ("upsampled",)

    def forward(self, low: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """As the refinement's, to (1,h,w,3)."""
        return denormalize(upsample(low, rows, columns)[:, :3]).permute(0, 2, 3, 1)


class RefinementGraph(nn.Module):
    """A tile of the final picture."""

    outputs = ("refined",)
    sizes: Mapping[str, Mapping[int, str]] = {
        "image": {1: "height", 2: "width"},
        "mapped": {1: "height", 2: "width"},
        "mask": {1: "height", 2: "width"},
        "low": {2: "low_height", 3: "low_width"},
        "rows": {0: "height", 1: "low_height"},
        "columns": {0: "width", 1: "low_width"},
        "refined": {1: "height", 2: "width"},
    }

    def __init__(self, refinement: Refinement):
        super().__init__()
        self.refinement = refinement

    def forward(
        self, image: Tensor, mapped: Tensor, mask: Tensor, low: Tensor, rows: Tensor, columns: Tensor
    ) -> Tensor:
        """Tiles (1,h,w,C) in 0..1, and the analysis around them, to (1,h,w,3).

        Args:
            image: (1,h,w,3), the composite.
            mapped: (1,h,w,3), the colour mapping's.
            mask: (1,h,w,1).
            low: (1,3+32,a,b), the part of the generator's outputs that the tile draws on.
            rows: (h,a), how much each row of the tile takes from each of `low`.
            columns: (w,b), likewise.
        """
        upsampled = upsample(low, rows, columns)
        colors = [normalize(x.permute(0, 3, 1, 2)) for x in (image, mapped)]
        refined = self.refinement(
            colors[0], upsampled[:, :3], colors[1], mask.permute(0, 3, 1, 2), upsampled[:, 3:]
        )
        return denormalize(refined).permute(0, 2, 3, 1)


def flatten(table: Tensor) -> Tensor:
    """An atlas (1,3,6·34,6·34) of a table (1,3,33,33,33): the slices of its blue axis, row by row.

    A square, because coordinates in a longer picture would lose digits. Each slice ends with its last row and
    column once more, so that rounding at its edge finds the same colours, not those of the slice beside it.
    """
    slices = F.pad(table, (0, 1, 0, 1, 0, SIDE**2 - LUT_SIZE), mode="replicate")
    rows = slices.reshape(1, 3, SIDE, SIDE, CELL, CELL).transpose(3, 4)
    return rows.reshape(1, 3, SIDE * CELL, SIDE * CELL)


def upsample(low: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """`model.sampling.upsample` of a part (1,C,a,b) as two products of matrices: (1,C,h,w)."""
    return torch.matmul(torch.matmul(rows, low), columns.transpose(0, 1))


def export(model: CDTNet, *, with_weights: bool = True) -> dict[str, onnx.ModelProto]:
    """The graphs of a network's boxes, by name: those of generator, color_mapping, lookup, refinement it has.

    Args:
        model: in eval mode, on the CPU.
        with_weights: if not, every weight is an input of the graph, under its name in our files.
    """
    s, c, h, w = 2 * 8, 2, 5, 7  # sizes to trace with; none of them stays in the graph
    tile = (torch.rand(1, h, w, 3), torch.rand(1, h, w, 1))
    boxes: dict[str, tuple[nn.Module, tuple[Tensor, ...]]] = {
        "generator": (GeneratorGraph(model.generator), (torch.rand(1, 3, s, s), torch.rand(1, 1, s, s)))
    }
    if model.color_mapping is not None:
        inputs = (torch.rand(1, BOTTLENECK, c, c), torch.rand(1, 1, c, c))
        boxes["color_mapping"] = (ColorMappingGraph(model.color_mapping), inputs)
        boxes["lookup"] = (LookupGraph(), (torch.rand(1, 3, SIDE * CELL, SIDE * CELL), *tile))
    drawn = (torch.rand(1, 3 + FEATURES, 3, 4), torch.rand(h, 3), torch.rand(w, 4))
    if model.refinement is not None:
        tiles = (tile[0], tile[0], tile[1])
        boxes["refinement"] = (RefinementGraph(model.refinement), (*tiles, *drawn))
    elif model.color_mapping is None:
        boxes["upsampling"] = (UpsamplingGraph(), drawn)
    return {name: _trace(box, inputs, with_weights) for name, (box, inputs) in boxes.items()}


def bare_graphs() -> dict[str, bytes]:
    """The graphs without weights, as the package holds them in `graphs/`."""
    graphs: dict[str, onnx.ModelProto] = {}
    for config in (Config("is2am"), Config("cdtnet")):
        graphs |= export(CDTNet(config).eval(), with_weights=False)
    return {name: graph.SerializeToString(deterministic=True) for name, graph in graphs.items()}


def _trace(box: nn.Module, inputs: tuple[Any, ...], with_weights: bool) -> onnx.ModelProto:
    file = io.BytesIO()
    sizes: Mapping[str, Mapping[int, str]] = box.sizes  # type: ignore[assignment]
    names = list(box.forward.__annotations__)[:-1]
    with warnings.catch_warnings():  # of the tracer's age; the newer one needs three packages more
        warnings.simplefilter("ignore")
        torch.onnx.export(
            box.eval(),
            inputs,
            file,  # type: ignore[arg-type]
            input_names=names,
            output_names=list(box.outputs),  # type: ignore[arg-type]
            dynamic_axes={name: dict(axes) for name, axes in sizes.items()},
            opset_version=OPSET,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,  # keeps BatchNorm, and so the names of its weights
            do_constant_folding=False,
            keep_initializers_as_inputs=not with_weights,
        )
    graph = onnx.load_from_string(file.getvalue())
    if not with_weights:
        del graph.graph.initializer[:]
        for place in graph.graph.input:
            if place.name in COUNTED_BY_LUTS:
                place.type.tensor_type.shape.dim[0].dim_param = "luts"
    return graph
