"""The refinement's convolutions in 8-bit integers: where OpenVINO finds these roundings, it multiplies so."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import WeightsError
from ..weights import Weights
from .quiet import opset13, ov

FIRST, SECOND = "refinement.convs.0.weight", "refinement.convs.3.weight"
SPARE = 2  # of the weights' range: sums of two products overflow otherwise, where there is no VNNI
ELU_LEAST = -1.0  # what ELU gives at least


def in_integers(graph: ov.Model, weights: Weights) -> ov.Model | None:
    """A copy of the refinement's graph that is computed in integers; None if the weights have no ranges.

    What the first convolution reads is scaled by each channel's own range, and its weights by the inverse,
    so that one step of the integers serves all channels.

    Raises:
        WeightsError: if the ranges are none.
    """
    ranges = weights.card.get("ranges")
    if ranges is None:
        return None
    inputs, hidden = _checked(ranges, weights)
    copy = graph.clone()
    for convolution in copy.get_ops():
        if convolution.get_type_name() != "Convolution":
            continue
        name = convolution.input_value(1).node.friendly_name
        read = convolution.input_value(0)
        if name == FIRST:
            read = _rounded(read, -inputs * 128 / 127, inputs, np.float32(-128 / 127), np.float32(1))
            kernel = weights.entries[name] * inputs
        elif name == SECOND:
            step = (hidden - ELU_LEAST) / 255
            least = np.round(ELU_LEAST / step) * step  # so that 0, which surrounds the picture, is exact
            read = _rounded(read, least, least + 255 * step, least, least + 255 * step)
            kernel = weights.entries[name]
        else:
            continue
        convolution.input(0).replace_source_output(read)
        convolution.input(1).replace_source_output(_rounded_kernel(kernel))
    copy.validate_nodes_and_infer_types()
    return copy


def _checked(ranges: Any, weights: Weights) -> tuple[NDArray[np.float32], np.float32]:
    """The first convolution's ranges (1,C,1,1) and the second one's."""
    try:
        inputs, hidden = np.array(ranges["inputs"], np.float32), np.float32(ranges["hidden"])
        fits = inputs.shape == weights.entries[FIRST].shape[1:2] and np.isfinite(inputs).all()
        sound = bool(fits and 0 < hidden < np.inf)
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise WeightsError(
            f"The ranges in {weights.name} are none; write the weights anew with cdtnet convert."
        )
    return np.maximum(inputs, np.float32(1e-6)).reshape(1, -1, 1, 1), hidden


def _rounded(value: ov.Output, *limits: Any, levels: int = 256) -> ov.Output:
    """A value brought from one interval to another, of so many levels: least and most of both, by channel."""
    constants = (opset13.constant(np.asarray(limit, np.float32)) for limit in limits)
    return opset13.fake_quantize(value, *constants, levels).output(0)


def _rounded_kernel(kernel: NDArray[np.float32]) -> ov.Output:
    """Weights (out,in,3,3), rounded for each output by itself."""
    most = np.maximum(SPARE * np.abs(kernel).max((1, 2, 3), keepdims=True), 1e-12)
    return _rounded(opset13.constant(kernel).output(0), -most, most, -most, most, levels=255)
