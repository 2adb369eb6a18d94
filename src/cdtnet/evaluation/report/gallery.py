"""Example pictures of the report: WebP files of limited size, embedded in the page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvips
from contourpy import contour_generator
from matplotlib import colormaps
from numpy.typing import NDArray

from ..results import UNTOUCHED, Example

REAL = "real photo"
QUALITY = 90
SIDES = (1024, 768, 512, 384, 256)
"""Longer sides in pixels; the first one for which all pictures are within the limit is used."""

BRIGHTEST = 64.0
"""The mean absolute error of the channels, in 8-bit levels, of the brightest color of an error map."""

ERROR_COLORS = (255 * colormaps["inferno"](np.arange(256))[:, :3]).round().astype(np.uint8)


@dataclass(frozen=True)
class Layer:
    """A picture of an example: its name, its `data:` URL, and that of its error map ("" for the real one)."""

    name: str
    picture: str
    error: str


@dataclass(frozen=True)
class Shown:
    """An example as the page shows it.

    Attributes:
        example: The example.
        width: The width in pixels.
        height: The height in pixels.
        outline: The outline of the foreground, an SVG path in a box of `width` × `height`.
        middle: The center of the foreground, in percent of the width.
        layers: Composite, results in the methods' order, and real photo.
    """

    example: Example
    width: int
    height: int
    outline: str
    middle: int
    layers: tuple[Layer, ...]


def embed(examples: Sequence[Example], methods: Sequence[str], limit: int) -> list[Shown]:
    """Embed the examples, reduced to take about `limit` bytes of the page at most.

    Args:
        examples: The examples.
        methods: Their order in the page, including "composite".
        limit: Limit of all pictures together in bytes, as text; the smallest of `SIDES` may exceed it.
    """
    for side in SIDES:
        shown = [_show(example, methods, side) for example in examples]
        if sum(len(layer.picture) + len(layer.error) for one in shown for layer in one.layers) <= limit:
            break
    return shown


def long_side(shown: Sequence[Shown]) -> int:
    """Return the longest side of any picture, in pixels."""
    return max(max(one.width, one.height) for one in shown)


def legend() -> str:
    """Return the error maps' colors as CSS color stops, no error first."""
    return ", ".join(f"rgb({r} {g} {b})" for r, g, b in ERROR_COLORS[:: 255 // 15].tolist())


def _show(example: Example, methods: Sequence[str], side: int) -> Shown:
    height, width = example.mask.shape
    scale = min(1.0, side / max(height, width))
    outputs = {**example.outputs, UNTOUCHED: example.composite}
    layers = [_layer(method, outputs[method], example.real, scale) for method in methods if method in outputs]
    layers.append(Layer(REAL, _webp(_shrunk(example.real, scale)), ""))
    mask = _shrunk(example.mask, scale)
    return Shown(example, mask.shape[1], mask.shape[0], _outline(mask), _middle(mask), tuple(layers))


def _layer(name: str, output: NDArray[Any], real: NDArray[np.uint8], scale: float) -> Layer:
    error = np.abs(output - real.astype(np.float32)).mean(axis=2)
    codes = _as_codes(_shrunk(error * (255 / BRIGHTEST), scale))
    return Layer(name, _webp(_as_codes(_shrunk(output, scale))), _webp(ERROR_COLORS[codes]))


def _as_codes(values: NDArray[Any]) -> NDArray[np.uint8]:
    return values.astype(np.float32).round().clip(0, 255).astype(np.uint8)


def _shrunk(picture: NDArray[Any], scale: float) -> NDArray[Any]:
    """Reduce an array (H,W) or (H,W,3) with antialiasing; smaller ones are unchanged."""
    if scale == 1:
        return picture
    picture = picture.astype(np.float32) if picture.dtype != np.uint8 else picture
    reduced = pyvips.Image.new_from_array(picture).resize(scale, kernel="linear").numpy()
    return reduced.reshape(*reduced.shape[:2], *picture.shape[2:])


def _webp(picture: NDArray[np.uint8]) -> str:
    """Encode a picture (H,W,3) as a `data:` URL."""
    image = pyvips.Image.new_from_array(picture).copy(interpretation="srgb")
    data = image.webpsave_buffer(Q=QUALITY, effort=2, keep="none")
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"


def _middle(mask: NDArray[np.uint8]) -> int:
    weights = mask.sum(axis=0, dtype=np.float64)
    if not weights.any():
        return 50
    return round(100 * np.average(np.arange(len(weights)) + 0.5, weights=weights) / len(weights))


def _outline(mask: NDArray[np.uint8]) -> str:
    """Return the SVG path of the foreground's contour at half coverage, without specks; centers at 0.5."""
    padded = np.pad(mask.astype(np.float32), 1)
    lines: Any = contour_generator(z=padded, line_type="Separate").lines(127.5)
    paths = []
    for line in lines:
        if len(line) > 8:
            points = (line[:: max(1, min(4, len(line) // 8))] - 0.5).round(1).clip(0, None)
            paths.append("M" + "L".join(f"{x:g} {y:g}" for x, y in points) + "Z")
    return "".join(paths)
