"""The refinement's convolutions in 8-bit integers, by rounding operations that OpenVINO recognizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import WeightsError
from ..weights import Weights
from .quiet import opset13, ov

FIRST, SECOND = "refinement.convs.0.weight", "refinement.convs.3.weight"
SPARE = 2  # factor of the weights' range: without VNNI, sums of two products would overflow otherwise
ELU_LEAST = -1.0  # the smallest value of ELU


def in_integers(graph: ov.Model, weights: Weights) -> ov.Model | None:
    """Return a copy of the refinement's graph that uses integers; None if the weights have no ranges.

    The inputs of the first convolution are scaled by the range of their channel, and its weights by the
    inverse, so that one integer step fits all channels.

    Raises:
        WeightsError: The ranges are invalid.
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
            least = np.round(ELU_LEAST / step) * step  # so that 0, the padding, is exact
            read = _rounded(read, least, least + 255 * step, least, least + 255 * step)
            kernel = weights.entries[name]
        else:
            continue
        convolution.input(0).replace_source_output(read)
        convolution.input(1).replace_source_output(_rounded_kernel(kernel))
    copy.validate_nodes_and_infer_types()
    return copy


def _checked(ranges: Any, weights: Weights) -> tuple[NDArray[np.float32], np.float32]:
    """Return the ranges of the first convolution's inputs (1,C,1,1) and of the second one's."""
    try:
        inputs, hidden = np.array(ranges["inputs"], np.float32), np.float32(ranges["hidden"])
        fits = inputs.shape == weights.entries[FIRST].shape[1:2] and np.isfinite(inputs).all()
        sound = bool(fits and 0 < hidden < np.inf)
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound:
        raise WeightsError(
            f"The ranges in {weights.name} are invalid; write the weights again with cdtnet convert."
        )
    return np.maximum(inputs, np.float32(1e-6)).reshape(1, -1, 1, 1), hidden


def _rounded(value: ov.Output, *limits: Any, levels: int = 256) -> ov.Output:
    """Round a value to `levels` steps between limits, which are given per channel for input and output."""
    constants = (opset13.constant(np.asarray(limit, np.float32)) for limit in limits)
    return opset13.fake_quantize(value, *constants, levels).output(0)


def _rounded_kernel(kernel: NDArray[np.float32]) -> ov.Output:
    """Round weights (out,in,3,3), with a scale for each output."""
    most = np.maximum(SPARE * np.abs(kernel).max((1, 2, 3), keepdims=True), 1e-12)
    return _rounded(opset13.constant(kernel).output(0), -most, most, -most, most, levels=255)
