"""Export to ONNX graphs: without weights for this package, with weights for other runtimes."""

import io
import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import onnx
import torch
from torch import Tensor

from ..model import CDTNet
from .openvino import CORRECTION
from .subgraphs import SubGraph, subgraphs
from .whole import WholeGraph

OPSET = 18
WHOLE = "cdtnet"
COUNTED_BY_LUTS = ("color_mapping.basis", "color_mapping.weigh.weight", "color_mapping.weigh.bias")
# Sizes for tracing free dimensions: all different, and none of them remains in the graph.
TRACED = {"batch": 2, "base": 16, "coarse": 3, "height": 5, "width": 7, "low_height": 4, "low_width": 6}


def export(model: CDTNet, card: Mapping[str, Any]) -> dict[str, onnx.ModelProto]:
    """Export a network and its sub-graphs with their weights, by name.

    Args:
        model: The network, in eval mode, on the CPU.
        card: Metadata of the weights; stored in the graphs with the network's configuration.
    """
    parts = {WHOLE: WholeGraph(model), **subgraphs(model)}
    graphs = {name: _trace(part, with_weights=True) for name, part in parts.items()}
    about = {**card, "config": asdict(model.config)}
    texts = {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in about.items()}
    for graph in graphs.values():
        onnx.helper.set_model_props(graph, texts)
    return graphs


def export_bare(model: CDTNet) -> dict[str, onnx.ModelProto]:
    """Export a network's sub-graphs, by name, with every weight as an input, named as in weights files.

    They work for any number of basis LUTs, and include both kinds of refinement (`Config.residual`).
    """
    published, ours = (subgraphs(CDTNet(replace(model.config, residual=kind))) for kind in (False, True))
    drawn = {**ours, **published}
    if "refinement" in drawn:
        drawn[CORRECTION] = ours["refinement"]
    graphs = {name: _trace(box, with_weights=False) for name, box in drawn.items()}
    for graph in graphs.values():
        del graph.graph.initializer[:]
        for place in graph.graph.input:
            if place.name in COUNTED_BY_LUTS:
                place.type.tensor_type.shape.dim[0].dim_param = "luts"
    return graphs


def _trace(box: SubGraph, *, with_weights: bool) -> onnx.ModelProto:
    shapes = {**box.inputs, **box.outputs}
    file = io.BytesIO()
    with warnings.catch_warnings():  # the tracer is deprecated; the newer one needs three more packages
        warnings.simplefilter("ignore")
        torch.onnx.export(
            box.eval(),
            tuple(_example(shape) for shape in box.inputs.values()),
            file,  # type: ignore[arg-type]
            input_names=list(box.inputs),
            output_names=list(box.outputs),
            dynamic_axes={
                name: {axis: size for axis, size in enumerate(shape) if isinstance(size, str)}
                for name, shape in shapes.items()
            },
            opset_version=OPSET,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,  # keeps BatchNorm, and thus the names of its weights
            do_constant_folding=False,
            keep_initializers_as_inputs=not with_weights,
        )
    return onnx.load_from_string(file.getvalue())


def _example(shape: tuple[int | str, ...]) -> Tensor:
    return torch.rand([TRACED[size] if isinstance(size, str) else size for size in shape])
